"""Selects the derived columns of a model: those whose values generalise from the training rows.

A part of a date is kept if it varies and, for rows ordered in time, if it recurs within the period that the rows cover:
from data of three months a model cannot learn a fourth. A value of a list is kept if it is frequent enough.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.features.calendar_parts import DATE, DAY
from components.shared.features.derived_features import REPEATS, readings
from components.shared.features.distinct_values import NumberSample
from components.shared.features.list_items import ListItems


class ItemNumbers(ListItems):
    """Counts list items, and provides the quantiles and samples of their indicator columns."""

    def quantiles(self, item: str, buckets: int) -> np.ndarray:
        """Returns the bucket boundaries of the item's indicator column (0 or 1), float64 [buckets - 1]."""
        zeros = self.rows - self.counts[item.encode()]
        return (np.arange(1, buckets) * self.rows > zeros * buckets).astype(np.float64)

    @staticmethod
    def sample(_: str) -> NumberSample:
        """Returns the distinct values of an indicator column: 0 and 1."""
        sample = NumberSample()
        sample.add(pa.array([0.0, 1.0], pa.float32()))
        return sample


def learnable(
    features: Mapping[str, Any],
    samples: Mapping[str, NumberSample],
    moments: Mapping[str, NumberSample],
    ordered: bool,
) -> dict[str, Any]:
    """Drops the parts of dates that do not generalise.

    Args:
      features: All candidates, see derived_features.expanded.
      samples: Sample of the values of each column.
      moments: Sample of the values of each date column itself.
      ordered: Whether the training rows precede the rows to be predicted.

    Returns:
      `features` without these columns.
    """
    dates = features.get("dates", {})
    derived = {*features.get("derived", {}).get("numeric", ()), *features.get("derived", {}).get("cyclical", ())}
    covered = {name: _days(moments[name].values(), unit) for name, unit in dates.items()}

    def kept(name: str) -> bool:
        if name not in derived:
            return True
        meant = next(one for one in readings(name) if one.column in dates or not one.unit)
        values = samples[name].values()
        varies = len(values) > 0 and values.min() < values.max()
        return varies and (not ordered or covered.get(meant.column, 0) >= REPEATS.get(meant.part, 0))

    return {
        **features,
        "numeric": [name for name in features["numeric"] if kept(name)],
        "cyclical": {name: period for name, period in features["cyclical"].items() if kept(name)},
    }


def _days(values: np.ndarray, unit: str) -> float:
    """Number of days from the first to the last value."""
    if not len(values):
        return 0.0
    return float(int(values.max()) - int(values.min())) / (1 if unit == DATE else DAY)


def nothing_learned(features: Mapping[str, Any]) -> list[str]:
    """Returns the date and list columns of which no derived column is kept."""
    left = {one.column for name in (*features["numeric"], *features["cyclical"]) for one in readings(name)}
    return [name for kind in ("dates", "lists") for name in features.get(kind, {}) if name not in left]
