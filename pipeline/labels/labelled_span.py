"""Writes the labelled rows of the request log as a span, which `plumbline run` can train on."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.shared.errors import InputError, UsageError
from components.table_reading.column_types import arrow_types, column_types, parse_schema
from pipeline.settings.config import Config
from serving.request_log.reading import TARGET, RequestLog
from serving.request_log.records import FEATURE


@dataclass(frozen=True)
class ExportedSpan:
    """What was exported. `absent` are columns of the schema that the log does not have; they are empty in the file."""

    file: str
    rows: int
    absent: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The record."""
        return asdict(self)

    def to_text(self) -> str:
        """The record for a terminal."""
        absent = f"; not in the log, and therefore empty: {', '.join(self.absent)}" if self.absent else ""
        return f"{self.file}: {self.rows:,} labelled rows{absent}"


def export_span(
    config: Config, folder: Path, file: Path, since: datetime | None = None, until: datetime | None = None
) -> ExportedSpan:
    """Writes the rows that were answered live or by a canary, and that have a label, with the columns of the schema.

    Columns have the names and types of schema.pbtxt. If the log does not have them, a text column of [dataset] id gets
    the request id and the row, the time column the time of the request, and others are empty. Rows with a hashed
    feature cannot be learnt from, so hashed features are empty, too.

    Args:
      config: Settings of the dataset.
      folder: Folder of the request log.
      file: Path ending in .csv or .parquet; it must not exist.
      since: Earliest time, inclusive.
      until: Latest time, exclusive.

    Raises:
      UsageError: The file exists, or its name has another suffix.
      InputError: No row has a label, or a value cannot be converted to the schema's type.
    """
    if file.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{file}: the span is written as .csv or .parquet")
    if file.exists():
        raise UsageError(f"{file}: exists; a span that runs have read must not change, so give another name")
    if file.suffix == ".csv":
        _check_csv(config, file)
    schema = parse_schema(config.schema_path.read_text(encoding="utf-8"), str(config.schema_path))
    types = arrow_types(column_types(schema))
    log = RequestLog(folder)
    there = set(log.columns())
    sources = _sources(config, types, there)
    columns = sorted({"request_id", "row", TARGET, *sources.values()})
    temporary = file.with_name(f".{file.name}.tmp")
    rows = 0
    try:
        with _Writer(temporary, types, config) as writer:
            for batch in log.read(since, until, labels=("live", "canary"), columns=columns):
                labelled = batch.filter(batch.column(TARGET).is_valid())
                if labelled.num_rows:
                    writer.write(_converted(labelled, sources, types, config.dataset.id, str(folder)))
                    rows += labelled.num_rows
        if not rows:
            raise InputError(f"{folder}: no row has a label; import labels with `plumbline feedback` first")
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return ExportedSpan(str(file), rows, tuple(name for name in types if name not in sources))


def _check_csv(config: Config, file: Path) -> None:
    data = config.data
    lists = set(config.features.lists) - set(data.list_separator)
    plain = data.header_row == 1 and data.decimal == "." and not data.thousands and not data.numbers
    if not plain or "" not in data.missing or data.date_format or data.skip_footer or lists:
        raise UsageError(f"{file}: [data] sets a CSV format that is not written here; export .parquet instead")


def _sources(config: Config, types: Mapping[str, pa.DataType], there: set[str]) -> dict[str, str]:
    """Column of the span -> column of the log that it is taken from."""
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


def _converted(
    batch: pa.RecordBatch, sources: Mapping[str, str], types: Mapping[str, pa.DataType], ids: tuple[str, ...], log: str
) -> pa.RecordBatch:
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
        if not pa.types.is_string(type_):
            values = pc.if_else(pc.equal(values, ""), None, values)  # how a missing number is sent as text
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"))
    if pa.types.is_date(type_) and pa.types.is_integer(values.type):
        values = values.cast(pa.int32())
    return values.cast(type_)


class _Writer:
    """Writes batches as CSV or Parquet."""

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

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
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
