"""The monitor's store: windows, measurements, incidents, retrainings and the state of the detectors, in SQLite.

One file, <root>/<dataset>/monitor/monitor.sqlite. One process writes at a time (`MonitorStore.locked`); any number
read. All that one window brings is one transaction, so a killed monitor computes the window again or has it whole.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.shared.errors import InputError, UsageError
from components.shared.file_lock import locked_if_free
from monitor.incident import Incident
from monitor.measurement import Measurement
from monitor.window import Window

SCHEMA_VERSION = 1
FILE = "monitor.sqlite"
BUSY_SECONDS = 30.0

_TABLES = """
CREATE TABLE IF NOT EXISTS windows (number INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS measurements (
    number INTEGER NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (number, stream, version)
);
CREATE INDEX IF NOT EXISTS measurements_by_stream ON measurements (stream, number);
CREATE TABLE IF NOT EXISTS incidents (number INTEGER PRIMARY KEY, state TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS retrainings (number INTEGER PRIMARY KEY, state TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, record TEXT NOT NULL);
"""
_EVERY_VERSION = -1


@dataclass(frozen=True)
class WindowResult:
    """All that one look at a window brings.

    Attributes:
      window: The window; a later result of the same number replaces an earlier one.
      measurements: All measurements of the window.
      incidents: New and changed incidents.
      state: Name -> JSON value: new states of detectors.
    """

    window: Window
    measurements: Sequence[Measurement]
    incidents: Sequence[Incident] = ()
    state: Mapping[str, Any] | None = None


class MonitorStore:
    """The store of one dataset."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Opens or creates the store.

        Args:
          folder: <root>/<dataset>/monitor.
          read_only: The store must exist and is not changed.

        Raises:
          UsageError: `read_only` and there is none.
          InputError: It is damaged, or a newer version of Plumbline wrote it.
        """
        self.folder = folder
        path = folder / FILE
        if read_only and not path.exists():
            raise UsageError(f"{path}: no window has been monitored yet; run `plumbline monitor --dataset NAME`")
        try:
            if read_only:
                self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
                self._connection.execute("PRAGMA synchronous=FULL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise InputError(
                    f"{path}: was written by a newer version of Plumbline (schema {version}, this one knows "
                    f"{SCHEMA_VERSION}); use that version"
                )
            if not read_only:
                self._connection.executescript(_TABLES)
                self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                self._connection.commit()
        except sqlite3.DatabaseError as exc:
            raise InputError(f"{path}: cannot be read ({exc}); move it away to begin with an empty history") from exc

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def __enter__(self) -> "MonitorStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock of the process that monitors; UsageError if another process has it."""
        path = self.folder / "monitor.lock"
        with locked_if_free(path) as mine:
            if not mine:
                raise UsageError(f"{path}: another process monitors this dataset; wait for its end")
            yield

    def restart(self) -> Path | None:
        """Forgets all windows, measurements, incidents and states; retrainings stay, since each is done once.

        Returns:
          The backup of the store as it was; None if it was empty.
        """
        if not self.windows():
            return None
        backup = self.folder / f"{FILE.removesuffix('.sqlite')}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.sqlite"
        with sqlite3.connect(backup) as copy:
            self._connection.backup(copy)
        copy.close()
        with self._connection:
            for table in ("windows", "measurements", "incidents"):
                self._connection.execute(f"DELETE FROM {table}")
            self._connection.execute("DELETE FROM state WHERE name NOT LIKE 'retraining%'")
        return backup

    def add(self, result: WindowResult) -> None:
        """Adds the result of a window in one transaction; what an earlier result of the window said is replaced."""
        number = result.window.number
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO windows VALUES (?, ?)", (number, _text(result.window.to_json()))
            )
            self._connection.execute("DELETE FROM measurements WHERE number = ?", (number,))
            self._connection.executemany(
                "INSERT OR REPLACE INTO measurements VALUES (?, ?, ?, ?)",
                [
                    (number, one.stream, _EVERY_VERSION if one.version is None else one.version, _text(_fields(one)))
                    for one in result.measurements
                ],
            )
            for incident in result.incidents:
                self._put_incident(incident)
            for name, value in (result.state or {}).items():
                self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, _text(value)))

    def windows(self, last: int | None = None) -> list[Window]:
        """All windows, or the last ones, in the order of time."""
        rows = self._connection.execute(
            "SELECT record FROM windows ORDER BY number DESC LIMIT ?", (-1 if last is None else last,)
        ).fetchall()
        return [Window.from_json(json.loads(record)) for (record,) in reversed(rows)]

    def measurements(
        self, number: int | None = None, stream: str | None = None, *, since: int | None = None
    ) -> list[tuple[int, Measurement]]:
        """Window number and measurement, by window; of one window or stream, or from window `since` on, where named."""
        where: list[str] = []
        values: list[int | str] = []
        for condition, value in (("number = ?", number), ("stream = ?", stream), ("number >= ?", since)):
            if value is not None:
                where.append(condition)
                values.append(value)
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        rows = self._connection.execute(
            f"SELECT number, record FROM measurements{condition} ORDER BY number, stream, version", values
        )
        return [(found, Measurement(**json.loads(record))) for found, record in rows]

    def incidents(self, *, open_only: bool = False) -> list[Incident]:
        """Incidents, oldest first."""
        condition = " WHERE state <> 'closed'" if open_only else ""
        rows = self._connection.execute(f"SELECT record FROM incidents{condition} ORDER BY number")
        return [Incident.from_json(json.loads(record)) for (record,) in rows]

    def put_incident(self, incident: Incident) -> None:
        """Adds or replaces an incident."""
        with self._connection:
            self._put_incident(incident)

    def acknowledge(self, number: int) -> Incident:
        """Marks an incident as seen by a person; UsageError if there is no open one of that number."""
        found = {one.number: one for one in self.incidents(open_only=True)}
        if number not in found:
            raise UsageError(f"incident {number}: is not open; open: {', '.join(map(str, found)) or 'none'}")
        incident = replace(found[number], state="acknowledged")
        self.put_incident(incident)
        return incident

    def state(self, name: str) -> Any:
        """JSON value of a detector's state; None if there is none."""
        row = self._connection.execute("SELECT record FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put_state(self, name: str, value: Any) -> None:
        """Replaces a state."""
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, _text(value)))

    def retrainings(self) -> list[dict[str, Any]]:
        """Records of retrainings, oldest first; see monitor.retraining."""
        rows = self._connection.execute("SELECT record FROM retrainings ORDER BY number")
        return [json.loads(record) for (record,) in rows]

    def put_retraining(self, number: int, state: str, record: Mapping[str, Any]) -> None:
        """Adds or replaces the record of a retraining."""
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO retrainings VALUES (?, ?, ?)", (number, state, _text(record))
            )

    def _put_incident(self, incident: Incident) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?)",
            (incident.number, incident.state, _text(incident.to_json())),
        )


def _fields(one: Measurement) -> dict[str, Any]:
    fields = one.to_json()
    del fields["level"]
    return fields


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
