"""Cells of text to typed columns, as Arrow's CSV reader would, but null where a cell is no such value.

Arrow's own conversion is faster and stops at the first cell that does not fit; this one goes on.
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
"""What a cell has to look like to be tried: casting one by one what obviously is no value would be slow."""

_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
)
_ZONED = r"^.{13,}(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def parse(cells: pa.StringArray, type_: pa.DataType) -> pa.Array:
    """Text as int64, float64, bool, date, timestamp, time or duration, [N]; null where it is null or no such value."""
    if pa.types.is_time(type_):
        return times(cells)
    if pa.types.is_duration(type_):
        return durations(cells)
    if type_ == pa.bool_():
        # Arrays are made here and not on import: the first one made of Python's values imports pandas, half a second.
        true, false = (pc.is_in(cells, pa.array(words)) for words in (_TRUE, _FALSE))
        return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))
    cells = pc.utf8_trim(cells, " \t")
    if pa.types.is_timestamp(type_):
        return _moments(cells)
    if pa.types.is_integer(type_):
        cells = pc.replace_substring_regex(cells, r"^(-?[0-9]+)\.0+$", r"\1")  # as pandas writes integers with gaps
    return castable(_where(pc.match_substring_regex(cells, _MAY_BE[type_]), cells), type_)


def _moments(cells: pa.StringArray) -> pa.Array:
    """ISO 8601 to timestamp[us]: with a zone converted to UTC, without one as it is; finer than a microsecond cut."""
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
    """Text as lists of texts or numbers: items between separators.

    Blanks, an outer pair of brackets and quotes around an item are no part of it; an empty item is none. A list with an
    item that is no number where numbers are wanted is null.
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
