"""TFMA's result files as plain numbers."""

import json
from pathlib import Path

import tensorflow_model_analysis as tfma

DECISION_THRESHOLD = "assets.extra/decision_threshold.json"
"""In a SavedModel: {"threshold": t}, the probability from which on the model says `class` 1."""


def read_metrics(evaluation: Path, model_name: str) -> dict[str, dict[str, float]]:
    """Metrics of one model.

    Args:
      evaluation: Folder that TFMA wrote.
      model_name: "candidate" or "champion".

    Returns:
      Slice name -> metric -> value.
    """
    result = tfma.load_eval_result(str(evaluation), model_name=model_name)
    # Output name -> sub key -> metric; there is a single output and no sub key here, so both names are "".
    return {slice_name(key): _values(outputs[""][""]) for key, outputs in result.slicing_metrics}


def slice_name(key: tuple[tuple[str, object], ...]) -> str:
    """(("origin", "EWR"),) -> "origin=EWR"; a cross is joined by ", "; overall is ""."""
    return ", ".join(f"{feature}={_text(value)}" for feature, value in key)


def decision_threshold(model: Path) -> float:
    """The model's own decision threshold; 0.5 if it names none."""
    try:
        return float(json.loads((model / DECISION_THRESHOLD).read_text(encoding="utf-8"))["threshold"])
    except FileNotFoundError:
        return 0.5


def _values(outputs: dict) -> dict[str, float]:
    metrics = {name: float(value["doubleValue"]) for name, value in outputs.items() if "doubleValue" in value}
    if "mse" in metrics:
        metrics["rmse"] = metrics.pop("mse") ** 0.5
    return {name: value for name, value in metrics.items() if not name.endswith("example_count")}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
