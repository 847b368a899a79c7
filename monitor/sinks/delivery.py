"""Delivery of events to sinks, through an outbox on disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.sinks.event import Event
from monitor.sinks.outbox import Outbox


class SinkError(Exception):
    """An event could not be sent; `after` is the time in seconds that the receiver asks to wait, 0 if none."""

    def __init__(self, message: str, *, permanent: bool = False, after: float = 0.0) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.after = after


class Sink(Protocol):
    """A receiver of events."""

    def send(self, event: Event) -> None:
        """Sends an event. It may come twice, with the same key, after a killed process; SinkError if it failed."""


@dataclass(frozen=True)
class Delivery:
    """Number of events that were sent, wait for another attempt, and were given up, with one line for each failure."""

    sent: int
    waiting: int
    given_up: int
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class RetryPolicy:
    """Waiting times between attempts: `first` seconds, doubled each time up to `longest`, until `hours` have passed."""

    first: float = 10.0
    longest: float = 3600.0
    hours: float = 72.0

    def wait(self, attempts: int, asked: float = 0.0) -> float:
        """Seconds until the next attempt after so many failed ones."""
        return max(asked, min(self.longest, self.first * 2.0 ** min(attempts - 1, 30)))


def deliver(
    events: Iterable[Event],
    sinks: Mapping[str, Sink],
    outbox: Outbox,
    now: datetime,
    policy: RetryPolicy = RetryPolicy(),
) -> Delivery:
    """Puts new events into the outbox, then sends what is due. A failing sink does not hold up the others.

    An event is in the outbox, on disk, before it is sent, and is marked as sent afterwards; so a killed process loses
    none, and repeats at most the one it was sending, with the same key. Each sink gets its events in order.

    Args:
      events: Events of incidents as they are now; those that are known are skipped.
      sinks: Name -> sink.
      outbox: The outbox.
      now: UTC.
      policy: Waiting times.
    """
    for event in events:
        outbox.put(event, tuple(sinks), now)
    sent = given_up = 0
    messages = []
    for name, sink in sinks.items():
        for entry in outbox.due(name):
            if entry.next > now:
                break  # in order: later events wait for this one
            try:
                sink.send(entry.event)
            except SinkError as exc:
                expired = now - entry.created >= timedelta(hours=policy.hours)
                if exc.permanent or expired:
                    outbox.give_up(name, entry.event.key, f"{exc}")
                    given_up += 1
                    messages.append(f"sink {name}: {exc}; event {entry.event.key} is given up")
                    continue
                wait = policy.wait(entry.attempts + 1, exc.after)
                outbox.postpone(name, entry.event.key, now + timedelta(seconds=wait), f"{exc}")
                messages.append(f"sink {name}: {exc}; next attempt in {wait:.0f} s")
                break
            outbox.sent(name, entry.event.key)
            sent += 1
    return Delivery(sent, outbox.waiting(), given_up, tuple(messages))
