"""Titles of incidents: one plain line."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.incident import Cause
from monitor.measurement import Measurement

_LONGEST = 240
_NAMED = 3
_WORDS = {
    "skew": "differs from the training data",
    "drift": "differs from the windows before",
    "prediction_drift": "predictions have moved",
    "transform_skew": "predictions differ from those replayed from the logged rows",
    "missing": "missing values",
    "unknown": "values outside the vocabulary",
    "out_of_range": "values out of range",
    "traffic": "traffic has changed",
    "errors": "more requests fail",
    "latency": "requests take longer",
    "label_coverage": "labels are missing or late",
    "estimated_performance": "the estimated metric has become worse",
    "performance": "the metric has become worse",
    "concept_drift": "the relation between inputs and label has moved",
    "prior_shift": "the share of the label has moved",
}

_METRICS = {"performance": "", "estimated_performance": "estimated "}
"""Kinds whose subject is a metric, with the word before it."""


def title(kind: str, causes: Sequence[Cause], alarms: Sequence[Mapping[str, Any]], harm: Measurement | None) -> str:
    """What happened, where, since when, where it comes from, and what it costs; at most 240 characters.

    Args:
      kind: Kind of the incident.
      causes: Most likely first, at least one.
      alarms: The alarms' JSON objects.
      harm: Measured or estimated loss, if any.
    """
    first = causes[0]
    about = [one for one in alarms if one["measurement"]["subject"] == first.subject]
    most = max(about or alarms, key=lambda one: one["evidence"] / one["limit"])["measurement"]
    limits = f"effect {most['effect']:.3g}, severe from {most['severe']:.3g}"
    if is_metric := most["kind"] in _METRICS and None not in (most["value"], most["reference_value"]):
        parts = [f"{_METRICS[most['kind']]}{_moved(first.subject, most['reference_value'], most['value'])} ({limits})"]
    else:
        parts = [f"{first.subject}: {_WORDS.get(most['kind'], most['kind'])}"]
        if first.at:
            parts[0] += f", most at {first.at}"
        parts[0] += f" ({most['measure']} {_number(most['value'])}, {limits})"
    if first.slice:
        parts.append(f"in {first.slice}")
    if first.since:
        parts.append(f"since {first.since[:16].replace('T', ' ')}")
    if first.source:
        parts.append(f"from {first.source}")
    line = " ".join(parts)
    others = list(dict.fromkeys(one.subject for one in causes if one.subject != first.subject))
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        line += f"; also {', '.join(others[:_NAMED])}{more}"
    if kind in ("concept", "prior", "season"):
        line += f"; {_CAUSES[kind]}"
    told = is_metric and harm is not None and (harm.kind, harm.subject) == (most["kind"], first.subject)
    if harm is not None and harm.value is not None and not told:
        word = _METRICS.get(harm.kind, "")
        before = "" if harm.reference_value is None else f"{harm.reference_value:.3g} to "
        line += f"; {word}{harm.subject} {before}{harm.value:.3g}"
    line = " ".join(line.split())  # values of the data may hold line breaks
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


_CAUSES = {
    "concept": "the relation between inputs and label has moved",
    "prior": "only the share of the label has moved",
    "season": "as in the same season of last year",
}


def _moved(metric: str, before: float, now: float) -> str:
    verb = "has risen" if now > before else "has fallen"
    return f"{metric} {verb} from {_number(before)} to {_number(now)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
