"""Maintenance: times whose windows are neither judged nor learned from, by the settings or by command."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from components.shared.errors import UsageError
from monitor.alarms.settings import Maintenance
from monitor.window import Window

KEY = "maintenance"


def announce(state: Mapping[str, Any] | None, start: datetime, end: datetime, reason: str = "") -> dict[str, Any]:
    """Returns the state of the alarm rule with one more time of maintenance; UsageError if it ends before it starts."""
    try:
        one = Maintenance(start, end, reason)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
    entry = {"start": one.start.isoformat(), "end": one.end.isoformat(), "reason": reason}
    before = dict(state or {})
    return {**before, KEY: [*before.get(KEY, []), entry]}


def maintenance_of(window: Window, settings: tuple[Maintenance, ...], state: Mapping[str, Any]) -> Maintenance | None:
    """Returns the first time of maintenance that the window overlaps."""
    commanded = tuple(
        Maintenance(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]), one.get("reason", ""))
        for one in state.get(KEY, [])
    )
    for one in (*settings, *commanded):
        if one.start < window.end and window.start < one.end:
            return one
    return None
