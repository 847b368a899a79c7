"""Estimates the disk space of a run from the size of its input, and compares it with the free space."""

from collections.abc import Iterable
from pathlib import Path

from components.shared.errors import UsageError
from components.table_reading.formats.file_format import FileFormat
from components.table_reading.formats.registry import find_format
from pipeline.metadata.connection import metadata_file
from pipeline.process.system_errors import expected, free_bytes, in_mb

FIXED = 40_000_000
"""Bytes that a run writes independently of its input: the model and its copies, metadata, report."""

FIXED_CACHED = 3_000_000
"""Bytes that a fully cached run writes: report, summary, log, records in the metadata."""

COMPRESSED = {".gz": 6.0, ".bz2": 8.0, ".zst": 6.0}
"""Bytes written per byte of a compressed text file, by suffix; those of other formats are in their registry."""

SURELY = 0.25
"""If less than this share of the estimate is free, the run does not start: it would fail after hours."""


def bytes_needed(files: Iterable[tuple[str, int]], share: float = 1.0) -> int:
    """Estimates how many bytes a run writes.

    Args:
      files: Name and size in bytes of each input file.
      share: Share of the rows that the run samples, in (0, 1].
    """
    return int(FIXED + share * sum(size * _factor(name) for name, size in files))


def _factor(name: str) -> float:
    """Bytes written per byte of a file: compressed examples, temporary files, predictions."""
    kind = find_format(name)
    return COMPRESSED.get(Path(name).suffix.lower(), kind.disk_factor if kind else FileFormat.disk_factor)


def cached_bytes_needed(home: Path) -> int:
    """Estimates how many bytes a fully cached run writes, including the backup of the metadata."""
    database = metadata_file(home)
    return FIXED_CACHED + (database.stat().st_size if database.is_file() else 0)


def check_disk(home: Path, needed: int) -> str | None:
    """Compares the free space with the estimate of a run, and stores the estimate for later error messages.

    Args:
      home: <root>/<dataset>.
      needed: Estimate in bytes.

    Returns:
      A warning if the space may not suffice, else None.

    Raises:
      UsageError: Less than SURELY of the estimate is free.
    """
    expected[str(home)] = needed
    free = free_bytes(home)
    if free >= needed:
        return None
    line = f"{home}: {in_mb(free)} free, about {in_mb(needed)} needed"
    if free < needed * SURELY:
        raise UsageError(f"{line}; free some (plumbline gc), or choose another folder with --root")
    return f"{line}; the run may fail for lack of space"
