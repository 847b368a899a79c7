"""Is the candidate blessed? A value to reach and no regression against the champion, overall and per slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from components.evaluator.findings import ThresholdViolation
from components.evaluator.paired_comparison import Comparison
from components.shared.statistics.metric_names import LOWER_IS_BETTER as LOWER_IS_BETTER
from components.shared.statistics.threshold_criteria import Criterion

Metrics = Mapping[str, float]
Slices = Mapping[str, Metrics]
"""Slice name ("" is overall, "origin=EWR" a slice) -> metric -> value; every slice has `rows`."""

OVERALL = ""


@dataclass(frozen=True)
class Bar:
    """What is asked of a candidate; see the table [evaluation] of pipeline.toml."""

    thresholds: Mapping[str, float] = field(default_factory=dict)
    slice_thresholds: Mapping[str, float] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    slice_tolerance: Mapping[str, float] = field(default_factory=dict)
    min_slice_rows: int = 1
    linear_baseline: str = "warn"
    prior_baseline: str = "block"
    strongest_column: str = "block"
    sensitive: Sequence[str] = ()
    max_disparity: Mapping[str, float] = field(default_factory=dict)
    threshold_metric: Criterion = "f1"


Comparisons = Mapping[tuple[str, str], Comparison]
"""(slice, metric) -> how sure the difference to the champion is."""


def judge(
    candidate: Slices, champion: Slices | None, bar: Bar, comparisons: Comparisons | None = None
) -> list[ThresholdViolation]:
    """Everything that keeps the candidate from being blessed; an empty list is a blessing.

    Args:
      candidate: Its metrics on the eval split.
      champion: The champion's on the same rows; None while there is no champion, and then the thresholds alone count.
      bar: What is asked.
      comparisons: What chance explains of the differences to the champion, see evidence.py: a loss beyond the
        tolerance is a violation only if it is significant. Where there is no comparison, the loss alone counts; where
        it cannot be told, it counts overall and not on a slice.

    Returns:
      Violations, overall first. A metric that is not a number (AUC of a slice with one class) is no violation on a
      slice, where it means "undefined", but is one overall.
    """
    found = []
    for name, metrics in sorted({OVERALL: {}, **candidate}.items()):
        overall = name == OVERALL
        if not overall and metrics["rows"] < bar.min_slice_rows:
            continue
        for metric, threshold in (bar.thresholds if overall else bar.slice_thresholds).items():
            if _falls_short(metric, metrics.get(metric), threshold, overall):
                found.append(ThresholdViolation(name, metric, _number(metrics.get(metric)), threshold, "threshold"))
        before = (champion or {}).get(name)
        if before is None:
            continue
        for metric, tolerance in (bar.tolerance if overall else bar.slice_tolerance).items():
            worst = _number(before.get(metric)) + (tolerance if metric in LOWER_IS_BETTER else -tolerance)
            if not (worst == worst or overall) or not _falls_short(metric, metrics.get(metric), worst, overall):
                continue
            compared = (comparisons or {}).get((name, metric))
            if compared is None or compared.significant or (compared.significant is None and overall):
                found.append(ThresholdViolation(name, metric, _number(metrics.get(metric)), worst, "champion"))
    return found


def by_chance(
    candidate: Slices, champion: Slices | None, bar: Bar, comparisons: Comparisons
) -> list[ThresholdViolation]:
    """What would be a violation if the difference to the champion were significant, with its p-value."""
    counted = {(one.slice, one.metric, one.against) for one in judge(candidate, champion, bar, comparisons)}
    return [
        replace(one, significant=False, p_value=comparisons[one.slice, one.metric].p_value)
        for one in judge(candidate, champion, bar)
        if (one.slice, one.metric, one.against) not in counted
    ]


def _falls_short(metric: str, value: float | None, bar: float, overall: bool) -> bool:
    number = _number(value)
    if number != number:
        return overall
    return number > bar if metric in LOWER_IS_BETTER else number < bar


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
