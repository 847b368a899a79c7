"""Records for the tests, and the rows of a log."""

from pathlib import Path
from typing import Any

import numpy as np

from serving.request_log.reading import RequestLog
from serving.request_log.records import Label, Records

HOUR = 3_600_000_000
NOON = 1_795_953_600_000_000
"""2026-11-29 12:00:00 UTC, in microseconds."""


def request(
    id_: str, rows: int = 1, *, time: int = NOON, version: int = 3, label: Label = "live", status: int = 200
) -> Records:
    """A request of `rows` rows with a text and two numbers."""
    return Records(
        model="flights",
        version=version,
        label=label,
        request_id=id_,
        time=time,
        latency=0.002,
        status=status,
        features={
            "carrier": np.array([b"AA", b"UA", b"B6"] * rows, object)[:rows],
            "distance": np.arange(rows, dtype=np.float32) * 100,
            "flight": np.full(rows, 2**53 + 1, np.int64),
        },
        outputs={"probability": np.full((rows, 1), 0.25, np.float32)},
    )


def logged(folder: Path, *columns: str, **asked: Any) -> list[dict[str, Any]]:
    """Rows of a log, sorted by request id, row and label."""
    rows = [row for batch in RequestLog(folder).read(columns=columns, **asked) for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: (row.get("request_id", ""), row.get("row", 0), row.get("label", "")))


def ids(folder: Path, **asked: Any) -> list[tuple[str, int]]:
    """Request id and row of all rows, sorted; a row that is there twice is there twice."""
    return [(row["request_id"], row["row"]) for row in logged(folder, "request_id", "row", **asked)]
