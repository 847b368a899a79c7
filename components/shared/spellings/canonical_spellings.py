"""Spellings of one value, brought to the value they stand for: as rows are read, and in a served graph alike.

`Spellings` are [data.values] of pipeline.toml: column -> spelling -> the value it stands for. What is no spelling stays
as it is, so canonical values pass unchanged and applying it twice is applying it once.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from components.shared.errors import ConfigError

if TYPE_CHECKING:  # settings are checked without them
    import pyarrow as pa
    import tensorflow as tf

Spellings: TypeAlias = Mapping[str, Mapping[str, str]]
KEY = "spellings"
"""Where a preprocessing function finds them in its custom_config."""


def check_spellings(spellings: Spellings) -> None:
    """ConfigError unless every spelling stands for a value that is itself no spelling of another."""
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
    """The batch with the spellings in its text columns, and in its lists of texts, brought to their values."""
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
    """The same of a table."""
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
    """Strings of any shape, those in `spelt` replaced by the one of `meant` at the same place.

    By fingerprints of constants rather than a lookup table, which is a resource that each kind of graph would have to
    track and to initialise: TensorFlow Transform's, the matrices' and a served model's.
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
