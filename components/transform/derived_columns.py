"""Which derived columns a model has: those whose values it can learn, told from the rows to learn from.

Of a date those parts that vary, and, where rows are ordered in time, that come back within the time that the rows
cover: of three months the fourth is a value never learned. Of a list the values that are frequent enough.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.features.calendar_parts import DATE, DAY
from components.shared.features.derived_features import REPEATS, readings
from components.shared.features.distinct_values import NumberSample
from components.shared.features.list_items import Items


class ItemNumbers(Items):
    """The same, and what a transform graph needs to know of the columns of 0 and 1."""

    def quantiles(self, item: str, buckets: int) -> np.ndarray:
        """The bounds between buckets of equal shares of the item's column of 0 and 1, float64 [buckets - 1]."""
        zeros = self.rows - self.counts[item.encode()]
        return (np.arange(1, buckets) * self.rows > zeros * buckets).astype(np.float64)

    @staticmethod
    def sample(_: str) -> NumberSample:
        """The values of the item's column."""
        sample = NumberSample()
        sample.add(pa.array([0.0, 1.0], pa.float32()))
        return sample


def learnable(
    features: Mapping[str, Any],
    samples: Mapping[str, NumberSample],
    moments: Mapping[str, NumberSample],
    ordered: bool,
) -> dict[str, Any]:
    """`features`, see derived.expanded, without those parts of dates that cannot be learned.

    Args:
      features: All candidates.
      samples: Of their values.
      moments: Of the dates themselves.
      ordered: Whether the rows to learn from are earlier than those that come.
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
    """How many days the values cover, of first and last of them."""
    if not len(values):
        return 0.0
    return float(int(values.max()) - int(values.min())) / (1 if unit == DATE else DAY)


def nothing_learned(features: Mapping[str, Any]) -> list[str]:
    """Dates and lists of which no column is left."""
    left = {one.column for name in (*features["numeric"], *features["cyclical"]) for one in readings(name)}
    return [name for kind in ("dates", "lists") for name in features.get(kind, {}) if name not in left]
