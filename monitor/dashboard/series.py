"""Measurements as series over the windows of a page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.dashboard.history import History
from monitor.measurement import Level, Measurement

ORDER: dict[Level, int] = {"negligible": 0, "moderate": 1, "severe": 2}


@dataclass(frozen=True)
class Series:
    """The measurements of one stream: one for each window, None where there is none."""

    points: Sequence[Measurement | None]

    @property
    def last(self) -> Measurement:
        """The newest measurement."""
        return next(one for one in reversed(self.points) if one is not None)

    @property
    def worst(self) -> float:
        """Largest severity of all windows, weighted by the subject's importance."""
        return max(severity(one) * one.weight for one in self.points if one is not None)


def severity(one: Measurement) -> float:
    """The effect as a share of the effect that is severe; 0 if the check abstains. At least 0, may be above 1."""
    if one.value is None or not math.isfinite(one.effect):
        return 0.0
    if one.severe <= 0:
        return 0.0 if one.effect <= 0 else 1.0
    return max(0.0, one.effect / one.severe)


def worst_of(found: Iterable[Measurement]) -> Measurement | None:
    """The measurement with the highest level, and of those the largest share of its severe effect; None of none."""
    return max(found, key=lambda one: (ORDER[one.level], severity(one)), default=None)


def series_of(history: History, kinds: Iterable[str], *, slices: bool = True) -> dict[str, Series]:
    """Returns stream -> series of the measurements of some kinds.

    Where several versions answered in a window, its measurement is that with the largest severity.

    Args:
      history: The records.
      kinds: Kinds of measurement.
      slices: Whether to include those of slices.
    """
    wanted, found = set(kinds), dict[str, list[Measurement | None]]()
    for place, one in history.measurements:
        if one.kind not in wanted or (one.slice and not slices):
            continue
        points = found.setdefault(one.stream, [None] * len(history.windows))
        before = points[place]
        points[place] = one if before is None else worst_of((before, one))
    return {stream: Series(points) for stream, points in found.items()}
