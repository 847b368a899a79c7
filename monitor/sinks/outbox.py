"""The outbox: events that still have to be sent, in SQLite, so that a killed process loses none."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.shared.errors import InputError
from monitor.sinks.event import Event

FILE = "outbox.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, sink TEXT NOT NULL, record TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, created TEXT NOT NULL, next TEXT NOT NULL, message TEXT NOT NULL,
    UNIQUE (key, sink)
);
"""


@dataclass(frozen=True)
class Entry:
    """An event that waits for a sink: number of failed attempts, when it came, and when it is due."""

    event: Event
    attempts: int
    created: datetime
    next: datetime


class Outbox:
    """Events by sink. One process at a time sends; see MonitorStore.locked."""

    def __init__(self, folder: Path) -> None:
        """Opens or creates the outbox in the monitor's folder.

        Raises:
          InputError: The file is damaged.
        """
        path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = sqlite3.connect(path, timeout=30.0)
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_TABLES)
        except sqlite3.DatabaseError as exc:
            raise InputError(f"{path}: cannot be read ({exc}); move it away to send open incidents again") from exc

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, event: Event, sinks: Sequence[str], now: datetime) -> None:
        """Adds an event for each sink; one that was ever added for a sink is skipped, also after it was sent."""
        record, time = json.dumps(event.to_json(), ensure_ascii=False), now.isoformat()
        with self._connection:
            self._connection.executemany(
                "INSERT OR IGNORE INTO events (key, sink, record, state, attempts, created, next, message) "
                "VALUES (?, ?, ?, 'waiting', 0, ?, ?, '')",
                [(event.key, sink, record, time, time) for sink in sinks],
            )

    def has_told(self, dataset: str, number: int) -> bool:
        """Whether any event of an incident was ever added."""
        prefix = f"{dataset}/{number}/"
        found = self._connection.execute("SELECT 1 FROM events WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))
        return found.fetchone() is not None

    def due(self, sink: str) -> list[Entry]:
        """Events that wait for a sink, in order."""
        rows = self._connection.execute(
            "SELECT record, attempts, created, next FROM events WHERE sink = ? AND state = 'waiting' ORDER BY sequence",
            (sink,),
        ).fetchall()
        return [
            Entry(Event(**json.loads(record)), attempts, datetime.fromisoformat(created), datetime.fromisoformat(next_))
            for record, attempts, created, next_ in rows
        ]

    def sent(self, sink: str, key: str) -> None:
        """Marks an event as sent; its content is deleted, its key is kept."""
        self._change("UPDATE events SET state = 'sent', record = '' WHERE sink = ? AND key = ?", (sink, key))

    def postpone(self, sink: str, key: str, until: datetime, message: str) -> None:
        """Counts a failed attempt."""
        self._change(
            "UPDATE events SET attempts = attempts + 1, next = ?, message = ? WHERE sink = ? AND key = ?",
            (until.isoformat(), message, sink, key),
        )

    def give_up(self, sink: str, key: str, message: str) -> None:
        """Marks an event as not deliverable."""
        self._change(
            "UPDATE events SET state = 'given up', attempts = attempts + 1, message = ? WHERE sink = ? AND key = ?",
            (message, sink, key),
        )

    def waiting(self) -> int:
        """Number of events, by sink, that still have to be sent."""
        return int(self._connection.execute("SELECT count(*) FROM events WHERE state = 'waiting'").fetchone()[0])

    def given_up(self) -> list[tuple[str, str, str]]:
        """Sink, key and message of each event that could not be delivered."""
        rows = self._connection.execute(
            "SELECT sink, key, message FROM events WHERE state = 'given up' ORDER BY sequence"
        )
        return [tuple(row) for row in rows]

    def _change(self, statement: str, values: tuple[str, ...]) -> None:
        with self._connection:
            self._connection.execute(statement, values)
