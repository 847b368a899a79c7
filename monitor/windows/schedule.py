"""Which windows a look measures: new ones that have ended, and known ones with new rows, new labels, or all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from components.shared.errors import UsageError
from monitor.performance.delays import mature_after
from monitor.window import State, Window
from monitor.windows.bounds import Bounds, aligned, closed_numbers, window_at, without_long_gaps
from monitor.windows.event_log import Counts, EventLog, LogClock
from monitor.windows.settings import WindowSettings

LONGEST_GAP = 100
"""Windows without rows in a row beyond which they are left out: a clock jumped, or the server was off for long."""
OPEN_WINDOWS = 400
"""Number of newest windows that are measured again if they are not mature."""


@dataclass(frozen=True)
class Task:
    """A window to measure.

    Attributes:
      bounds: The window.
      state: Its state after this look.
      known: The window as it was measured before; None for a new one.
      late: Rows that came after it was first measured.
      rows_changed: Whether there are new rows; otherwise only labels.
    """

    bounds: Bounds
    state: State
    known: Window | None = None
    late: int = 0
    rows_changed: bool = True


@dataclass(frozen=True)
class Schedule:
    """What a look does.

    Attributes:
      tasks: By number.
      clock: The event clock.
      delay: Label delay after which a window is mature; None if no label has come.
      messages: What is unusual about the log, one line each.
      state: State for the next look.
    """

    tasks: tuple[Task, ...]
    clock: datetime
    delay: timedelta | None
    messages: tuple[str, ...]
    state: dict[str, Any]


def schedule(
    log: EventLog, settings: WindowSettings, windows: Sequence[Window], state: Mapping[str, Any] | None, now: datetime
) -> Schedule:
    """Plans a look.

    Args:
      log: The request log.
      settings: Settings of the windows.
      windows: Windows that were measured, by number.
      state: State after the look before; None for the first one.
      now: The present.

    Raises:
      UsageError: The windows of the history are of another kind.
    """
    found = dict(state or {})
    if found and found["kind"] != settings.to_text():
        raise UsageError(
            f"[monitor] window: is {settings.to_text()}, and the windows so far are {found['kind']}; set it back, or "
            "run `plumbline monitor --from-start` to measure the whole log again"
        )
    # A window that is open may still get rows; those before it count as late.
    again = [one for one in windows[-OPEN_WINDOWS:] if one.state != "mature"]
    since = again[0].start if again else windows[-1].end if windows else None
    with log.opened(windows[-OPEN_WINDOWS:][0].start if windows and settings.label_delay is None else since):
        return _schedule(log, settings, windows, again, found, log.clock(now, since))


def _schedule(
    log: EventLog,
    settings: WindowSettings,
    windows: Sequence[Window],
    again: Sequence[Window],
    found: dict[str, Any],
    seen: LogClock,
) -> Schedule:
    """The plan; `again` are the windows that are not mature, `found` the state so far."""
    if seen.first is None and not windows:
        return Schedule((), seen.clock, None, (), found)
    if not found:
        assert seen.first is not None
        origin = seen.first if settings.every is None else aligned(seen.first, settings.every)
        found = {"kind": settings.to_text(), "origin": origin.isoformat(), "late": 0, "settled": None}
    origin = datetime.fromisoformat(found["origin"])
    messages = []
    if seen.future:
        messages.append(
            f"{seen.future:,} rows of the request log are later than now: a clock is wrong; they count when their time "
            "has come"
        )
    new, left_out = _new(log, settings, windows, origin, seen.clock)
    if left_out:
        messages.append(f"{left_out:,} windows without rows are left out: no requests for long, or a clock jumped")
    counts = log.counts([Bounds(one.number, one.start, one.end) for one in again])
    delay = _label_delay(log, settings, [*windows[-OPEN_WINDOWS:], *new], seen.clock)
    tasks = [task for one in again if (task := _again(one, counts[one.number], delay, seen.clock)) is not None]
    tasks += [Task(bounds, _state(bounds.end, delay, seen.clock)) for bounds in new]
    messages += _settle(log, found, _settled_until(windows, tasks, origin))
    return Schedule(tuple(tasks), seen.clock, delay, tuple(messages), found)


def _settle(log: EventLog, found: dict[str, Any], before: datetime) -> list[str]:
    """Counts the rows of windows that are not measured again, in the state `found`; says how many came late."""
    settled, messages = found["settled"], []
    counts = log.rows_before([before] if settled is None else [before, datetime.fromisoformat(settled["before"])])
    if settled is not None and (late := max(0, counts[1] - settled["rows"])):
        found["late"] += late
        messages.append(
            f"{late:,} rows came after their window was mature, or before the first window; they stay in the "
            f"request log and are not measured ({found['late']:,} so far)"
        )
    found["settled"] = {"before": before.isoformat(), "rows": counts[0]}
    return messages


def _new(
    log: EventLog, settings: WindowSettings, windows: Sequence[Window], origin: datetime, clock: datetime
) -> tuple[list[Bounds], int]:
    """New windows that have ended, and how many empty ones are left out."""
    last = windows[-1].number if windows else 0
    until = clock - settings.lateness
    if settings.every is not None:
        numbers = closed_numbers(origin, settings.every, last, until)
        if not numbers:
            return [], 0
        start, end = (window_at(one, origin, settings.every) for one in (numbers[0], numbers[-1]))
        occupied = log.occupied(origin, settings.every, start.start, end.end)
        kept, left_out = without_long_gaps(numbers, occupied, LONGEST_GAP)
        return [window_at(number, origin, settings.every) for number in kept], left_out
    found = []
    start_of = windows[-1].end if windows else origin
    while (end_of := log.next_end(start_of, until)) is not None:
        last += 1
        found.append(Bounds(last, start_of, end_of))
        start_of = end_of
    return found, 0


def _settled_until(windows: Sequence[Window], tasks: Sequence[Task], origin: datetime) -> datetime:
    """Event time before which no window is measured again after this look."""
    states = {one.number: (one.start, one.end, one.state) for one in windows[-OPEN_WINDOWS:]}
    states |= {one.bounds.number: (one.bounds.start, one.bounds.end, one.state) for one in tasks}
    starts = [start for start, _, state in states.values() if state != "mature"]
    return min(starts) if starts else max((end for _, end, _ in states.values()), default=origin)


def _again(one: Window, counts: Counts, delay: timedelta | None, clock: datetime) -> Task | None:
    """A known window that is measured again; None if nothing is new. Rows that retention deleted are no news."""
    bounds = Bounds(one.number, one.start, one.end)
    state = _state(one.end, delay, clock)
    more = counts.rows > one.rows or counts.requests > one.requests
    if not more and counts.labelled <= one.labelled and (state == one.state or counts.rows < one.rows):
        return None
    return Task(bounds, state, one, max(0, counts.rows - one.rows), more)


def _state(end: datetime, delay: timedelta | None, clock: datetime) -> State:
    return "mature" if delay is not None and clock >= end + delay else "complete"


def _label_delay(
    log: EventLog, settings: WindowSettings, windows: Sequence[Window | Bounds], clock: datetime
) -> timedelta | None:
    if settings.label_delay is not None or not windows:
        return settings.label_delay
    seconds = mature_after(log.label_delay(windows[0].start, clock), settings.delay_quantile)
    return timedelta(seconds=seconds) if seconds < timedelta.max.total_seconds() else None
