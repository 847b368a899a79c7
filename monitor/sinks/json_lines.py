"""A file of JSON lines."""

import json
import os
from pathlib import Path

from monitor.sinks.delivery import SinkError
from monitor.sinks.event import Event

_TAIL = 1 << 20


class JsonLinesSink:
    """Appends each event as a line {"key", "dataset", "incident"}, flushed to disk.

    A line that a killed process left incomplete is ended before the next; a key that is among the last megabyte of the
    file is not appended again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, event: Event) -> None:
        """Appends the event; SinkError if the file cannot be written."""
        line = json.dumps(event.to_json(), ensure_ascii=False).encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL))
                tail = file.read()
                if any(_key(one) == event.key for one in tail.splitlines()):
                    return
                file.write((b"\n" if tail and not tail.endswith(b"\n") else b"") + line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise SinkError(f"{self._path}: cannot be written ({exc.strerror})") from exc


def _key(line: bytes) -> str | None:
    try:
        found = json.loads(line)
    except ValueError:  # cut by the megabyte, or by a killed process
        return None
    return found.get("key") if isinstance(found, dict) else None
