"""Improvement of a model's metric from one run to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.shared.statistics.metric_names import LOWER_IS_BETTER, MAIN_METRICS

if TYPE_CHECKING:
    from pipeline.run_history.compare_intervals import Intervals


@dataclass(frozen=True)
class MetricDelta:
    """A metric in both runs; None if unknown. `delta` is after minus before."""

    before: float | None
    after: float | None
    delta: float | None


@dataclass(frozen=True)
class MetricGain:
    """Improvement of the later run's model on the same eval rows; positive is better, also for an error or a loss.

    `low` and `high` are the 95 % interval; None unless intervals were requested.
    """

    metric: str
    before: float
    after: float
    gain: float
    low: float | None = None
    high: float | None = None


def gain_of(recorded: Mapping[str, MetricDelta], measured: "Intervals | None") -> MetricGain | None:
    """Returns the improvement, preferably from the models scored again, which certainly use the same rows.

    Args:
      recorded: Metrics as recorded by the runs.
      measured: Metrics of both models on the same rows, or None.
    """
    names = measured.metrics if measured is not None else recorded
    for name in (name for name in MAIN_METRICS if name in names):
        sign = -1.0 if name in LOWER_IS_BETTER else 1.0
        if measured is not None:
            one = measured.metrics[name]
            ends = [None if end is None else sign * end for end in (one.low, one.high)]
            low, high = ends if sign > 0 else ends[::-1]
            return MetricGain(name, one.before, one.after, sign * one.delta, low, high)
        delta = recorded[name]
        if delta.before is not None and delta.after is not None and delta.delta is not None:
            return MetricGain(name, delta.before, delta.after, sign * delta.delta)
    return None
