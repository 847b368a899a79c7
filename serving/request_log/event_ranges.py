"""Range of the event times of a sealed file, from its Parquet statistics, so that a window reads few files."""

from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_COLUMNS = ("event_time", "time")


def may_overlap(path: Path, since: datetime | None, until: datetime | None) -> bool:
    """Whether a file may have rows with an event time in [since, until); True where its statistics do not say."""
    if since is None and until is None:
        return True
    found = _range(str(path))
    if found is None:
        return True
    first, last = found
    return (since is None or last >= _utc(since)) and (until is None or first < _utc(until))


@lru_cache(1 << 16)
def _range(path: str) -> tuple[datetime, datetime] | None:
    """Earliest and latest event time or arrival; sealed files never change."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return None  # whoever reads the file reports it
    names = {metadata.schema.column(index).path: index for index in range(metadata.num_columns)}
    ends: list[datetime] = []
    for group in range(metadata.num_row_groups):
        for name in _COLUMNS:
            if name not in names:
                continue
            chunk = metadata.row_group(group).column(names[name])
            statistics = chunk.statistics
            if statistics is None or not statistics.has_min_max:
                if statistics is not None and statistics.null_count == chunk.num_values:
                    continue  # no row of the group has one
                return None
            if name == "time" and "event_time" in names and not _has_nulls(metadata, group, names["event_time"]):
                continue  # every row has an event time, so arrivals do not count
            ends += [_utc(statistics.min), _utc(statistics.max)]
    return (min(ends), max(ends)) if ends else None


def _has_nulls(metadata: pq.FileMetaData, group: int, column: int) -> bool:
    statistics = metadata.row_group(group).column(column).statistics
    return statistics is None or not statistics.has_null_count or statistics.null_count > 0


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
