"""Conversion of records to Arrow record batches with the columns of the request log schema."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from serving.request_log.arrow_types import arrow_array
from serving.request_log.hidden_columns import HiddenColumns
from serving.request_log.records import FEATURE, LABELS, OUTPUT, Records

TIME = pa.timestamp("us", tz="UTC")


def record_batches(records: Sequence[Records], hidden: HiddenColumns) -> tuple[list[pa.RecordBatch], int]:
    """Converts records to as few batches as possible: one for each model, version, label and set of columns.

    Args:
      records: At least one.
      hidden: Columns that are excluded or hashed.

    Returns:
      The batches, and the number of rows of records that cannot be converted (a column's length is not N, a type that
      cannot be logged): these are left out.
    """
    groups: dict[tuple[Any, ...], list[Records]] = {}
    for record in records:
        key = (record.model, record.version, record.label, *_shapes(record.features), None, *_shapes(record.outputs))
        groups.setdefault(key, []).append(record)
    batches, invalid = [], 0
    for group in groups.values():
        made, refused = _batches(group, hidden)
        batches += made
        invalid += refused
    return batches, invalid


def _shapes(columns: Mapping[str, np.ndarray]) -> Iterable[Any]:
    for name, array in columns.items():
        yield name
        yield array.dtype.char
        yield array.shape[1:]


def _batches(group: Sequence[Records], hidden: HiddenColumns) -> tuple[list[pa.RecordBatch], int]:
    try:
        return [_batch(group, hidden)], 0
    except (ValueError, TypeError, AttributeError, OverflowError, pa.ArrowException):
        if len(group) == 1:
            return [], max(1, _length(group[0]))
    made, refused = [], 0  # one of them is to blame: the others are kept
    for record in group:
        batches, rows = _batches([record], hidden)
        made += batches
        refused += rows
    return made, refused


def _length(record: Records) -> int:
    try:
        return len(record)
    except (TypeError, AttributeError, IndexError):
        return 1


def _batch(group: Sequence[Records], hidden: HiddenColumns) -> pa.RecordBatch:
    counts = [len(record) for record in group]
    rows = sum(counts)
    first = group[0]
    if first.label not in LABELS:
        raise ValueError(f"{first.label}: no label; legal: {', '.join(LABELS)}")
    columns = {
        "request_id": pa.array(_ids(group, counts), pa.string()),
        "row": pa.array(np.concatenate([_positions(record, n) for record, n in zip(group, counts, strict=True)])),
        "time": pa.array(_spread([record.time for record in group], counts, np.int64)).cast(TIME),
        "model": pa.repeat(pa.scalar(first.model, pa.string()), rows),
        "version": pa.repeat(pa.scalar(first.version, pa.int64()), rows),
        "label": pa.repeat(pa.scalar(first.label, pa.string()), rows),
        "status": pa.array(_spread([record.status for record in group], counts, np.int32)),
        "latency": pa.array(_spread([record.latency for record in group], counts, np.float64)),
    }
    for name in first.features:
        if not hidden.is_excluded(name):
            values = _joined([record.features[name] for record in group], rows)
            columns[FEATURE + name] = hidden.hashed(name, values)
    for name in first.outputs:
        columns[OUTPUT + name] = _joined([record.outputs[name] for record in group], rows)
    return pa.RecordBatch.from_pydict(columns)


def _ids(group: Sequence[Records], counts: Sequence[int]) -> list[str]:
    ids: list[str] = []
    for record, count in zip(group, counts, strict=True):
        given = [record.request_id] * count if isinstance(record.request_id, str) else list(record.request_id)
        if len(given) != count:
            raise ValueError(f"{len(given)} request ids for {count} rows")
        ids += given
    try:
        "".join(ids).encode()
    except UnicodeEncodeError:  # lone surrogates
        ids = [text.encode("utf-8", "backslashreplace").decode() for text in ids]
    return ids


def _positions(record: Records, count: int) -> np.ndarray:
    if record.row is None:
        return np.arange(count, dtype=np.int32)
    return np.broadcast_to(np.asarray(record.row, np.int32), (count,))


def _spread(values: Sequence[Any], counts: Sequence[int], dtype: type) -> np.ndarray:
    """One value for each row: (rows,) of `dtype`, from one value or N values for each record."""
    if all(np.ndim(value) == 0 for value in values):
        return np.repeat(np.array(values, dtype), counts)
    return np.concatenate(
        [np.broadcast_to(np.asarray(value, dtype), (count,)) for value, count in zip(values, counts, strict=True)]
    )


def _joined(arrays: Sequence[np.ndarray], rows: int) -> pa.Array:
    masked = any(isinstance(array, np.ma.MaskedArray) for array in arrays)
    whole = arrays[0] if len(arrays) == 1 else np.ma.concatenate(arrays) if masked else np.concatenate(arrays)
    if whole.ndim == 0 or whole.shape[0] != rows:
        raise ValueError(f"a column of shape {whole.shape} for {rows} rows")
    return arrow_array(whole)
