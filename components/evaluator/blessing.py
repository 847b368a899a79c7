"""Decides whether the candidate is blessed: absolute thresholds, and change thresholds against the champion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from components.evaluator.findings import ThresholdViolation
from components.evaluator.paired_comparison import MetricComparison
from components.shared.statistics.metric_names import LOWER_IS_BETTER as LOWER_IS_BETTER
from components.shared.statistics.slice_sizes import EVERY_SLICE
from components.shared.statistics.threshold_criteria import Criterion

Metrics = Mapping[str, float]
Slices = Mapping[str, Metrics]
"""Slice name ("" is overall, "origin=EWR" a slice) -> metric -> value; every slice has `rows`."""

OVERALL = ""


@dataclass(frozen=True)
class ValidationThresholds:
    """Thresholds and policies of the evaluation, section [evaluation] of pipeline.toml."""

    thresholds: Mapping[str, float] = field(default_factory=dict)
    slice_thresholds: Mapping[str, float] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    slice_tolerance: Mapping[str, float] = field(default_factory=dict)
    min_slice_rows: int = EVERY_SLICE
    linear_baseline: str = "warn"
    prior_baseline: str = "block"
    strongest_column: str = "block"
    sensitive: Sequence[str] = ()
    max_disparity: Mapping[str, float] = field(default_factory=dict)
    threshold_metric: Criterion = "f1"


Comparisons = Mapping[tuple[str, str], MetricComparison]
"""(slice, metric) -> comparison with the champion."""


def find_violations(
    candidate: Slices, champion: Slices | None, policy: ValidationThresholds, comparisons: Comparisons | None = None
) -> list[ThresholdViolation]:
    """Returns all violations of thresholds; the candidate is blessed if there are none.

    Args:
      candidate: Metrics of the candidate on the eval split.
      champion: Metrics of the champion on the same rows; None if there is none, so that only absolute thresholds apply.
      policy: Evaluation policy: thresholds and tolerances.
      comparisons: Significance of the differences to the champion, see paired_comparison.py. None makes every loss
        beyond the tolerance a violation.

    Returns:
      Violations, overall first. Whether a loss beyond the tolerance is one depends on its comparison:

          significant         a violation
          not significant     no violation
          undefined           a violation over all rows, none on a slice
          no comparison       a violation

      An undefined metric (AUC of rows of one class) is a violation over all rows and none on a slice.
    """
    found = []
    for name, metrics in sorted({OVERALL: {}, **candidate}.items()):
        overall = name == OVERALL
        if not overall and metrics["rows"] < policy.min_slice_rows:
            continue
        for metric, threshold in (policy.thresholds if overall else policy.slice_thresholds).items():
            if _falls_short(metric, metrics.get(metric), threshold, overall):
                found.append(ThresholdViolation(name, metric, _number(metrics.get(metric)), threshold, "threshold"))
        before = (champion or {}).get(name)
        if before is None:
            continue
        for metric, tolerance in (policy.tolerance if overall else policy.slice_tolerance).items():
            worst = _number(before.get(metric)) + (tolerance if metric in LOWER_IS_BETTER else -tolerance)
            if not (worst == worst or overall) or not _falls_short(metric, metrics.get(metric), worst, overall):
                continue
            compared = (comparisons or {}).get((name, metric))
            if compared is None or compared.significant or (compared.significant is None and overall):
                found.append(ThresholdViolation(name, metric, _number(metrics.get(metric)), worst, "champion"))
    return found


def find_insignificant(
    candidate: Slices, champion: Slices | None, policy: ValidationThresholds, comparisons: Comparisons
) -> list[ThresholdViolation]:
    """Returns losses beyond the tolerance that are not violations because they are not significant, with p-values.

    Args:
      candidate: See `find_violations`.
      champion: See `find_violations`.
      policy: See `find_violations`.
      comparisons: See `find_violations`.
    """
    counted = {
        (one.slice, one.metric, one.against) for one in find_violations(candidate, champion, policy, comparisons)
    }
    return [
        replace(one, significant=False, p_value=comparisons[one.slice, one.metric].p_value)
        for one in find_violations(candidate, champion, policy)
        if (one.slice, one.metric, one.against) not in counted
    ]


def _falls_short(metric: str, value: float | None, bound: float, overall: bool) -> bool:
    number = _number(value)
    if number != number:
        return overall
    return number > bound if metric in LOWER_IS_BETTER else number < bound


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
