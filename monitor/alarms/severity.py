"""Severity of an incident: the effect, limited by what it costs."""

from collections.abc import Sequence

from monitor.measurement import Level, Measurement

_ORDER: tuple[Level, ...] = ("negligible", "moderate", "severe")
_INPUTS = frozenset({"skew", "drift", "prediction_drift"})
_LOSS = ("performance", "estimated_performance")


def largest(*levels: Level) -> Level:
    """The highest of levels."""
    return max(levels, key=_ORDER.index)


def measured_harm(measurements: Sequence[Measurement]) -> Measurement | None:
    """The loss of a metric over all rows: of mature labels where there are any, else estimated; None if neither is.

    Of several metrics the one with the largest effect relative to its severe threshold.
    """
    for kind in _LOSS:
        found = [one for one in measurements if one.kind == kind and not one.slice and one.value is not None]
        if found:
            return max(found, key=lambda one: one.effect / max(one.severe, 1e-12))
    return None


def alarm_level(one: Measurement, harm: Measurement | None, min_importance: float) -> Level:
    """Level of an alarm for an incident.

    Drift of a feature is at most moderate if its importance to the model is below `min_importance`, or if labels show
    that the metric has not lost a moderate amount.
    """
    if one.kind not in _INPUTS:
        return one.level
    without_loss = harm is not None and harm.kind == "performance" and harm.level == "negligible"
    if one.level == "severe" and (one.weight < min_importance or without_loss):
        return "moderate"
    return one.level
