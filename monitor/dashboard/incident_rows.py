"""Incidents as texts: open ones first, with their causes."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.dashboard.formatting import counted, figure, moment, percent
from monitor.dashboard.history import History
from monitor.incident import Cause, Incident
from monitor.measurement import Level

MAX_CAUSES, MAX_CLOSED = 5, 20

_KINDS = {
    "covariate": "inputs moved",
    "concept": "the relation of label and inputs moved",
    "prior": "the label's distribution moved",
    "season": "season",
    "quality": "data quality",
    "operations": "operations",
    "mixed": "several causes",
}


@dataclass(frozen=True)
class CauseLine:
    """A cause: subject with value and slice, and the rest as a sentence."""

    subject: str
    where: str
    rest: str


@dataclass(frozen=True)
class IncidentRow:
    """An incident as texts; `ended` is "" while it is open."""

    number: int
    level: Level
    state: str
    title: str
    kind: str
    opened: str
    updated: str
    ended: str
    harm: str
    alarms: str
    causes: Sequence[CauseLine]


def open_incidents(history: History) -> list[IncidentRow]:
    """Incidents that are not closed: severe ones first, then the newest."""
    found = [one for one in history.incidents if one.state != "closed"]
    return [_row(one) for one in sorted(found, key=lambda one: (one.level != "severe", -one.number))]


def closed_incidents(history: History) -> list[IncidentRow]:
    """The last closed incidents, newest first."""
    return [_row(one) for one in reversed([one for one in history.incidents if one.state == "closed"][-MAX_CLOSED:])]


def _row(one: Incident) -> IncidentRow:
    return IncidentRow(
        one.number,
        one.level,
        one.state,
        one.title,
        _KINDS.get(one.kind, one.kind),
        moment(one.opened),
        moment(one.updated),
        moment(one.closed) if one.closed else "",
        figure(one.harm) if one.harm else "",
        counted(len(one.alarms), "alarm") if one.alarms else "",
        [_cause(cause) for cause in one.causes[:MAX_CAUSES]],
    )


def _cause(one: Cause) -> CauseLine:
    parts = []
    if one.since:
        parts.append(f"since {moment(one.since)}")
    if one.share is not None:
        parts.append(f"{percent(one.share)} of the change")
    if one.source:
        parts.append(f"from {one.source}")
    where = ", ".join(part for part in (_rounded(one.at), f"in {one.slice}" if one.slice else "") if part)
    return CauseLine(one.subject, where, ", ".join(parts))


def _rounded(text: str) -> str:
    """A number with six significant digits, since a float32 has no more; another text as it is."""
    try:
        return f"{float(text):.6g}"
    except ValueError:
        return text
