"""Bounded queue between the request path and the writing thread."""

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

from serving.request_log.records import Records

Receipt = Future[bool]
"""Resolves to True when the rows are on disk, to False when they were dropped."""

_IDLE = 10.0
"""Seconds after which the writing thread looks at its segment although nothing is queued."""


@dataclass(frozen=True)
class Entry:
    """Queued records; `rows` and `bytes` as they were counted."""

    records: Records
    rows: int
    bytes: int
    receipt: Receipt | None


class RowQueue:
    """Records in order of arrival, bounded by rows and by bytes; `put` never waits."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._rows = 0
        self._bytes = 0
        self._since = 0.0  # time.monotonic() of the oldest entry
        self._closed = False
        self._changed = threading.Condition()

    def put(self, entry: Entry, wake_at: int) -> str:
        """Queues an entry; returns "", or why it was not queued: "queue_full" or "closed".

        Args:
          entry: The entry.
          wake_at: Number of queued rows that wakes the writing thread.
        """
        with self._changed:
            if self._closed:
                return "closed"
            if self._rows + entry.rows > self._max_rows or self._bytes + entry.bytes > self._max_bytes:
                return "queue_full"
            if not self._entries:
                self._since = time.monotonic()
            self._entries.append(entry)
            before, self._rows = self._rows, self._rows + entry.rows
            self._bytes += entry.bytes
            if before < wake_at <= self._rows:
                self._changed.notify()
        return ""

    def wait(self, rows: int, seconds: float) -> bool:
        """Waits until `rows` are queued, the oldest has been queued for `seconds`, or the queue is closed.

        Returns:
          Whether the queue is still open.
        """
        with self._changed:
            while not self._closed and self._rows < rows:
                remaining = self._since + seconds - time.monotonic() if self._entries else min(seconds, _IDLE)
                if remaining <= 0:
                    break
                if not self._changed.wait(remaining) and not self._entries:
                    break  # nothing to write: the thread may see to its segment
            return not self._closed

    def take(self, max_rows: int) -> list[Entry]:
        """Takes the oldest entries: at least one if there is any, else at most `max_rows` rows."""
        taken: list[Entry] = []
        with self._changed:
            rows = 0
            while self._entries and (not taken or rows + self._entries[0].rows <= max_rows):
                taken.append(self._entries.popleft())
                rows += taken[-1].rows
            self._rows -= rows
            self._bytes -= sum(entry.bytes for entry in taken)
        return taken

    def close(self) -> None:
        """Refuses entries from now on; those that are queued can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def size(self) -> tuple[int, int]:
        """Rows and bytes that are queued."""
        with self._changed:
            return self._rows, self._bytes
