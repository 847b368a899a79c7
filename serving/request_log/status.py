"""Status of a request log: rows by version and label, rows that were not logged, damage, retention, labels."""

import json
import warnings
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.shared.errors import PlumblineWarning
from serving.request_log.labels import imports
from serving.request_log.layout import Layout
from serving.request_log.reading import RequestLog


@dataclass(frozen=True)
class ArmCount:
    """Rows of one version and label; `first` and `last` are times in ISO 8601, UTC."""

    version: int
    label: str
    requests: int
    rows: int
    errors: int
    labelled: int
    first: str
    last: str


@dataclass(frozen=True)
class LogStatus:
    """Status of a request log.

    `not_logged`: reason -> rows, as the servers recorded them (see `writer.Statistics`; "sampled_out" are rows of
    requests that are not in the sample). `damaged_frames` could not be read; `torn_bytes` were cut by killed processes,
    and belong to rows that were never acknowledged.
    """

    folder: str
    arms: tuple[ArmCount, ...]
    not_logged: dict[str, int]
    open_segments: int
    sealed_segments: int
    sealed_files: int
    sealed_bytes: int
    damaged_frames: int
    torn_bytes: int
    removed_files: int
    imports: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """The status as a JSON object."""
        return asdict(self)

    def to_text(self) -> str:
        """The status for a terminal."""
        lines = [
            f"request log of {self.folder}: {sum(arm.rows for arm in self.arms):,} rows, {self.sealed_files:,} sealed "
            f"files ({self.sealed_bytes:,} bytes), {self.open_segments:,} open segments"
        ]
        if self.arms:
            lines.append(
                f"{'version':>8}  {'label':8} {'requests':>10} {'rows':>10} {'errors':>8} {'labelled':>9}  time"
            )
        lines += [
            f"{arm.version:>8}  {arm.label:8} {arm.requests:>10,} {arm.rows:>10,} {arm.errors:>8,} {arm.labelled:>9,}  "
            f"{arm.first} to {arm.last}"
            for arm in self.arms
        ]
        for reason, rows in sorted(self.not_logged.items()):
            lines.append(f"not logged, {_REASONS.get(reason, reason)}: {rows:,} rows")
        if self.damaged_frames:
            lines.append(f"damaged: {self.damaged_frames:,} frames, left out; their segments are in damaged/")
        if self.torn_bytes:
            lines.append(f"cut by killed processes: {self.torn_bytes:,} bytes of rows that were not acknowledged")
        if self.removed_files:
            lines.append(f"deleted by retention: {self.removed_files:,} files")
        for one in self.imports:
            lines.append(
                f"feedback {one['sequence']}: {one['file']} by {one['user']}, {_iso(one['time'])}: {one['rows']:,} "
                f"labels, {one['matched']:,} matched, {one['unmatched']:,} unmatched, {one['changed']:,} changed"
            )
        return "\n".join(lines)


_REASONS = {
    "queue_full": "queue full",
    "disk": "disk full or failing",
    "invalid": "values that cannot be logged",
    "closed": "server shutting down",
    "sampled_out": "not in the sample",
}


def log_status(folder: Path) -> LogStatus:
    """Collects the status of a log.

    Raises:
      InputError: A file cannot be read.
    """
    layout, log = Layout(folder), RequestLog(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlumblineWarning)  # damage is part of the status
        arms = tuple(ArmCount(**row) for batch in log.query(_ARMS) for row in batch.to_pylist())
    snapshot = log.snapshot()
    journal = [_json(path) for path in sorted(layout.journal.glob("*.json"))]
    journal = [one for one in journal if one.get("segment") not in snapshot.segments]
    not_logged: dict[str, int] = {}
    for counts in (*(one.get("not_logged", {}) for one in journal),
                   *(found.not_logged() for found in snapshot.segments.values())):  # fmt: skip
        for reason, rows in counts.items():
            not_logged[reason] = not_logged.get(reason, 0) + rows
    scans = snapshot.segments.values()
    return LogStatus(
        folder=str(folder),
        arms=arms,
        not_logged=not_logged,
        open_segments=len(snapshot.segments),
        sealed_segments=len(journal),
        sealed_files=len(snapshot.files),
        sealed_bytes=sum(file.path.stat().st_size for file in snapshot.files if file.path.exists()),
        damaged_frames=sum(one.get("damaged_frames", 0) for one in journal)
        + sum(scan.damaged_frames for scan in scans),
        torn_bytes=sum(one.get("torn_bytes", 0) for one in journal),
        removed_files=sum(len(_json(path).get("files", [])) for path in layout.removed.glob("*.json")),
        imports=tuple(one.to_json() for one in imports(layout)),
    )


_ARMS = """
SELECT version, label, count(DISTINCT request_id) AS requests, count(*) AS rows,
       count(*) FILTER (status >= 500) AS errors, count(target) AS labelled,
       strftime(min("time"), '%Y-%m-%dT%H:%M:%SZ') AS first, strftime(max("time"), '%Y-%m-%dT%H:%M:%SZ') AS last
FROM requests GROUP BY version, label ORDER BY version, label
"""


def _json(path: Path) -> dict[str, Any]:
    """A record of the log; empty if it was deleted meanwhile or is damaged."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return {}


def _iso(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds // 1_000_000, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
