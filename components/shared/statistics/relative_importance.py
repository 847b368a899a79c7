"""Importance of features relative to the most important one."""

from collections.abc import Iterable, Mapping
from typing import Any

SURE = 2.0
"""A drop of at most this many standard errors is not distinguishable from 0."""
MIN_IMPORTANCE = 0.02
"""Relative importance below which drift of a feature is at most moderate."""


def relative_importance(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Divides the permutation importance of each feature by the largest one.

    Args:
      rows: Rows of `importance` in errors.json, with the fields of error_analysis.importance.FeatureImportance. If the
        metric is not defined for a feature, the increase of the loss is taken for all.

    Returns:
      Feature -> importance in [0, 1]: 1 for the most important one, 0 where it is not significantly above 0. Empty if
      none is, or without rows.
    """
    known = list(rows)
    by_loss = any(row["drop"] is None for row in known)
    sizes = {row["feature"]: float(row["loss"] if by_loss else _significant(row)) for row in known}
    most = max(sizes.values(), default=0.0)
    return {feature: max(0.0, size / most) for feature, size in sizes.items()} if most > 0 else {}


def _significant(row: Mapping[str, Any]) -> float:
    return float(row["drop"]) if row["drop"] > SURE * (row["standard_error"] or 0.0) else 0.0
