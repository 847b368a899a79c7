"""Columns and files of spans that are written from the request log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.shared.errors import InputError, UsageError
from components.table_reading.column_types import arrow_types, column_types, parse_schema
from pipeline.settings.config import Config
from serving.request_log.reading import TARGET
from serving.request_log.records import FEATURE

SUFFIXES = (".csv", ".parquet")
ANSWERED = ("live", "baseline", "canary", "direct")
"""Arms whose predictions were sent to a client."""


def schema_types(config: Config) -> dict[str, pa.DataType]:
    """Column -> type, of all columns of schema.pbtxt."""
    schema = parse_schema(config.schema_path.read_text(encoding="utf-8"), str(config.schema_path))
    return dict(arrow_types(column_types(schema)))


def check_csv(config: Config, file: Path) -> None:
    """UsageError if [data] sets a CSV format that is not written here."""
    data = config.data
    lists = set(config.features.lists) - set(data.list_separator)
    plain = data.header_row == 1 and data.decimal == "." and not data.thousands and not data.numbers
    if not plain or "" not in data.missing or data.date_format or data.skip_footer or lists:
        raise UsageError(f"{file}: [data] sets a CSV format that is not written here; export .parquet instead")


def log_sources(config: Config, types: Mapping[str, pa.DataType], there: set[str]) -> dict[str, str]:
    """Returns column of the span -> column of the log that it is taken from."""
    found = {}
    for name in types:
        if name == config.dataset.label:
            found[name] = TARGET
        elif FEATURE + name in there:
            if name not in config.request_log.hashed:
                found[name] = FEATURE + name
        elif name in config.dataset.id and pa.types.is_string(types[name]):
            found[name] = "request_id"
        elif name == config.dataset.time:
            found[name] = "time"
    return found


def converted(
    batch: pa.RecordBatch, sources: Mapping[str, str], types: Mapping[str, pa.DataType], ids: tuple[str, ...], log: str
) -> pa.RecordBatch:
    """Converts rows of the log to the columns and types of the schema.

    Args:
      batch: Rows of the log, with the columns of `sources`, request_id and row.
      sources: Column of the span -> column of the log.
      types: Column -> type; one without a source is empty.
      ids: Text columns that identify a row.
      log: Path of the log, for messages.

    Raises:
      InputError: A value cannot be converted.
    """
    columns = []
    for name, type_ in types.items():
        source = sources.get(name)
        if source is None:
            columns.append(pa.nulls(batch.num_rows, type_))
            continue
        values = batch.column(source)
        if source == "request_id" and name in ids:
            values = pc.binary_join_element_wise(values, batch.column("row").cast(pa.string()), "/")
        try:
            columns.append(_cast(values, type_))
        except (pa.ArrowException, ValueError) as exc:
            raise InputError(
                f"{log}: {source} cannot be converted to the type of {name} in the schema, {type_} ({exc}); "
                "choose other rows with --since and --until"
            ) from exc
    return pa.RecordBatch.from_arrays(columns, list(types))


def _cast(values: pa.Array, type_: pa.DataType) -> pa.Array:
    if pa.types.is_list(values.type) and not pa.types.is_list(type_):
        raise ValueError("a list")
    if pa.types.is_binary(values.type) and not pa.types.is_list(type_):
        values = values.cast(pa.string())
        values = pc.if_else(pc.equal(values, ""), None, values)  # what a request left out: the default of the signature
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"))
    if pa.types.is_date(type_) and pa.types.is_integer(values.type):
        values = values.cast(pa.int32())
    return values.cast(type_)


class SpanFileWriter:
    """Writes batches as CSV or Parquet, to a path that ends in .csv.tmp or .parquet.tmp."""

    def __init__(self, path: Path, types: Mapping[str, pa.DataType], config: Config) -> None:
        schema = pa.schema(list(types.items()))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lists = {} if path.name.endswith(".parquet.tmp") else config.data.list_separator
        if path.name.endswith(".parquet.tmp"):
            self._writer: Any = pq.ParquetWriter(path, schema, compression="zstd")
        else:
            options = pa_csv.WriteOptions(delimiter=config.data.delimiter)
            self._text = pa.schema(
                [pa.field(one.name, pa.string() if pa.types.is_list(one.type) else one.type) for one in schema]
            )
            self._writer = pa_csv.CSVWriter(path, self._text, write_options=options)
        self._is_csv = not path.name.endswith(".parquet.tmp")

    def __enter__(self) -> "SpanFileWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a batch with the columns of the schema."""
        if self._is_csv:
            columns = [
                self._joined(name, column) if pa.types.is_list(column.type) else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=self._text)
        self._writer.write_batch(batch)

    def _joined(self, name: str, column: pa.Array) -> pa.Array:
        separator = self._lists[name]
        items = column.cast(pa.list_(pa.string()))
        return pc.binary_join(items, separator)
