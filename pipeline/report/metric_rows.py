"""Rows of the metric table: the candidate compared with the champion and the baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.evaluator.paired_comparison import Z95
from components.shared.statistics.metric_names import MAIN_METRICS
from pipeline.report import intervals
from pipeline.report.facts import ReportData
from pipeline.report.formatting import better, ends, fixed, metric_name, shown_metrics, signed

BASELINES = ("linear", "prior")


@dataclass(frozen=True)
class ComparisonColumn:
    """Another model's metric and the candidate's difference to it, as text.

    Attributes:
      value: Value of the other model; empty if it has none.
      difference: Candidate minus other; empty if unknown.
      interval: 95 % interval of the difference on the same rows; empty if it was not computed.
      better: Whether the candidate is better; None if the difference is not significant or was not tested.
      chance: Whether the interval contains 0: the difference is not significant.
    """

    value: str = ""
    difference: str = ""
    interval: str = ""
    better: bool | None = None
    chance: bool = False


@dataclass(frozen=True)
class MetricRow:
    """One metric of the candidate; `others` has its comparison with the champion and each baseline, by name."""

    key: str
    name: str
    value: str
    interval: str
    others: Mapping[str, ComparisonColumn]

    @property
    def champion(self) -> ComparisonColumn:
        """Comparison with the champion."""
        return self.others.get("champion", ComparisonColumn())

    @property
    def linear(self) -> ComparisonColumn:
        """Comparison with the linear baseline."""
        return self.others.get("linear", ComparisonColumn())


def metric_rows(facts: ReportData) -> list[MetricRow]:
    """Returns all metrics of the candidate with intervals and comparisons on the same rows."""
    metrics: dict[str, Any] = dict(facts.summary["metrics"])
    others: dict[str, Mapping[str, float | None]] = {}
    if facts.summary["champion"]:
        others["champion"] = facts.summary["champion"].get("metrics", {})
    others |= {name: facts.baselines[name] for name in BASELINES if name in facts.baselines}
    errors = _errors(facts)
    known = facts.evaluation.get("intervals") or {}
    rows = []
    for name in shown_metrics(metrics):
        value = metrics[name]
        # The decision threshold is selected, not estimated, and has no interval.
        interval = known.get(name) or _interval(name, value, facts)
        rows.append(
            MetricRow(
                name,
                metric_name(name),
                "unknown" if value is None else fixed(value),
                ends(interval),
                {
                    other: beside(name, value, found.get(name), errors.get((other, name)))
                    for other, found in others.items()
                },
            )
        )
    return rows


def beside(
    metric: str, value: float | None, other: float | None, error: tuple[float, float] | None
) -> ComparisonColumn:
    """Compares a metric of the candidate with that of another model.

    Args:
      metric: Name of the metric.
      value: The candidate's value; None if undefined.
      other: The other model's value; None if undefined.
      error: Paired difference and its standard error; None if they were not computed.
    """
    if other is None:
        return ComparisonColumn()
    if value is None:
        return ComparisonColumn(fixed(other))
    apart = error[0] if error else value - other
    interval = (apart - Z95 * error[1], apart + Z95 * error[1]) if error else None
    if metric == "threshold":
        return ComparisonColumn(fixed(other))
    difference = signed(apart, beside=value)
    shown = bool(difference.strip("0."))  # a difference that is displayed as 0 is neither better nor worse
    chance = shown and interval is not None and interval[0] <= 0 <= interval[1]
    ahead = better(metric, apart) if shown and interval is not None and not chance else None
    return ComparisonColumn(fixed(other), difference, ends(interval, sign=True), ahead, chance)


def _errors(facts: ReportData) -> dict[tuple[str, str], tuple[float, float]]:
    """(other model, metric) -> difference over all rows and its standard error, where the evaluator has both."""
    pairs = [("champion", row) for row in facts.evaluation.get("comparisons") or () if not row["slice"]]
    pairs += [("champion", row) for row in facts.evaluation.get("champion_differences") or ()]
    pairs += [(row["baseline"], row) for row in facts.evaluation.get("baseline_differences") or ()]
    return {
        (other, row["metric"]): (row["difference"], row["error"])
        for other, row in pairs
        if row["difference"] is not None and row["error"] is not None
    }


def tiles(rows: Sequence[MetricRow]) -> list[MetricRow]:
    """Returns the three main metrics, for the top of the report."""
    by_key = {row.key: row for row in rows}
    return [by_key[name] for name in MAIN_METRICS if name in by_key][:3]


def _interval(name: str, value: float | None, facts: ReportData) -> tuple[float, float] | None:
    """Interval by formula, for runs without bootstrap intervals."""
    rows = facts.summary["metrics"].get("rows")
    if value is None or not rows:
        return None
    if name == "accuracy":
        return intervals.wilson(value * rows, rows)
    matrices = facts.curves.get("candidate", ())
    if not matrices:
        return None
    positives, negatives = matrices[0].tp + matrices[0].fn, matrices[0].fp + matrices[0].tn
    if name == "auc":
        return intervals.auc(value, positives, negatives)
    if name == "average_precision":
        return intervals.average_precision(value, positives)
    at = facts.decision("candidate")
    if at is not None and name == "precision":
        return intervals.wilson(at.tp, at.tp + at.fp)
    if at is not None and name == "recall":
        return intervals.wilson(at.tp, at.tp + at.fn)
    return None
