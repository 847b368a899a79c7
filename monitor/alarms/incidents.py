"""Incidents: related alarms as one message."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from components.shared.statistics.relative_importance import MIN_IMPORTANCE
from monitor.alarms.alarm_rule import in_alarm
from monitor.alarms.budget import HARM
from monitor.alarms.severity import alarm_level, largest, measured_harm
from monitor.alarms.titles import title
from monitor.incident import Alarm, Cause, Incident
from monitor.measurement import Measurement
from monitor.window import Window

CauseFinder = Callable[[Sequence[Alarm]], tuple[Cause, ...]]

_MAX_WINDOWS_APART = 2
"""Maximum distance, in windows, of alarms that belong to one incident because of their time."""
_MIN_CORRELATION = 0.6
_MIN_COMMON_WINDOWS = 10
_KINDS = {
    "skew": "covariate",
    "drift": "covariate",
    "prediction_drift": "covariate",
    "missing": "quality",
    "unknown": "quality",
    "out_of_range": "quality",
    "transform_skew": "quality",
    "traffic": "operations",
    "errors": "operations",
    "latency": "operations",
    "label_coverage": "operations",
    "concept_drift": "concept",
    "prior_shift": "prior",
}


def group_alarms(
    alarms: Sequence[Alarm],
    measurements: Sequence[Measurement],
    open_incidents: Sequence[Incident],
    window: Window,
    state: Mapping[str, Any],
    *,
    next_number: int,
    causes: CauseFinder | None = None,
    diagnosis: str = "",
    min_importance: float = MIN_IMPORTANCE,
) -> list[Incident]:
    """Groups new alarms into incidents, and brings open incidents up to date.

    An alarm joins an open incident that began within two windows of it, has an alarm of the same column, or of a stream
    whose effects correlate with its own (at least 0.6 over at least 10 windows); all other alarms of a window are one
    new incident. An incident is closed when none of its streams is in alarm any more.

    Args:
      alarms: New alarms of the window, from AlarmRule.update.
      measurements: All measurements of the window.
      open_incidents: Incidents that are not closed.
      window: The window.
      state: The new state of the alarm rule.
      next_number: Number of the next new incident.
      causes: Finds the causes of alarms, most likely first; see attribution.causes. None: what the alarms say.
      diagnosis: Kind that a diagnosis of the window found ("covariate", "concept", "prior", "season"); "" for none.
      min_importance: Importance below which drift of a feature is at most moderate.

    Returns:
      New and changed incidents.
    """
    find = _with_start(causes or stated_causes, state)
    alarmed = in_alarm(state)
    joined: dict[int, list[Alarm]] = {one.number: [] for one in open_incidents}
    fresh: list[Alarm] = []
    for alarm in alarms:
        home = next((one for one in reversed(open_incidents) if _belongs(alarm, one, state)), None)
        if home is None:
            fresh.append(alarm)
        else:
            joined[home.number].append(alarm)
    found = []
    for incident in open_incidents:
        changed = _updated(incident, joined[incident.number], measurements, window, find, diagnosis, min_importance)
        streams = _streams(changed)
        if not streams & alarmed.keys():
            end = Incident.time_text(window.end)
            changed = replace(changed, state="closed", closed=end, updated=end)
        if changed != incident:
            found.append(changed)
    if fresh:
        end = Incident.time_text(window.end)
        empty = Incident(next_number, "open", "negligible", "", end, end, min(one.window for one in fresh))
        found.append(_updated(empty, fresh, measurements, window, find, diagnosis, min_importance))
    return found


def stated_causes(alarms: Sequence[Alarm]) -> tuple[Cause, ...]:
    """The alarms' own statements as causes: measures of inputs first, each by effect relative to its threshold."""

    def key(alarm: Alarm) -> tuple[bool, float]:
        one = alarm.measurement
        return one.kind in HARM, -one.weight * one.effect / max(one.severe, 1e-12)

    found: dict[tuple[str, str], Cause] = {}
    for alarm in sorted(alarms, key=key):
        one = alarm.measurement
        found.setdefault((one.subject, one.slice), Cause(one.subject, one.at_text, one.slice))
    return tuple(found.values())


def _with_start(find: CauseFinder, state: Mapping[str, Any]) -> CauseFinder:
    """As `find`, with the start of the first window of the effect where it says none."""

    def found(alarms: Sequence[Alarm]) -> tuple[Cause, ...]:
        since: dict[str, str] = {}
        for alarm in alarms:
            one = alarm.measurement
            start = state.get("streams", {}).get(one.stream, {}).get("since", "")
            since[one.subject] = min(filter(None, (since.get(one.subject, ""), start)), default="")
        return tuple(replace(cause, since=cause.since or since.get(cause.subject, "")) for cause in find(alarms))

    return found


def _updated(
    incident: Incident,
    alarms: Sequence[Alarm],
    measurements: Sequence[Measurement],
    window: Window,
    find: CauseFinder,
    diagnosis: str,
    min_importance: float,
) -> Incident:
    """The incident with new alarms: a higher level reopens what a person has acknowledged."""
    harm = measured_harm(measurements)
    if not alarms:
        return incident
    level = incident.level
    for alarm in alarms:
        level = largest(level, alarm_level(alarm.measurement, harm, min_importance))
    causes = incident.causes or find(alarms)
    if incident.causes:
        known = {(one.subject, one.slice) for one in causes}
        causes += tuple(one for one in find(alarms) if (one.subject, one.slice) not in known)
    records = (*incident.alarms, *(alarm.to_json() for alarm in alarms))
    kind = _kind([one["measurement"] for one in records], causes, diagnosis)
    loss = harm.effect if harm and harm.value is not None else incident.harm
    return replace(
        incident,
        state="open" if level != incident.level else incident.state,
        level=level,
        kind=kind,
        causes=causes,
        alarms=records,
        harm=loss,
        updated=Incident.time_text(window.end),
        title=title(kind, causes, records, harm),
    )


def _kind(measurements: Iterable[Mapping[str, Any]], causes: Sequence[Cause], diagnosis: str) -> str:
    kinds: dict[str, set[str]] = {}
    for one in measurements:
        if one["kind"] in _KINDS:
            kinds.setdefault(_KINDS[one["kind"]], set()).add(one["subject"])
    for name in ("concept", "prior"):  # concept drift or prior shift explains alarms of the inputs in the same windows
        if name in kinds:
            return name
    if "quality" in kinds and causes and causes[0].subject in kinds["quality"]:
        return "quality"
    if diagnosis not in ("", "none") and kinds.keys() <= {"covariate"}:
        return diagnosis
    return next(iter(kinds)) if len(kinds) == 1 else "mixed"


def _streams(incident: Incident) -> set[str]:
    return {_measurement(one).stream for one in incident.alarms}


def _measurement(record: Mapping[str, Any]) -> Measurement:
    return Measurement(**{name: value for name, value in record["measurement"].items() if name != "level"})


def _belongs(alarm: Alarm, incident: Incident, state: Mapping[str, Any]) -> bool:
    if abs(alarm.window - alarm.windows + 1 - incident.first_window) <= _MAX_WINDOWS_APART:
        return True
    if abs(alarm.window - incident.first_window) <= _MAX_WINDOWS_APART:
        return True
    subjects = {one["measurement"]["subject"] for one in incident.alarms}
    if alarm.measurement.subject in subjects or alarm.measurement.kind in HARM:
        return True  # a loss after a change of the inputs is its consequence until shown otherwise
    return any(_correlated(state, alarm.measurement.stream, stream) for stream in _streams(incident))


def _correlated(state: Mapping[str, Any], one: str, other: str) -> bool:
    """Whether the effects of two streams moved together before the alarms."""
    series = [np.asarray(state.get("streams", {}).get(name, {}).get("effects", []), float) for name in (one, other)]
    common = min(map(len, series))
    if common < _MIN_COMMON_WINDOWS:
        return False
    first, second = (values[-common:] for values in series)
    if first.std() == 0 or second.std() == 0:
        return False
    return bool(np.corrcoef(first, second)[0, 1] >= _MIN_CORRELATION)
