"""The current activity of a long-running component and the estimated time left, for a progress display."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

MIN_SECONDS = 2.0
"""Elapsed seconds from which on a time left is estimated; the first steps of a loop often include a warm-up."""


class _Meter:
    """Progress of one loop.

    Attributes:
      total: Number of steps; 0 if unknown.
    """

    def __init__(self) -> None:
        self.total = 0.0
        self._done = self._first = 0.0
        self._began = self._at = time.monotonic()
        self._at_most = False

    def set(self, done: float, total: float, at_most: bool) -> None:
        """Records that `done` of `total` steps are finished; another total or a smaller `done` is another loop."""
        self._at = time.monotonic()
        if total != self.total or done < self._done:
            self._began, self._first = self._at, done
        self._done, self.total, self._at_most = done, total, at_most

    def text(self) -> str:
        """Returns "about 20 s left" or "at most 20 s left"; "" if unknown."""
        steps = self.total - self._first
        left = seconds_left(self._at - self._began, (self._done - self._first) / steps if steps > 0 else 0.0)
        if left is None:
            return ""
        since = time.monotonic() - self._at  # a long step counts down
        return f"{'at most' if self._at_most else 'about'} {duration_text(max(left - since, 0.0))} left"


_latest = ""
_before = ""
_meters = [_Meter()]
"""Meters of the enclosing scopes, outermost first; the last one belongs to the current activity."""


def report_progress(text: str, done: float = 0, total: float = 0, at_most: bool = False) -> None:
    """Sets the current activity.

    Args:
      text: Activity, such as "network, epoch 2 of 3"; "" when it is finished.
      done: Number of finished steps of the activity, in any unit.
      total: Number of all its steps; 0 if unknown.
      at_most: Whether the activity may end before `total`, as with early stopping.
    """
    global _latest
    _latest = f"{_before}{text}" if text else ""
    _meters[-1].set(done, total, at_most)


@contextmanager
def progress_scope(text: str, done: float = 0, total: float = 0, at_most: bool = False) -> Iterator[None]:
    """Prefixes the activities inside the context: "trial 3 of 12: ".

    Args:
      text: The prefix.
      done: Number of finished iterations of the loop around the context; see `report_progress` for `total`, `at_most`.
        If the total is known, the time left is that of the loop, not that of the activities inside.
    """
    global _before
    outer, _before = _before, f"{_before}{text}"
    _meters[-1].set(done, total, at_most)
    _meters.append(_Meter())
    try:
        yield
    finally:
        _before = outer
        _meters.pop()


def latest_progress() -> str:
    """Returns the current activity with its estimated time left: "network, epoch 2 of 3, about 20 s left"."""
    known = next((meter for meter in list(_meters) if meter.total), None)
    left = known.text() if known and _latest else ""
    return f"{_latest}, {left}" if left else _latest


def seconds_left(elapsed: float, fraction: float) -> float | None:
    """Estimates the remaining seconds of work of constant speed: elapsed (1 - fraction) / fraction.

    Args:
      elapsed: Seconds since the beginning.
      fraction: Finished share of the work, in [0, 1].

    Returns:
      Seconds; None before MIN_SECONDS or if nothing is finished.
    """
    if elapsed < MIN_SECONDS or not 0 < fraction <= 1:
        return None
    return elapsed * (1 - fraction) / fraction


def duration_text(seconds: float) -> str:
    """Formats a duration with the precision of an estimate: 7 s, 25 s, 3 min, 1 h 10 min."""
    if seconds < 10:
        return f"{max(round(seconds), 1)} s"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
