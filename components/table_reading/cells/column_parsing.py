"""Parses the text cells of a column in the notation of that column."""

import pyarrow as pa

from components.shared.features.derived_features import SEPARATOR
from components.table_reading.cells.notation import PLAIN, Notation
from components.table_reading.cells.text_parsing import listed, parse
from components.table_reading.cells.time_parsing import dates


def parse_column(name: str, cells: pa.Array, type_: pa.DataType, notation: Notation = PLAIN) -> pa.Array:
    """Parses the text cells of a column.

    Args:
      name: Name of the column.
      cells: Strings, [N]; for a column with a date format also numbers.
      type_: Arrow type of the result.
      notation: Notation of the table's cells.

    Returns:
      Values of `type_`, [N]; null for a null cell and for a cell that does not fit.
    """
    if pa.types.is_list(type_):
        return listed(cells, notation.list_separator.get(name, SEPARATOR), type_)
    if name in notation.date_format and (pa.types.is_timestamp(type_) or pa.types.is_date(type_)):
        return dates(cells, type_, notation.date_format[name], notation.latest_year.get(name, 0))
    number = notation.number_of(name) if type_ in (pa.int64(), pa.float64()) else None
    if number is not None:
        return number.parse(cells, type_)
    return parse(cells, type_)
