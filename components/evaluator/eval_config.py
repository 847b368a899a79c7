"""TFMA's EvalConfig of a task as JSON, without importing TFMA, which takes 9 s.

The metrics are computed here from the Predictions artifact; TFMA only reads the result. The config names the TFMA
classes and arguments that give the same values, so `tfma.run_model_analysis` reproduces them.
"""

import json
from collections.abc import Sequence
from typing import Any

from components.shared.serving.predictions import CANDIDATE, CHAMPION
from components.shared.serving.serving_contract import OUTPUTS, SERVE_EXAMPLES, TRANSFORM_LABELS, TRANSFORMED_LABEL

CURVE_STEPS = 100
"""Number of thresholds between 0 and 1 of the stored confusion matrices, for curves in reports and notebooks."""

COUNTS: list[dict[str, Any]] = [
    {"className": "ExampleCount", "config": {"name": name}} for name in ("example_count", "rows")
]
"""The row count under two names: that of TFMA's views, and that of Plumbline's reports."""

METRIC_SPECS: dict[str, list[dict[str, Any]]] = {
    "binary": [
        *COUNTS,
        {"className": "AUC", "config": {"name": "auc"}},
        {"className": "AUCPrecisionRecall", "config": {"name": "average_precision"}},
        {"className": "BinaryAccuracy", "config": {"name": "accuracy"}},
        {"className": "BinaryCrossEntropy", "config": {"name": "log_loss"}},
        {"className": "Calibration", "config": {"name": "calibration"}},
        {"className": "ConfusionMatrixPlot", "config": {"name": "confusion", "num_thresholds": CURVE_STEPS}},
    ],
    "multiclass": [
        *COUNTS,
        {"className": "SparseCategoricalAccuracy", "config": {"name": "accuracy"}},
        {"className": "SparseCategoricalCrossentropy", "config": {"name": "log_loss"}},
    ],
    "regression": [
        *COUNTS,
        {"className": "MeanSquaredError", "config": {"name": "mse"}},
        {"className": "MeanAbsoluteError", "config": {"name": "mae"}},
    ],
}
"""Task -> TFMA's metrics, with the names of settings and reports."""


def eval_config(task: str, slices: Sequence[Sequence[str]], models: Sequence[str] = (CANDIDATE, CHAMPION)) -> str:
    """Returns TFMA's EvalConfig as JSON.

    Args:
      task: binary, multiclass or regression.
      slices: Columns of each slicing spec; the overall slice is added first.
      models: Candidate, champion, or both. With a single model, TFMA has no model name.
    """
    names = list(models) if len(models) > 1 else [""]
    specs = []
    for name in names:
        spec = {
            "signatureName": SERVE_EXAMPLES,
            "predictionKey": OUTPUTS[task],
            "labelKey": TRANSFORMED_LABEL,
            "preprocessingFunctionNames": [TRANSFORM_LABELS],
        }
        specs.append({**({"name": name} if name else {}), **spec, **({"isBaseline": True} if name == CHAMPION else {})})
    metrics = [{**one, "config": json.dumps(one["config"], sort_keys=True)} for one in METRIC_SPECS[task]]
    return json.dumps(
        {
            "modelSpecs": specs,
            "slicingSpecs": [{}, *({"featureKeys": list(keys)} for keys in slices)],
            "metricsSpecs": [{"metrics": metrics, "modelNames": names}],
        },
        sort_keys=True,
    )


def slice_keys(config: str) -> list[list[str]]:
    """Returns the columns of each slicing spec of an EvalConfig as JSON, without the overall one; [] if invalid."""
    try:
        specs = json.loads(config).get("slicingSpecs", [])
    except (ValueError, AttributeError):
        return []
    return [list(spec["featureKeys"]) for spec in specs if spec.get("featureKeys")]
