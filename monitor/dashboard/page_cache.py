"""Pages that a server keeps: made again when a record has changed, or after a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitor.dashboard.history import History, Place, read_history, stamp

LOOK_SECONDS = 2.0
"""Time between looks whether a record has changed."""
KEPT_SECONDS = 60.0
"""Age from which a page is made again, since it says how long ago the monitor has looked."""
MAX_PAGES = 32


@dataclass
class _Entry:
    history: History
    stamp: tuple[Any, ...]
    read: float
    looked: float
    pages: dict[Any, str]


class PageCache:
    """The records and pages of some datasets.

    Args:
      clock: Monotonic time, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, int], _Entry] = {}

    def page(self, place: Place, windows: int, reader: Any, make: Callable[[History], str]) -> str:
        """Returns a page.

        Args:
          place: The dataset.
          windows: Number of windows.
          reader: What else the page depends on; hashable.
          make: Makes it from the records.
        """
        entry = self._entry(place, windows)
        if reader not in entry.pages:
            if len(entry.pages) >= MAX_PAGES:
                entry.pages.clear()
            entry.pages[reader] = make(entry.history)
        return entry.pages[reader]

    def forget(self) -> None:
        """Forgets everything: a record has been changed by this process."""
        self._entries.clear()

    def _entry(self, place: Place, windows: int) -> _Entry:
        now, key = self._clock(), (place.name, windows)
        entry = self._entries.get(key)
        if entry is not None and now - entry.looked < LOOK_SECONDS:
            return entry
        current = stamp(place)  # before the records are read: what changes meanwhile is seen by the next look
        if entry is not None and entry.stamp == current and now - entry.read < KEPT_SECONDS:
            entry.looked = now
            return entry
        entry = self._entries[key] = _Entry(read_history(place, windows), current, now, now, {})
        return entry
