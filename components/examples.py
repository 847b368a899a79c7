"""tf.Examples back to columns."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def read_examples(split_uri: str, columns: Sequence[str], batch_size: int = 1 << 16) -> pd.DataFrame:
    """One split's examples as a table with one value a cell, rows in the order in which they were written.

    Args:
      split_uri: Folder of gzip TFRecords, as ArrowExampleGen writes them.
      columns: Which features; each must have at most one value in a row.
      batch_size: Examples decoded at a time.

    Returns:
      len(rows) x len(columns); text is str, integers are Int64 (a missing value does not make floats of them), a
      missing value is NA.
    """
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    # Listed, not globbed: a folder's name may hold brackets.
    files = [f"{split_uri.rstrip('/')}/{name}" for name in sorted(tf.io.gfile.listdir(split_uri))]
    frames = []
    for records in tf.data.TFRecordDataset(files, "GZIP").batch(batch_size).as_numpy_iterator():
        batch = decoder.DecodeBatch(list(records))
        frames.append(pa.table({name: _cells(batch, name) for name in columns}))
    if not frames:
        return pd.DataFrame(columns=list(columns))
    table = pa.concat_tables(frames, promote_options="permissive")
    return table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def _cells(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A list column's single values; null where a row has none."""
    index = batch.schema.get_field_index(name)
    if index < 0 or pa.types.is_null(batch.schema.field(index).type):
        return pa.nulls(batch.num_rows)
    lists = batch.column(index)
    values = lists.flatten()
    filled = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    if filled.max(initial=0) > 1:
        raise ValueError(f"feature {name} has several values in one example")
    positions = pa.array(filled.cumsum() - 1, mask=filled == 0)
    cells = values.take(positions)
    return cells.cast(pa.string()) if pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type) else cells
