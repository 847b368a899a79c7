"""The journal of a dataset's versions: looks at the canary with their evidence, and decisions, as lines of JSON.

    <root>/<dataset>/canary/journal.jsonl      the newest lines
    <root>/<dataset>/canary/journal.1.jsonl    those before them, once the file has LARGEST bytes

Each line is one object with `kind` ("look" or "decision") and `time` (UTC, ISO 8601). A look has the fields of `Look`
below, a decision those of pipeline.metadata.decisions.VersionDecision. ML Metadata stays the record of decisions; the
journal is for displays, which have no access to it.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.registry.registry import Aliases
from serving.canary.decision import Decision

FILE, FORMER = "journal.jsonl", "journal.1.jsonl"
LARGEST = 4 << 20
"""Bytes from which the file becomes the former one."""
GROWTH = 1.02
"""A look without a consequence is written if the canary has at least this factor of the requests of the last one: some
700 lines from 1 to 1,000,000 requests, however often somebody looks."""
_TAIL = 64 << 10
_FINDING = ("check", "name", "state", "estimate", "lower", "upper", "margin", "harm_at", "live", "canary")


class Journal:
    """The journal in a folder, <root>/<dataset>/canary. Any number of processes may add and read lines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add_look(self, aliases: Aliases, decision: Decision, action: str = "wait", now: datetime | None = None) -> bool:
        """Adds a look at a canary, unless it says the same as the last one.

        Args:
          aliases: The aliases that the look is about.
          decision: What it found.
          action: What followed: "wait", "raise", "promote" or "rollback".
          now: Time of the look.

        Returns:
          Whether a line was written.

        Raises:
          OSError: The file cannot be written.
        """
        line = {
            "kind": "look",
            "time": (now or datetime.now(timezone.utc)).isoformat(timespec="seconds"),
            "key": aliases.key,
            "version": aliases.canary,
            "live": aliases.live,
            "share": aliases.share,
            "step": aliases.step,
            "since": aliases.since,
            "decision": decision.name,
            "action": action,
            "requests": decision.requests,
            "reasons": list(decision.reasons),
            "findings": [{name: found[name] for name in _FINDING} for found in decision.to_json()["findings"]],
        }
        return self._append(line, unless_same=action == "wait")

    def add_decision(self, fields: Mapping[str, Any]) -> None:
        """Adds a decision: the fields of a VersionDecision, without its analysis. OSError if it cannot be written."""
        kept = {name: value for name, value in fields.items() if name not in ("analysis", "when")}
        when = fields.get("when") or datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._append({"kind": "decision", "time": when, **kept})

    def lines(self) -> list[dict[str, Any]]:
        """All lines, oldest first; [] without a journal. Lines that a killed process left incomplete are skipped."""
        found = []
        for name in (FORMER, FILE):
            try:
                content = (self._folder / name).read_bytes()
            except FileNotFoundError:
                continue
            found += [line for text in content.split(b"\n") if (line := _line(text)) is not None]
        return found

    def _append(self, line: Mapping[str, Any], *, unless_same: bool = False) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(line, allow_nan=False).encode()
        while True:
            descriptor = os.open(self._folder / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if not self._is_current(descriptor):
                    continue  # another process has renamed it meanwhile
                tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
                if unless_same and _says_the_same(tail, line):
                    return False
                torn = b"\n" if tail and not tail.endswith(b"\n") else b""
                os.write(descriptor, torn + text + b"\n")
                if size > LARGEST:
                    os.replace(self._folder / FILE, self._folder / FORMER)
                return True
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._folder / FILE))
        except FileNotFoundError:
            return False


def _says_the_same(tail: bytes, line: Mapping[str, Any]) -> bool:
    for text in reversed(tail.split(b"\n")):
        if (last := _line(text)) is not None:
            same = all(last.get(name) == line[name] for name in ("kind", "key", "version", "share", "decision"))
            return same and line["requests"] < GROWTH * max(1, last.get("requests", 0))
    return False


def _line(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("kind") in ("look", "decision") else None
