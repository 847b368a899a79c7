"""Slices ranked by how much they cost."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WeakSlice:
    """A slice on which the metric is worse than overall. `gap` = overall - slice (or slice - overall for a loss)."""

    slice: str
    rows: int
    metric: str
    value: float
    gap: float
    weight: float
    """gap x share of the rows: what the slice costs overall, if the metric were an average over rows."""


def weakest_slices(
    slices: Mapping[str, Mapping[str, float | None]],
    overall: Mapping[str, float | None],
    metric: str,
    lower_is_better: bool,
    min_rows: int,
) -> list[WeakSlice]:
    """Slices that are worse than the whole, the costliest first.

    Args:
      slices: Slice name -> metric -> value, with `rows`; None means that the metric cannot be told there.
      overall: The same for all rows.
      metric: The one to rank by.
      lower_is_better: True for losses.
      min_rows: Smaller slices are left out: their figure is mostly chance.
    """
    whole, total = overall[metric], overall["rows"]
    if whole is None or not total:
        return []
    found = []
    for name, metrics in slices.items():
        value, rows = metrics.get(metric), metrics["rows"] or 0
        if value is None or rows < min_rows:
            continue
        gap = value - whole if lower_is_better else whole - value
        if gap > 0:
            found.append(WeakSlice(name, int(rows), metric, value, gap, gap * rows / total))
    return sorted(found, key=lambda slice_: (-slice_.weight, slice_.slice))
