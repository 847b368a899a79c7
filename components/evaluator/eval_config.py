"""TFMA's EvalConfig of a task as JSON, without importing TFMA (9 s): what is computed, in TFMA's words. Pure.

The metrics are computed here from the Predictions artifact; TFMA reads the result. So the config names TFMA's own
classes, with the arguments under which they give the same figures: `tfma.run_model_analysis` with it does.
"""

import json
from collections.abc import Sequence
from typing import Any

from components.shared.serving.predictions import CANDIDATE, CHAMPION
from components.shared.serving.serving_contract import OUTPUTS, SERVE_EXAMPLES, TRANSFORM_LABELS, TRANSFORMED_LABEL

CURVE_STEPS = 100
"""Thresholds between 0 and 1 at which the confusion matrix is kept, for the curves of reports and notebooks."""

COUNTS: list[dict[str, Any]] = [
    {"className": "ExampleCount", "config": {"name": name}} for name in ("example_count", "rows")
]
"""How many rows there are, as TFMA's views call it and as our reports do."""

METRICS: dict[str, list[dict[str, Any]]] = {
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
"""Task -> TFMA's metrics, under the names that settings and reports use."""


def eval_config(task: str, slices: Sequence[Sequence[str]], models: Sequence[str] = (CANDIDATE, CHAMPION)) -> str:
    """TFMA's EvalConfig as JSON.

    Args:
      task: binary, multiclass or regression.
      slices: Columns of each slicing spec; the overall one comes first by itself.
      models: One or two of candidate and champion. TFMA leaves a model's name out where there is only one.
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
    metrics = [{**one, "config": json.dumps(one["config"], sort_keys=True)} for one in METRICS[task]]
    return json.dumps(
        {
            "modelSpecs": specs,
            "slicingSpecs": [{}, *({"featureKeys": list(keys)} for keys in slices)],
            "metricsSpecs": [{"metrics": metrics, "modelNames": names}],
        },
        sort_keys=True,
    )


def slice_keys(config: str) -> list[list[str]]:
    """Columns of each slicing spec in an EvalConfig as JSON, without the overall one; empty if it is none."""
    try:
        specs = json.loads(config).get("slicingSpecs", [])
    except (ValueError, AttributeError):
        return []
    return [list(spec["featureKeys"]) for spec in specs if spec.get("featureKeys")]
