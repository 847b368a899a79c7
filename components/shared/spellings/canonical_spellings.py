"""Replaces the spellings of a value by its canonical spelling, when rows are read and in a served graph.

`Spellings` is section [data.values] of pipeline.toml: column -> spelling -> canonical value. All other values are
unchanged, so that the replacement is idempotent.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from components.shared.errors import ConfigError

if TYPE_CHECKING:  # checking the settings must not import them
    import pyarrow as pa
    import tensorflow as tf

Spellings: TypeAlias = Mapping[str, Mapping[str, str]]
KEY = "spellings"
"""Key of the spellings in the custom_config of a preprocessing function."""


def check_spellings(spellings: Spellings) -> None:
    """Raises ConfigError if a spelling or value is empty, or a canonical value is a spelling of another value."""
    for column, meant in spellings.items():
        place = f"[data.values] {column}"
        for spelling, value in meant.items():
            if not spelling or not value:
                empty = "an empty spelling" if not spelling else f"'{spelling}' stands for an empty value"
                raise ConfigError(f'{place}: {empty}; what means "no value" belongs in [data] missing')
            if meant.get(value, value) != value:
                raise ConfigError(
                    f"{place}: '{spelling}' stands for '{value}', which stands for '{meant[value]}'; "
                    f"write '{meant[value]}' for both"
                )


def canonical(batch: "pa.RecordBatch", spellings: Spellings) -> "pa.RecordBatch":
    """Replaces spellings in the text columns and lists of texts of a batch."""
    import pyarrow as pa

    columns, changed = list(batch.columns), False
    for column, meant in spellings.items():
        place = batch.schema.get_field_index(column)
        if place >= 0 and meant:
            found = _canonical(columns[place], meant)
            changed |= found is not columns[place]
            columns[place] = found
    return pa.RecordBatch.from_arrays(columns, batch.schema.names) if changed else batch


def canonical_table(table: "pa.Table", spellings: Spellings) -> "pa.Table":
    """Replaces spellings in a table, like `canonical`."""
    import pyarrow as pa

    if not any(spellings.values()):
        return table
    batches = [canonical(batch, spellings) for batch in table.to_batches()]
    return pa.Table.from_batches(batches, table.schema)


def _canonical(column: "pa.Array", meant: Mapping[str, str]) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        values = _canonical(column.flatten(), meant)
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *lengths.cumsum().tolist()], pa.int32())
        return pa.ListArray.from_arrays(offsets, values, mask=column.is_null() if column.null_count else None)
    if not pa.types.is_string(column.type):
        return column
    encoded = column.dictionary_encode()
    known = encoded.dictionary
    at = pc.index_in(known, value_set=pa.array(list(meant), pa.string()))
    if at.null_count == len(at):
        return column
    values = pc.coalesce(pa.array(list(meant.values()), pa.string()).take(at), known)
    return values.take(encoded.indices)


def canonical_tensor(tokens: "tf.Tensor", spelt: Sequence[str], meant: Sequence[str]) -> "tf.Tensor":
    """Replaces strings of any shape that occur in `spelt` by the string at the same index in `meant`.

    It compares fingerprints of constants and does not use a lookup table: that is a resource, which each kind of graph
    (TensorFlow Transform's, the graph of matrices, a served model's) would have to track and initialise.
    """
    import tensorflow as tf

    if not spelt:
        return tokens
    hashes = tf.strings.to_hash_bucket_fast(tf.constant(list(spelt)), tf.int64.max)
    order = tf.argsort(hashes)
    hashes, keys, values = (
        tf.gather(one, order) for one in (hashes, tf.constant(list(spelt)), tf.constant(list(meant)))
    )
    flat = tf.reshape(tokens, [-1])
    at = tf.searchsorted(hashes, tf.strings.to_hash_bucket_fast(flat, tf.int64.max))
    at = tf.minimum(at, len(spelt) - 1)
    found = tf.where(tf.gather(keys, at) == flat, tf.gather(values, at), flat)
    return tf.reshape(found, tf.shape(tokens))
