"""Reads tf.Examples as columns."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.examples.columnar_copy import read_copy
from components.shared.examples.row_counts import check_files, check_rows, check_split
from components.shared.features.derived_cells import derived_cells, raw_names
from components.shared.features.derived_features import sources

if TYPE_CHECKING:
    import pandas as pd


def read_examples(split_uri: str, columns: Sequence[str], batch_size: int = 1 << 16) -> "pd.DataFrame":
    """Reads the examples of a split as a data frame with one value per cell, in the order in which they were written.

    Args:
      split_uri: Folder of gzip TFRecords, as ArrowExampleGen writes them.
      columns: Features, or columns derived from them (see derived_features.py); each with at most one value per row.
      batch_size: Examples decoded at a time.

    Returns:
      [rows, columns]; text is str, integers are Int64 (so that missing values do not convert them to floats), missing
      values are NA.

    Raises:
      ValueError: A feature has several values in one example.
    """
    import pandas as pd

    batches = (_selected(batch, raw_names(batch, columns)) for batch in example_batches(split_uri, None, batch_size))
    frames = [pa.table({name: _cells(batch, name) for name in columns}) for batch in batches]
    if not frames:
        return pd.DataFrame(columns=list(columns))
    table = pa.concat_tables(frames, promote_options="permissive")
    return table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def example_batches(
    split_uri: str, columns: Sequence[str] | None = None, batch_size: int = 1 << 16
) -> Iterator[pa.RecordBatch]:
    """Reads the examples of a split as a stream of record batches, in the order in which they were written.

    Columnar copies of the files are used if there are any, see columnar_copy.py.

    Args:
      split_uri: Folder of gzip TFRecords, as ArrowExampleGen writes them; or one such file.
      columns: Features, in this order; None for all that a batch has.
      batch_size: Maximum examples of a batch; batches do not extend over files.

    Yields:
      Batches of list columns (int64, float32 or binary items), null or an empty list where an example lacks the
      feature. A feature that no example of a batch has is a column of nulls if `columns` names it, otherwise it may be
      absent from the batch.

    Raises:
      PlumblineError: Files or rows differ from those that ingest wrote.
    """
    for file in _files(split_uri):
        batches, rows = read_copy(file, batch_size), 0
        for batch in _decoded(file, batch_size) if batches is None else batches:
            rows += batch.num_rows
            yield batch if columns is None else _selected(batch, columns)
        check_rows(file, rows)


def _files(split_uri: str) -> list[str]:
    """Files of a folder by name; listed and not globbed, because a folder's name may contain brackets."""
    if os.path.isdir(split_uri):
        names = sorted(os.listdir(split_uri))
    elif "://" not in split_uri:
        return [split_uri]
    else:
        import tensorflow as tf

        if not tf.io.gfile.isdir(split_uri):
            return [split_uri]
        names = sorted(tf.io.gfile.listdir(split_uri))
    check_files(split_uri, names)
    return [f"{split_uri.rstrip('/')}/{name}" for name in names]


def _decoded(file: str, batch_size: int) -> Iterator[pa.RecordBatch]:
    """Yields the examples of one file of gzip TFRecords."""
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    for records in tf.data.TFRecordDataset(file, "GZIP").batch(batch_size).as_numpy_iterator():
        yield decoder.DecodeBatch(list(records))


def record_batches(split_uri: str, batch_size: int = 1 << 13) -> Iterator[np.ndarray]:
    """Yields the serialized examples of a split, bytes [N] per batch, in the order in which they were written.

    Raises:
      PlumblineError: Files or rows differ from those that ingest wrote.
    """
    import tensorflow as tf

    rows = 0
    for records in tf.data.TFRecordDataset(_files(split_uri), "GZIP").batch(batch_size).as_numpy_iterator():
        rows += len(records)
        yield records
    check_split(split_uri, rows)


def columns_of(records: np.ndarray, names: Sequence[str], whole: bool = False) -> dict[str, pa.Array]:
    """Returns columns of serialized examples, bytes [N]: first values, null where missing; or `whole` lists."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    if not len(records):
        return {name: pa.nulls(0) for name in names}
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(records.tolist())
    return {name: (_whole if whole else first_values)(batch, name) for name in names}


def column_batches(
    split_uri: str, names: Sequence[str], places: np.ndarray, batch_size: int = 1 << 13, whole: bool = False
) -> Iterator[dict[str, pa.Array]]:
    """Yields columns of selected rows of a split, batch by batch; without columnar copies only these rows are decoded.

    Args:
      split_uri: Folder of gzip TFRecords.
      names: Features, or columns derived from them, see derived_features.py.
      places: Row indices in the split, ascending from 0.
      batch_size: Examples read at a time.
      whole: Whether to return lists instead of their first values.

    Yields:
      See `columns_of`; batches without a selected row are skipped. A column's type may differ between batches: it is
      null in a batch without values.
    """
    seen = 0
    for file in _files(split_uri):
        copied = read_copy(file, batch_size)
        for batch in record_batches(file, batch_size) if copied is None else copied:
            first, last = np.searchsorted(places, [seen, seen + len(batch)])
            here = places[first:last] - seen
            seen += len(batch)
            if not len(here):
                continue
            if isinstance(batch, np.ndarray):
                yield columns_of(batch[here], names, whole)
            else:
                chosen = _selected(batch, raw_names(batch, names))
                chosen = chosen if len(here) == len(batch) else chosen.take(pa.array(here))
                yield {name: (_whole if whole else first_values)(chosen, name) for name in names}


def joined_columns(parts: Iterable[Mapping[str, pa.Array]], names: Sequence[str]) -> dict[str, pa.Array]:
    """Concatenates batches of `column_batches`; a column without any value has type string."""
    listed = list(parts)
    return {name: _joined([part[name] for part in listed]) for name in names}


def whole_columns(split_uri: str, names: Sequence[str], places: np.ndarray) -> dict[str, pa.Array]:
    """Returns the raw columns of which `names` (see derived_features.py) are derived, for selected rows, as lists.

    Args:
      split_uri: Folder of gzip TFRecords.
      names: Features or derived columns.
      places: Row indices, as in `column_batches`.

    Returns:
      Raw column -> lists; a column without any value is left out.
    """
    there: set[str] = set()
    for batch in example_batches(split_uri):
        there |= set(batch.schema.names)
        break
    raw = sources(names, there.__contains__)
    parts = list(column_batches(split_uri, raw, places, whole=True))
    kinds = {name: [part[name].type for part in parts if not pa.types.is_null(part[name].type)] for name in raw}
    return {
        name: pa.chunked_array([part[name].cast(some[0]) for part in parts], some[0]).combine_chunks()
        for name, some in kinds.items()
        if some
    }


def _joined(parts: list[pa.Array]) -> pa.Array:
    kind = next((part.type for part in parts if not pa.types.is_null(part.type)), pa.string())
    return pa.chunked_array([part.cast(kind) for part in parts], kind).combine_chunks()


def _selected(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    positions = [batch.schema.get_field_index(name) for name in columns]
    arrays = [batch.column(at) if at >= 0 else pa.nulls(batch.num_rows) for at in positions]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def first_values(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Returns the first values of a list column, or a derived column; null where a row or the batch lacks it."""
    index = batch.schema.get_field_index(name)
    if index < 0 and (derived := derived_cells(batch, name)) is not None:
        return derived
    if index < 0 or pa.types.is_null(batch.schema.field(index).type):
        return pa.nulls(batch.num_rows)
    lists = batch.column(index)
    lengths = _lengths(lists)
    return lists.flatten().take(pa.array(lengths.cumsum() - lengths, pa.int64(), mask=lengths == 0))


def _whole(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A list column unchanged; nulls where the batch lacks it."""
    index = batch.schema.get_field_index(name)
    return batch.column(index) if index >= 0 else pa.nulls(batch.num_rows)


def _cells(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column's single values with the types of read_examples."""
    cells = first_values(batch, name)
    is_single = pa.types.is_null(cells.type) or batch.schema.get_field_index(name) < 0
    if not is_single and _lengths(batch.column(name)).max(initial=0) > 1:
        raise ValueError(f"feature {name} has several values in one example")
    return cells.cast(pa.string()) if pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type) else cells


def _lengths(lists: pa.Array) -> np.ndarray:
    lengths: np.ndarray = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return lengths
