"""Sealing: rewrites the rows of a segment that no process appends to any more as Parquet, by hour and version.

Steps, each of which a killed process may have been the last to do:

1. Lock the segment. A segment that is locked is in use or being sealed, and is left alone.
2. Write one Parquet file for each hour and version under a temporary name, flush it, rename it. The names follow from
   the segment id, so that sealing again replaces the same files.
3. Write the journal record of the segment.
4. Delete the segment; or move it to damaged/, if frames of it cannot be read.

Until step 4 readers take the rows from the segment and ignore Parquet files with its id; afterwards they take them from
the Parquet files. So no row is lost or read twice, wherever a process is killed.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.files import sync, write_json
from serving.request_log.arrow_types import conformed, merged_schema
from serving.request_log.frames import Frame, Scan, scan
from serving.request_log.layout import SUFFIX, Layout
from serving.request_log.records import SCHEMA_VERSION
from serving.request_log.segment import lock

_HOUR = 3_600_000_000
"""Microseconds."""
_GROUP_ROWS = 1 << 16
_GROUP_BYTES = 16 << 20

Key = tuple[int, int]
"""Hour since 1970-01-01 UTC, version."""


@dataclass(frozen=True)
class Sealed:
    """What was sealed of a segment: its journal record.

    `not_logged`: reason -> rows that the process did not log while it wrote the segment. `damaged_frames` (each with
    about 1,000 rows at most, or one micro-batch) could not be read; `torn_bytes` at the end belong to rows that were
    never acknowledged.
    """

    segment: str
    rows: int
    not_logged: dict[str, int]
    damaged_frames: int
    damaged_bytes: int
    torn_bytes: int
    files: list[str]
    first: int
    """Time of the earliest row, in microseconds since 1970-01-01 UTC; 0 if there are no rows."""
    last: int
    """Time of the latest row."""

    def damage_text(self) -> str:
        """One line about damage."""
        return (
            f"damaged/{self.segment}{SUFFIX}: {self.damaged_frames} frames ({self.damaged_bytes:,} bytes) are damaged "
            f"and were left out; {self.rows:,} rows of it were sealed; check the disk"
        )


def seal_segments(layout: Layout) -> list[Sealed]:
    """Seals all segments that no process appends to.

    Raises:
      OSError: The disk is full or fails; the segment stays as it is.
    """
    return [sealed for path in layout.open_segments() if (sealed := seal_segment(layout, path))]


def seal_segment(layout: Layout, path: Path) -> Sealed | None:
    """Seals a segment; None if a process appends to it or seals it, or if it is sealed already."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if not lock(descriptor) or not _is_there(path, descriptor):
            return None
        return _seal(layout, path, scan(read_segment(descriptor), path.name.removesuffix(SUFFIX)))
    finally:
        os.close(descriptor)


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether a path is still that of an open file, which another process may have sealed before it was locked."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def read_segment(descriptor: int) -> bytes:
    """Reads a whole segment. It is not mapped: a process that appends to it cuts it when the disk is full."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _seal(layout: Layout, path: Path, found: Scan) -> Sealed:
    segment = path.name.removesuffix(SUFFIX)
    files, first, last = _write_parquet(layout, segment, found.frames)
    sealed = Sealed(
        segment=segment,
        rows=found.rows,
        not_logged=found.not_logged(),
        damaged_frames=found.damaged_frames,
        damaged_bytes=found.damaged_bytes,
        torn_bytes=found.torn_bytes,
        files=[str(file.relative_to(layout.folder)) for file in files],
        first=first,
        last=last,
    )
    write_json(layout.journal / f"{segment}.json", asdict(sealed))
    if found.damaged_bytes:
        layout.damaged.mkdir(exist_ok=True)
        path.rename(layout.damaged / path.name)
        sync(layout.damaged)
    else:
        path.unlink()
    sync(layout.open)
    return sealed


def _write_parquet(layout: Layout, segment: str, frames: list[Frame]) -> tuple[list[Path], int, int]:
    """Writes the rows of frames by hour and version; returns the files, and the times of the first and last row."""
    schemas: dict[Key, list[pa.Schema]] = {}
    first, last = 2**63 - 1, 0
    for key, batch in _by_hour_and_version(frames):
        known = schemas.setdefault(key, [])
        if not any(batch.schema.equals(schema) for schema in known):
            known.append(batch.schema)
        times = batch.column("time").cast(pa.int64()).to_numpy()
        first, last = min(first, int(times.min())), max(last, int(times.max()))
    files: dict[Key, _HourFile] = {}
    try:
        for key, batch in _by_hour_and_version(frames):
            if key not in files:
                files[key] = _HourFile(layout.sealed(segment, *key), merged_schema(schemas[key]), segment)
            files[key].add(batch)
        for file in files.values():
            file.finish()
    except BaseException:
        for file in files.values():
            file.abandon()
        raise
    return [file.path for file in files.values()], (first if files else 0), last


def _by_hour_and_version(frames: list[Frame]) -> Iterator[tuple[Key, pa.RecordBatch]]:
    for one in frames:
        for batch in one.batches():
            if not batch.num_rows:
                continue
            hours = np.floor_divide(batch.column("time").cast(pa.int64()).to_numpy(), _HOUR)
            versions = batch.column("version").to_numpy()
            for hour, version in sorted(set(zip(hours.tolist(), versions.tolist(), strict=True))):
                of_key = (hours == hour) & (versions == version)
                # The version stands in the path alone, as other readers of partitioned Parquet expect.
                of_hour = batch if of_key.all() else batch.filter(pa.array(of_key))
                yield (hour, version), of_hour.drop_columns("version")


class _HourFile:
    """A Parquet file under its temporary name; `finish` renames it."""

    def __init__(self, path: Path, schema: pa.Schema, segment: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # The lock of the segment is held: nobody else writes under this name, and the next trial replaces it.
        self._temporary = path.with_name(f".{path.name}.tmp")
        about = {"request_log": SCHEMA_VERSION, "segment": segment}
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        try:
            self._writer = pq.ParquetWriter(
                self._temporary,
                schema.with_metadata({name: str(value) for name, value in about.items()}),
                compression="zstd",
            )
        except BaseException:  # the magic number of the file did not fit on the disk
            self._temporary.unlink(missing_ok=True)
            raise

    def add(self, batch: pa.RecordBatch) -> None:
        self._batches.append(conformed(batch, self._schema))
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        if self._batches:
            table = pa.Table.from_batches(self._batches, self._schema)
            self._writer.write_table(table.replace_schema_metadata(self._writer.schema.metadata))
        self._batches, self._rows, self._bytes = [], 0, 0

    def finish(self) -> None:
        self._write_group()
        self._writer.close()
        sync(self._temporary)
        os.replace(self._temporary, self.path)
        sync(self.path.parent)
        sync(self.path.parent.parent)
        sync(self.path.parent.parent.parent)

    def abandon(self) -> None:
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        self._temporary.unlink(missing_ok=True)
