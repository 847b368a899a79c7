"""Formats each finding of an evaluation as one line of text, for the terminal, the model card and other tools."""

from collections.abc import Callable, Mapping
from typing import Any

from components.evaluator import findings as kinds
from components.shared.statistics.metric_names import LOWER_IS_BETTER

MAX_NAMED = 5
"""Maximum unknown classes that a text names; the finding has all."""


def to_text(found: kinds.Finding) -> str:
    """Formats a finding without a full stop: "auc on origin=LGA 0.5000 < 0.6000 (threshold)"."""
    return _TEXTS[type(found)](found)


def _threshold(found: kinds.ThresholdViolation) -> str:
    where = f" on {found.slice}" if found.slice else ""
    sign = ">" if found.metric in LOWER_IS_BETTER else "<"
    text = f"{found.metric}{where} {_number(found.value)} {sign} {_number(found.limit)} ({found.against})"
    if found.significant:
        return text
    p = "p undefined" if found.p_value is None or found.p_value != found.p_value else f"p = {found.p_value:.2f}"
    return f"{text}: not significant ({p}), so it does not count"


def _prior(found: kinds.PriorBaseline) -> str:
    if found.outcome == "undefined":
        return "the candidate cannot be compared with the prior baseline: the eval split has a single class"
    if found.outcome == "not_significant":
        return "the candidate is not significantly better than the prior baseline"
    figures = " and ".join(_beside(one.metric, one.value, one.baseline) for one in found.figures)
    return f"{figures}: no better than the prior baseline"


def _linear(found: kinds.LinearBaseline) -> str:
    text = f"{_beside(found.metric, found.value, found.baseline)}: does not beat the linear baseline"
    return text if found.significant else f"{text}, not significant"


def _ahead(found: kinds.SimplerModelAhead) -> str:
    each = ", ".join(f"{one.metric} ({one.baseline:.4f} against {one.value:.4f})" for one in found.metrics)
    return f"the {found.baseline} baseline is better than the candidate in {each}"


def _column(found: kinds.StrongestColumn) -> str:
    return (
        f"{_beside(found.metric, found.value, found.alone)}: significantly worse than the column "
        f"{' '.join(found.column.split())} alone, so the model does not use the information in that column"
    )


def _calibration(found: kinds.Miscalibration) -> str:
    return (
        f"miscalibrated: the mean score is {found.mean_score:.1%}, the observed rate {found.observed:.1%} "
        f"({100 * found.difference:+.1f} percentage points, 95 % interval {100 * found.low:+.1f} to "
        f"{100 * found.high:+.1f})"
    )


def _power(found: kinds.LowPower) -> str:
    return (
        f"{found.metric}: the eval split is too small to detect a loss of twice the tolerance "
        f"({2 * found.tolerance:g}); the smallest loss it detects is {found.detectable:.2g}"
    )


def _gap(found: kinds.FairnessGap) -> str:
    text = (
        f"{found.metric} gap of {found.column}, {found.high} over {found.low}, {found.value:.4f} > {found.limit:.4f} "
        "(fairness)"
    )
    return text if found.significant else f"{text}, not significant"


def _not_compared(found: kinds.FairnessNotCompared) -> str:
    return f"fairness of {found.column} is not compared: fewer than two groups have {found.min_rows} rows"


def _unknown(found: kinds.UnknownClasses) -> str:
    rows = sum(found.classes.values())
    text = (
        f"{rows:,} eval row{'s have' if rows > 1 else ' has'} a class that no train row has and count in no metric: "
        f"{listed(found.classes)}"
    )
    return text if found.accuracy is None else f"{text}; counted as errors, they lower accuracy to {found.accuracy:.4f}"


def _incomparable(found: kinds.ChampionIncomparable) -> str:
    return f"not compared with the champion: {found.reason}; the candidate is evaluated without a champion"


def _columns(found: kinds.ChampionColumns) -> str:
    names = ", ".join(found.columns)
    if found.problem == "missing":
        return f"the champion was trained on columns that the eval rows lack; it gets them as missing values: {names}"
    return f"columns of another numeric type than the champion was trained on are converted for it: {names}"


def listed(classes: Mapping[str, int]) -> str:
    """Formats {"a": 3, "b": 1} as "a (3), b (1)"; at most MAX_NAMED classes, and how many more there are."""
    named = ", ".join(f"{name} ({rows:,})" for name, rows in [*classes.items()][:MAX_NAMED])
    more = len(classes) - MAX_NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _beside(metric: str, value: float | None, other: float | None) -> str:
    sign = ">=" if metric in LOWER_IS_BETTER else "<="
    return f"{metric} {_number(value)} {sign if value != other else '='} {_number(other)}"


def _number(value: float | None) -> str:
    return "nan" if value is None else f"{value:.4f}"


_TEXTS: Mapping[type[kinds.Finding], Callable[[Any], str]] = {
    kinds.ThresholdViolation: _threshold,
    kinds.PriorBaseline: _prior,
    kinds.LinearBaseline: _linear,
    kinds.SimplerModelAhead: _ahead,
    kinds.StrongestColumn: _column,
    kinds.Miscalibration: _calibration,
    kinds.LowPower: _power,
    kinds.FairnessGap: _gap,
    kinds.FairnessNotCompared: _not_compared,
    kinds.UnknownClasses: _unknown,
    kinds.ChampionIncomparable: _incomparable,
    kinds.ChampionColumns: _columns,
}
