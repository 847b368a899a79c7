"""Cells of text to typed columns, as Arrow's CSV reader would, but null where a cell is no such value.

Arrow's own conversion is faster and stops at the first cell that does not fit; this one goes on.
"""

import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.casting import castable
from components.arrow_example_gen.notation import PLAIN, Notation
from components.arrow_example_gen.time_cells import dates, durations, listed, times
from components.derived import SEPARATOR


def parse_column(name: str, cells: pa.Array, type_: pa.DataType, notation: Notation = PLAIN) -> pa.Array:
    """Cells of a column as its type, [N], as they are written there; null where it is null or no such value."""
    if pa.types.is_list(type_):
        return listed(cells, notation.list_separator.get(name, SEPARATOR), type_)
    if name in notation.date_format and (pa.types.is_timestamp(type_) or pa.types.is_date(type_)):
        return dates(cells, type_, notation.date_format[name])
    number = notation.number_of(name) if type_ in (pa.int64(), pa.float64()) else None
    if number is not None:
        return number.parse(cells, type_)
    return parse(cells, type_)


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
