"""Conversion of records to Arrow record batches with the columns of the request log schema."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from serving.request_log.arrow_types import arrow_array
from serving.request_log.hidden_columns import HiddenColumns
from serving.request_log.records import FEATURE, LABELS, NO_EVENT_TIME, OUTPUT, Records

TIME = pa.timestamp("us", tz="UTC")

_DTYPE = attrgetter("dtype")
_SHAPE = attrgetter("shape")
_SCALARS = {int, float}


def record_batches(records: Sequence[Records], hidden: HiddenColumns) -> tuple[list[pa.RecordBatch], list[Records]]:
    """Converts records to as few batches as possible: one for each model, version, label and set of columns.

    Args:
      records: Any number.
      hidden: Columns that are excluded or hashed.

    Returns:
      The batches, and the records that cannot be converted (a column's length is not N, a type that cannot be logged).
    """
    groups: dict[tuple[Any, ...], list[Records]] = {}
    for record in records:
        key = (record.model, record.version, record.label, tuple(record.features), tuple(record.outputs))
        groups.setdefault(key, []).append(record)
    batches: list[pa.RecordBatch] = []
    invalid: list[Records] = []
    for group in groups.values():
        made, refused = _batches(group, hidden)
        batches += made
        invalid += refused
    return batches, invalid


def _batches(group: Sequence[Records], hidden: HiddenColumns) -> tuple[list[pa.RecordBatch], list[Records]]:
    try:
        return [_batch(group, hidden)], []
    except (ValueError, TypeError, AttributeError, OverflowError, IndexError, pa.ArrowException):
        if len(group) == 1:
            return [], list(group)
    # Their types differ, or one of them is to blame: the others are kept.
    parts: dict[Any, list[Records]] = {}
    for record in group:
        parts.setdefault(_types(record), []).append(record)
    if len(parts) == 1:
        parts = dict(enumerate([record] for record in group))
    made: list[pa.RecordBatch] = []
    refused: list[Records] = []
    for part in parts.values():
        batches, invalid = _batches(part, hidden)
        made += batches
        refused += invalid
    return made, refused


def _types(record: Records) -> Any:
    """Types and inner shapes of a record's columns; the record itself where a column is no array."""
    try:
        return tuple(
            (array.dtype.str, array.shape[1:])
            for columns in (record.features, record.outputs)
            for array in columns.values()
        )
    except AttributeError:
        return id(record)


def _batch(group: Sequence[Records], hidden: HiddenColumns) -> pa.RecordBatch:
    counts = [len(record) for record in group]
    rows = sum(counts)
    first = group[0]
    if first.label not in LABELS:
        raise ValueError(f"{first.label}: no label; legal: {', '.join(LABELS)}")
    columns = {
        "request_id": pa.array(_ids(group, counts), pa.string()),
        "row": pa.array(_positions(group, counts)),
        "time": pa.array(_spread([record.time for record in group], counts, np.int64)).cast(TIME),
        "model": pa.repeat(pa.scalar(first.model, pa.string()), rows),
        "version": pa.repeat(pa.scalar(first.version, pa.int64()), rows),
        "label": pa.repeat(pa.scalar(first.label, pa.string()), rows),
        "status": pa.array(_spread([record.status for record in group], counts, np.int32)),
        "latency": pa.array(_spread([record.latency for record in group], counts, np.float64)),
    }
    if any(record.event_time is not None for record in group):
        columns["event_time"] = _event_times(group, counts)
    # Each record's columns in one go: all have the same names in the same order.
    features = zip(*(record.features.values() for record in group), strict=True)
    for name, arrays in zip(first.features, features, strict=True):
        if not hidden.is_excluded(name):
            columns[FEATURE + name] = hidden.hashed(name, _joined(arrays, rows))
    outputs = zip(*(record.outputs.values() for record in group), strict=True)
    for name, arrays in zip(first.outputs, outputs, strict=True):
        columns[OUTPUT + name] = _joined(arrays, rows)
    return pa.RecordBatch.from_pydict(columns)


def _ids(group: Sequence[Records], counts: Sequence[int]) -> list[str]:
    ids: list[str] = []
    for record, count in zip(group, counts, strict=True):
        given = record.request_id
        if isinstance(given, str):
            ids += [given] * count
        elif len(given) == count:
            ids += given
        else:
            raise ValueError(f"{len(given)} request ids for {count} rows")
    try:
        "".join(ids).encode()
    except UnicodeEncodeError:  # lone surrogates
        ids = [text.encode("utf-8", "backslashreplace").decode() for text in ids]
    return ids


def _positions(group: Sequence[Records], counts: Sequence[int]) -> np.ndarray:
    if set(counts) == {1} and all(record.row is None for record in group):
        return np.zeros(len(counts), np.int32)
    return np.concatenate(
        [
            np.arange(count, dtype=np.int32) if record.row is None else _rows(record.row, np.int32, count)
            for record, count in zip(group, counts, strict=True)
        ]
    )


def _spread(values: Sequence[Any], counts: Sequence[int], dtype: type) -> np.ndarray:
    """One value for each row: (rows,) of `dtype`, from one value or N values for each record."""
    if not set(map(type, values)) - _SCALARS:
        return np.repeat(np.array(values, dtype), counts)
    return np.concatenate([_rows(value, dtype, count) for value, count in zip(values, counts, strict=True)])


def _event_times(group: Sequence[Records], counts: Sequence[int]) -> pa.Array:
    given = [NO_EVENT_TIME if record.event_time is None else record.event_time for record in group]
    times = _spread(given, counts, np.int64)
    return pa.array(times, mask=times == NO_EVENT_TIME).cast(TIME)


def _rows(value: Any, dtype: type, count: int) -> np.ndarray:
    """One value, or an array of N, as (N,)."""
    array: np.ndarray = np.asarray(value, dtype)
    return array if array.shape == (count,) else np.broadcast_to(array, (count,))  # which takes microseconds


def _joined(arrays: Sequence[np.ndarray], rows: int) -> pa.Array:
    if len(set(map(_DTYPE, arrays))) > 1 or len({shape[1:] for shape in set(map(_SHAPE, arrays))}) > 1:
        raise TypeError("arrays of several types or shapes")  # joined, int64 would lose digits as float64
    masked = np.ma.MaskedArray in set(map(type, arrays))
    whole = arrays[0] if len(arrays) == 1 else np.ma.concatenate(arrays) if masked else np.concatenate(arrays)
    if whole.ndim == 0 or whole.shape[0] != rows:
        raise ValueError(f"a column of shape {whole.shape} for {rows} rows")
    return arrow_array(whole)
