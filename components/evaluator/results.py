"""TFMA's result files as plain numbers."""

import json
from pathlib import Path

import tensorflow_model_analysis as tfma

from components.evaluator.metrics import THRESHOLDS

DECISION_THRESHOLD = "assets.extra/decision_threshold.json"
"""In a SavedModel: {"threshold": t}, the probability from which on the model says `class` 1."""


def read_metrics(evaluation: Path, model_name: str, threshold: float) -> dict[str, dict[str, float]]:
    """Metrics of one model.

    Args:
      evaluation: Folder that TFMA wrote.
      model_name: "candidate" or "champion".
      threshold: Decision threshold, one of THRESHOLDS, for precision, recall and F1.

    Returns:
      Slice name -> metric -> value. F1 = 2 TP / (2 TP + FP + FN), 0 where nothing is predicted or true positive.
    """
    result = tfma.load_eval_result(str(evaluation), model_name=model_name)
    # Output name -> sub key -> metric; there is a single output and no sub key here, so both names are "".
    # Only binary tasks have plots.
    matrices = {slice_name(key): outputs[""][""] for key, outputs in result.plots if outputs}
    return {
        slice_name(key): {
            **_values(outputs[""][""]),
            **_at_threshold(matrices.get(slice_name(key)), threshold),
        }
        for key, outputs in result.slicing_metrics
    }


def slice_name(key: tuple[tuple[str, object], ...]) -> str:
    """(("origin", "EWR"),) -> "origin=EWR"; a cross is joined by ", "; overall is ""."""
    return ", ".join(f"{feature}={_text(value)}" for feature, value in key)


def decision_threshold(model: Path) -> float:
    """The model's own decision threshold, rounded to the grid that the evaluation keeps; 0.5 if it names none."""
    try:
        threshold = json.loads((model / DECISION_THRESHOLD).read_text(encoding="utf-8"))["threshold"]
    except FileNotFoundError:
        return 0.5
    return min(THRESHOLDS, key=lambda step: abs(step - threshold))


def _values(outputs: dict) -> dict[str, float]:
    metrics = {name: float(value["doubleValue"]) for name, value in outputs.items() if "doubleValue" in value}
    if "mse" in metrics:
        metrics["rmse"] = metrics.pop("mse") ** 0.5
    return {name: value for name, value in metrics.items() if not name.endswith("example_count")}


def _at_threshold(plot: dict | None, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 where the model decides."""
    if not plot:
        return {}
    matrices = plot["confusionMatrixAtThresholds"]["matrices"]
    matrix = min(matrices, key=lambda row: abs(row.get("threshold", 0.0) - threshold))
    tp, fp, fn = (matrix.get(name, 0.0) for name in ("truePositives", "falsePositives", "falseNegatives"))
    return {
        "f1": 2 * tp / (2 * tp + fp + fn) if tp else 0.0,
        "precision": tp / (tp + fp) if tp else 0.0,
        "recall": tp / (tp + fn) if tp else 0.0,
        "threshold": threshold,
    }


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
