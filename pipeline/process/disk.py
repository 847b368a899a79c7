"""What a run will write, as far as its input says it, against what is free."""

from collections.abc import Iterable
from pathlib import Path

from components.shared.errors import UsageError
from pipeline.metadata.connection import metadata_file
from pipeline.process.system_errors import expected, free_bytes, in_mb

FIXED = 40_000_000
"""Bytes that a run writes whatever its input is: the model and its copies, the metadata, the report."""

FACTOR = 1.5
"""Bytes written for each byte of a text file: its examples, compressed, temporary files, predictions."""

FIXED_CACHED = 3_000_000
"""Bytes that a run writes of which everything is cached: report, summary, log, records in the metadata."""

COMPRESSED = {".gz": 6.0, ".bz2": 8.0, ".zst": 6.0, ".xz": 8.0, ".parquet": 4.0}
"""The same for files that hold more than their size says."""

SURELY = 0.25
"""Below this share of the estimate a run is not begun: it would end in the middle, hours later."""


def bytes_needed(files: Iterable[tuple[str, int]], share: float = 1.0) -> int:
    """About how many bytes a run writes.

    Args:
      files: Name and size in bytes of each file that it reads.
      share: Of the rows that it keeps, in (0, 1].
    """
    return int(FIXED + share * sum(size * COMPRESSED.get(Path(name).suffix.lower(), FACTOR) for name, size in files))


def cached_bytes_needed(home: Path) -> int:
    """About how many bytes a run writes that takes all from the cache; the metadata are backed up after each run."""
    database = metadata_file(home)
    return FIXED_CACHED + (database.stat().st_size if database.is_file() else 0)


def check_disk(home: Path, needed: int) -> str | None:
    """Compares what is free with what a run is expected to write, which errors then name, too.

    Returns:
      A line that warns where it may not suffice; None where it does.

    Raises:
      UsageError: It cannot suffice.
    """
    expected[str(home)] = needed
    free = free_bytes(home)
    if free >= needed:
        return None
    line = f"{home}: {in_mb(free)} free there, about {in_mb(needed)} needed"
    if free < needed * SURELY:
        raise UsageError(f"{line}; free some (plumbline gc), or choose another place with --root")
    return f"{line}; the run may end for lack of space"
