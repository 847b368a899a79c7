"""Converts evaluation findings to sentences of the report, without a full stop."""

from collections.abc import Callable, Mapping
from typing import Any

from components.evaluator import findings as kinds
from components.evaluator.finding_text import to_text
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from pipeline.report.formatting import listed, metric_name, percent, signed


def sentence(found: kinds.Finding | str) -> str:
    """Converts a finding to a sentence; the text of a run of an earlier version only gets a capital letter."""
    if isinstance(found, str):
        return found[:1].upper() + found[1:]
    how = _SENTENCES.get(type(found))
    text = to_text(found) if how is None else how(found)
    return text[:1].upper() + text[1:]


def line_name(task: str) -> str:
    """Returns the name of a task's linear baseline."""
    return "linear regression" if task == "regression" else "logistic regression"


def in_a_sentence(metric: str) -> str:
    """Returns a metric's name in lower case, except abbreviations such as AUC and RMSE."""
    name = metric_name(metric)
    return name if name[:2].isupper() or name == "F1" else name.lower()


def _threshold(found: kinds.ThresholdViolation) -> str:
    where = f" on {found.slice}" if found.slice else ""
    limit = "champion's value with the tolerance" if found.against == "champion" else "threshold"
    if found.value is None or found.limit is None:
        return f"{metric_name(found.metric)}{where} is undefined, or the {limit} is"
    side = "above" if found.metric in LOWER_IS_BETTER else "below"
    text = f"{metric_name(found.metric)}{where} is {found.value:.4f}, {side} the {limit}, {found.limit:.4f}"
    if found.significant:
        return text
    p = "p is undefined" if found.p_value is None else f"p = {found.p_value:.2f}"
    return f"{text}; the difference is not significant ({p}), so the threshold is not violated"


def _prior(found: kinds.PriorBaseline) -> str:
    each = [
        f"{in_a_sentence(one.metric)} {_number(one.value)} against {_number(one.baseline)}" for one in found.figures
    ]
    prior = "the prior, which predicts the same for every row"
    if found.outcome == "not_better":
        return f"No better than {prior}: {listed(each)}"
    if found.outcome == "not_significant":
        return f"Not significantly better than {prior}: {listed(each)}"
    return to_text(found)


def _linear(found: kinds.LinearBaseline) -> str:
    name = line_name("regression" if found.metric in ("rmse", "mae") else "classification").capitalize()
    metric = in_a_sentence(found.metric)
    if found.value == found.baseline:
        return f"{name} has the same {metric}: {found.baseline:.4f}"
    figures = f"{metric} {found.baseline:.4f}, the candidate's is {found.value:.4f}"
    if found.significant:
        return f"{name} is significantly better: {figures}"
    return f"Not significantly different from {name[:1].lower()}{name[1:]}: {figures}"


def _ahead(found: kinds.SimplerModelAhead) -> str:
    each = [f"{in_a_sentence(one.metric)} ({signed(one.difference, beside=one.value)})" for one in found.metrics]
    task = "regression" if any(one.metric in ("rmse", "mae") for one in found.metrics) else "classification"
    return f"Significantly worse than {line_name(task)} in {listed(each)}"


def _column(found: kinds.StrongestColumn) -> str:
    metric = in_a_sentence(found.metric)
    return (
        f"Significantly worse than its column {' '.join(found.column.split())} alone: {metric} {found.value:.4f} "
        f"against {found.alone:.4f}; the model does not use the information in that column"
    )


def _calibration(found: kinds.Miscalibration) -> str:
    side = "high" if found.difference > 0 else "low"
    return (
        f"Miscalibrated: the mean score is {percent(found.mean_score)}, the observed rate {percent(found.observed)}; "
        f"scores are too {side} by {100 * abs(found.difference):.1f} percentage points (95 % interval of the "
        f"difference {signed(100 * found.low, 1, 0.0)} to {signed(100 * found.high, 1, 0.0)})"
    )


def _power(found: kinds.LowPower) -> str:
    return (
        f"{metric_name(found.metric)}: the eval split is too small to detect a loss of twice the tolerance "
        f"({2 * found.tolerance:g}); the smallest loss it detects is {found.detectable:.2g}"
    )


def _gap(found: kinds.FairnessGap) -> str:
    text = (
        f"{metric_name(found.metric)} of {found.high} is {found.value:.4f} above that of {found.low} ({found.column}); "
        f"the limit is {found.limit:.4f}"
    )
    return text if found.significant else f"{text}; the difference is not significant"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


_SENTENCES: Mapping[type[kinds.Finding], Callable[[Any], str]] = {
    kinds.ThresholdViolation: _threshold,
    kinds.PriorBaseline: _prior,
    kinds.LinearBaseline: _linear,
    kinds.SimplerModelAhead: _ahead,
    kinds.StrongestColumn: _column,
    kinds.Miscalibration: _calibration,
    kinds.LowPower: _power,
    kinds.FairnessGap: _gap,
}
"""Findings whose sentence differs from the terminal's text."""
