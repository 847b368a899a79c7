"""Casts typed columns, as read from Parquet, Arrow and TFRecord files, to the types of the schema.

Casts are exact: a value that the schema's type cannot represent becomes null, and `lost` distinguishes such nulls from
nulls in the file.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as is_

from components.table_reading.cells.time_parsing import from_seconds, seconds
from components.table_reading.column_types import is_list

_INT64_MAX = 2**63 - 1


def plain(column: pa.Array) -> pa.Array:
    """Decodes a column to a plain layout: no extension type, dictionary, run-end encoding, large or view strings."""
    while True:
        type_ = column.type
        if isinstance(type_, pa.BaseExtensionType):
            column = column.storage
        elif is_.is_dictionary(type_):
            column = column.dictionary_decode()
        elif is_.is_run_end_encoded(type_):
            column = pc.run_end_decode(column)
        elif is_.is_large_string(type_) or is_.is_string_view(type_):
            return column.cast(pa.string())
        elif is_.is_large_binary(type_) or is_.is_binary_view(type_) or is_.is_fixed_size_binary(type_):
            return column.cast(pa.binary())
        else:
            return column


def fit(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """Casts a plain column to `type_`.

    Args:
      column: Values, [N], in the layout of `plain`.
      type_: One of the types of `column_types.arrow_types`.

    Returns:
      Values of `type_`, [N]; null for a null and for a value that does not fit.
    """
    if column.type == type_ and not is_.is_list(type_):
        return column
    if is_.is_null(column.type):
        return pa.nulls(len(column), type_)
    if is_.is_list(type_):
        return _fit_list(column, type_.value_type)
    if is_list(column.type):
        return fit(_single(column), type_)
    return _SCALAR[type_](column)


def lost(column: pa.Array, values: pa.Array) -> pa.BooleanArray | None:
    """Finds values that a cast has made null.

    Args:
      column: The column before the cast, [N].
      values: The column after the cast, [N].

    Returns:
      Whether each value was lost, bool [N]; None if there is no such value.
    """
    if values.null_count == column.null_count and not is_list(column.type):
        return None
    there = pc.is_valid(column)
    if is_list(column.type):  # an empty list counts as missing
        there = pc.fill_null(pc.greater(pc.list_value_length(column), 0), False)
    gone = pc.and_(there, pc.is_null(values))
    return gone if gone.true_count else None


def castable(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """Casts a column safely, with null for values that fail; fast if few distinct values fail."""
    try:
        return column.cast(type_)
    except pa.ArrowInvalid:
        encoded = column.dictionary_encode()
        return _halves(encoded.dictionary, type_).take(encoded.indices)


def _halves(column: pa.Array, type_: pa.DataType) -> pa.Array:
    # Arrow does not report which value failed; bisection finds k bad values among n in about k log n casts.
    try:
        return column.cast(type_)
    except pa.ArrowInvalid:
        if len(column) == 1:
            return pa.nulls(1, type_)
        middle = len(column) // 2
        return pa.concat_arrays([_halves(column.slice(0, middle), type_), _halves(column.slice(middle), type_)])


def _where(legal: pa.BooleanArray, column: pa.Array) -> pa.Array:
    return pc.if_else(legal, column, pa.scalar(None, column.type))


def _int64(column: pa.Array) -> pa.Array:
    type_ = column.type
    if type_ == pa.uint64():
        return _where(pc.less_equal(column, pa.scalar(_INT64_MAX, pa.uint64())), column).cast(pa.int64())
    if is_.is_integer(type_) or is_.is_boolean(type_):
        return column.cast(pa.int64())
    if is_.is_floating(type_):
        column = column.cast(pa.float64())
        whole = pc.equal(pc.trunc(column), column)  # not NaN
        within = pc.and_(pc.greater_equal(column, -(2.0**63)), pc.less(column, 2.0**63))
        return _where(pc.and_(whole, within), column).cast(pa.int64(), safe=False)
    return castable(column, pa.int64()) if is_.is_decimal(type_) else pa.nulls(len(column), pa.int64())


def _float64(column: pa.Array) -> pa.Array:
    if is_.is_time(column.type) or is_.is_duration(column.type):
        return seconds(column)
    numeric = is_.is_integer(column.type) or is_.is_floating(column.type) or is_.is_decimal(column.type)
    return column.cast(pa.float64(), safe=False) if numeric else pa.nulls(len(column), pa.float64())


def _string(column: pa.Array) -> pa.Array:
    if is_.is_binary(column.type):
        return castable(column, pa.string())
    if column.type == pa.uint64() or is_.is_time(column.type) or is_.is_duration(column.type):
        return column.cast(pa.string())  # no supported number type holds all of them; their text is exact
    return pa.nulls(len(column), pa.string())


def _bool(column: pa.Array) -> pa.Array:
    if not is_.is_integer(column.type):
        return pa.nulls(len(column), pa.bool_())
    return _where(pc.is_in(column, pa.array([0, 1], column.type)), column).cast(pa.bool_())


def _time(column: pa.Array) -> pa.Array:
    own = pa.time64("us")
    if is_.is_time(column.type):
        return column.cast(own, safe=False)
    is_number = is_.is_integer(column.type) or is_.is_floating(column.type)
    return from_seconds(column, own) if is_number else pa.nulls(len(column), own)


def _duration(column: pa.Array) -> pa.Array:
    own = pa.duration("us")
    if is_.is_duration(column.type):
        return column.cast(own, safe=False) if column.type.unit == "ns" else castable(column, own)
    is_number = is_.is_integer(column.type) or is_.is_floating(column.type)
    return from_seconds(column, own) if is_number else pa.nulls(len(column), own)


def _date(column: pa.Array) -> pa.Array:
    type_ = column.type
    if is_.is_date(type_):
        return column.cast(pa.date32())
    if is_.is_timestamp(type_):
        days = _timestamp(column).cast(pa.date32(), safe=False)
        return _where(pc.equal(days.cast(pa.timestamp("us")), _timestamp(column)), days)  # only midnight is exact
    if is_.is_integer(type_):  # days since 1970-01-01, UNIX_DAYS in the schema
        return castable(column, pa.int32()).cast(pa.date32())
    return pa.nulls(len(column), pa.date32())


def _timestamp(column: pa.Array) -> pa.Array:
    type_, own = column.type, pa.timestamp("us")
    if is_.is_timestamp(type_):
        instants = column.cast(pa.int64()).cast(pa.timestamp(type_.unit))  # Arrow stores zoned timestamps in UTC
        return instants.cast(own, safe=False) if type_.unit == "ns" else castable(instants, own)
    if is_.is_date(type_):
        return castable(column, own)
    if is_.is_integer(type_):  # microseconds since 1970-01-01, UNIX_MICROSECONDS in the schema
        return _int64(column).cast(own)
    return pa.nulls(len(column), own)


def _binary(column: pa.Array) -> pa.Array:
    return column.cast(pa.binary()) if is_.is_string(column.type) else pa.nulls(len(column), pa.binary())


_SCALAR: dict[pa.DataType, Callable[[pa.Array], pa.Array]] = {
    pa.int64(): _int64,
    pa.float64(): _float64,
    pa.string(): _string,
    pa.bool_(): _bool,
    pa.date32(): _date,
    pa.timestamp("us"): _timestamp,
    pa.time64("us"): _time,
    pa.duration("us"): _duration,
    pa.binary(): _binary,
}


def lengths(column: pa.Array) -> np.ndarray:
    """Number of values in each list, int64 [N]; 0 for null."""
    return pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def _single(column: pa.Array) -> pa.Array:
    """Unwraps lists of one value, [N]; null for empty lists and for several values."""
    counts = lengths(column)
    first = np.cumsum(counts) - counts
    return plain(plain(column.flatten()).take(pa.array(first, mask=counts != 1)))


def _fit_list(column: pa.Array, value_type: pa.DataType) -> pa.Array:
    """Casts to lists, [N]; a list with a null or a value that does not fit becomes null."""
    if is_list(column.type):
        counts, values = lengths(column), fit(plain(column.flatten()), value_type)
        is_null = pc.is_null(column).to_numpy(zero_copy_only=False)
    else:
        fitted = fit(column, value_type)
        counts, values = pc.is_valid(fitted).to_numpy(zero_copy_only=False).astype(np.int64), fitted.drop_null()
        is_null = counts == 0
    row = np.repeat(np.arange(len(counts)), counts)
    bad = np.zeros(len(counts), bool)
    bad[row[pc.is_null(values).to_numpy(zero_copy_only=False)]] = True
    values = values.filter(pa.array(~bad[row]))
    offsets = np.concatenate([[0], np.cumsum(np.where(bad, 0, counts))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(is_null | bad))
