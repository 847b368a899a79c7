"""Parses text cells like Arrow's CSV reader, with null for cells that do not fit the type.

Arrow's conversion is faster, but stops at the first cell that does not fit.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.features.derived_features import AROUND, OUTER
from components.table_reading.cells.casting import castable
from components.table_reading.cells.time_parsing import durations, times

_TRUE = ("1", "true", "True", "TRUE")
_FALSE = ("0", "false", "False", "FALSE")

_MAY_BE = {
    pa.int64(): r"^(-?0*[0-9]{1,19}(\.0+)?|0[xX][0-9a-fA-F]{1,16})$",
    pa.float64(): r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:nan(\([0-9a-z_]*\))?|inf|infinity))$",
    pa.date32(): r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
}
"""Type -> pattern of cells that are cast; cells that cannot be valid are excluded, since failed casts are slow."""

_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
)
_ZONED = r"^.{13,}(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def parse(cells: pa.StringArray, type_: pa.DataType) -> pa.Array:
    """Parses text as int64, float64, bool, date, timestamp, time or duration.

    Args:
      cells: Strings, [N].
      type_: Arrow type of the result.

    Returns:
      Values of `type_`, [N]; null for a null cell and for a cell that does not fit.
    """
    if pa.types.is_binary(type_):
        return cells.cast(pa.binary())
    if pa.types.is_time(type_):
        return times(cells)
    if pa.types.is_duration(type_):
        return durations(cells)
    if type_ == pa.bool_():
        # Not at module level: the first pa.array of Python values imports pandas, which takes half a second.
        true, false = (pc.is_in(cells, pa.array(words)) for words in (_TRUE, _FALSE))
        return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))
    cells = pc.utf8_trim(cells, " \t")
    if pa.types.is_timestamp(type_):
        return _moments(cells)
    if pa.types.is_integer(type_):
        # pandas writes integer columns with missing values as 1.0, 2.0
        cells = pc.replace_substring_regex(cells, r"^(-?[0-9]+)\.0+$", r"\1")
    return castable(_where(pc.match_substring_regex(cells, _MAY_BE[type_]), cells), type_)


def _moments(cells: pa.StringArray) -> pa.Array:
    """Parses ISO 8601 to timestamp[us]: a zone is converted to UTC, fractions of a microsecond are truncated."""
    moment = pa.timestamp("us")
    cells = _where(pc.match_substring_regex(cells, _MOMENT), cells)
    cells = pc.replace_substring_regex(cells, r"(\.[0-9]{6})[0-9]+", r"\1")
    zoned = pc.match_substring_regex(cells, _ZONED)
    naive = castable(_where(pc.invert(zoned), cells), moment)
    if not pc.any(zoned).as_py():
        return naive
    aware = castable(_where(zoned, cells), pa.timestamp("us", "UTC"))
    return pc.coalesce(naive, aware.cast(pa.int64()).cast(moment))


def _where(legal: pa.BooleanArray, cells: pa.StringArray) -> pa.StringArray:
    return pc.if_else(legal, cells, pa.scalar(None, pa.string()))


def listed(cells: pa.StringArray, separator: str, type_: pa.DataType) -> pa.Array:
    """Parses text as lists of texts or numbers.

    Whitespace and quotes around an item and an outer pair of brackets are removed; empty items are skipped.

    Args:
      cells: Strings, [N].
      separator: Text between the items.
      type_: Arrow list type of the result.

    Returns:
      Lists, [N]; null for a null cell, and for a list with an item that does not fit the value type.
    """
    bare = pc.replace_substring_regex(cells, OUTER, r"\1")
    lists = pc.split_pattern(bare, separator)
    row = np.repeat(
        np.arange(len(lists)), pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    items = pc.replace_substring_regex(lists.flatten(), AROUND, r"\1")
    kept = pc.not_equal(items, "").to_numpy(zero_copy_only=False)
    items, row = items.filter(pa.array(kept)), row[kept]
    values = items if type_.value_type == pa.string() else parse(items, type_.value_type)
    bad = np.zeros(len(lists), bool)
    bad[row[values.is_null().to_numpy(zero_copy_only=False)]] = True
    values, row = values.filter(pa.array(~bad[row])), row[~bad[row]]
    counts = np.bincount(row, minlength=len(lists))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    gone = cells.is_null().to_numpy(zero_copy_only=False) | bad
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(gone))
