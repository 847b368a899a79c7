"""SQL over sealed files and open segments whose columns differ, merged by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from serving.request_log.arrow_types import merged_schema

_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.binary(): "BLOB",
    pa.string(): "VARCHAR",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Source:
    """A relation with one schema. `relation` is SQL; its columns are named by position, since DuckDB ignores case."""

    relation: str
    schema: pa.Schema
    constants: tuple[tuple[str, pa.DataType, str], ...] = ()
    """Columns that have the same value in all rows: name, type, SQL."""

    def full_schema(self) -> pa.Schema:
        """Schema with the constant columns."""
        return pa.schema([*self.schema, *(pa.field(name, type_) for name, type_, _ in self.constants)])

    def select(self, wanted: pa.Schema) -> str:
        """SQL that selects columns by name, as x0, x1, …, with the wanted types; NULL where there is no such column."""
        constants = {name: (type_, sql) for name, type_, sql in self.constants}
        chosen = []
        for number, column in enumerate(wanted):
            index = self.schema.get_field_index(column.name)
            if column.name in constants:
                expression = _converted(constants[column.name][1], constants[column.name][0], column.type)
            elif index >= 0:
                expression = _converted(f"c{index}", self.schema.field(index).type, column.type)
            else:
                expression = f"NULL::{duckdb_type(column.type)}"
            chosen.append(f"{expression} AS x{number}")
        aliases = ", ".join(f"c{number}" for number in range(len(self.schema)))
        return f"SELECT {', '.join(chosen)} FROM {self.relation} AS source({aliases})"


def union(sources: Sequence[Source], always: pa.Schema) -> tuple[str, pa.Schema]:
    """Merges sources.

    Args:
      sources: Any number.
      always: Columns that come first, and are there also if no source has them.

    Returns:
      SQL, with columns x0, x1, …; and the columns' names and types.
    """
    merged = merged_schema([always, *(source.full_schema() for source in sources)])
    nothing = ", ".join(f"NULL::{duckdb_type(column.type)} AS x{number}" for number, column in enumerate(merged))
    empty = f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join([empty, *(source.select(merged) for source in sources)]), merged


def duckdb_type(type_: pa.DataType) -> str:
    """DuckDB's name of an Arrow type that the log can hold."""
    if pa.types.is_list(type_):
        return f"{duckdb_type(type_.value_type)}[]"
    if pa.types.is_null(type_):
        return "INTEGER"
    return _TYPES[type_]


def _converted(expression: str, from_: pa.DataType, to: pa.DataType) -> str:
    if from_.equals(to):
        return expression
    if pa.types.is_binary(to):
        return f"encode({expression if pa.types.is_string(from_) else f'CAST({expression} AS VARCHAR)'})"
    return f"CAST({expression} AS {duckdb_type(to)})"


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet(paths: Sequence[Path]) -> str:
    """SQL of the rows of Parquet files, whose paths are taken literally."""
    listed = ", ".join(literal("".join(f"[{one}]" if one in "*?[" else one for one in str(path))) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""').replace("\0", "\N{SYMBOL FOR NULL}") + '"'


def readable_names(names: Sequence[str]) -> list[str]:
    """Column names that differ also without regard to case, as DuckDB needs them: a second `a` becomes `a_2`."""
    taken: set[str] = set()
    unique = []
    for name in names:
        number, candidate = 1, name
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
