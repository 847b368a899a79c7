"""Reads a file of labels that arrived after the answers: request_id, optionally row and label_time, and the label."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from components.shared.errors import InputError, UsageError
from components.table_reading.column_types import arrow_types, column_types, parse_schema
from components.table_reading.csv.dialect import with_settings
from components.table_reading.formats.registry import is_csv
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.spans import SpanFile, open_folder
from components.table_reading.untyped_batches import find_dialect
from pipeline.settings.config import Config

REQUEST_ID, ROW, LABEL_TIME = "request_id", "row", "label_time"
_MAX_ROWS = 2**31 - 1


@dataclass(frozen=True)
class LabelDomain:
    """Type and legal values of the label, as schema.pbtxt has them."""

    label: str
    type: pa.DataType
    values: tuple[Any, ...] = ()
    """Legal values; empty if the schema does not list them."""
    least: float | None = None
    most: float | None = None

    @classmethod
    def of(cls, config: Config) -> "LabelDomain":
        """Reads it from the dataset's schema; raises ConfigError if the schema cannot be used."""
        schema = parse_schema(config.schema_path.read_text(encoding="utf-8"), str(config.schema_path))
        label = config.dataset.label
        type_ = arrow_types(column_types(schema))[label]
        (feature,) = [feature for feature in schema.feature if feature.name == label]
        kind = feature.WhichOneof("domain_info")
        if kind == "domain":
            shared = [domain for domain in schema.string_domain if domain.name == feature.domain]
            return cls(label, type_, tuple(shared[0].value) if shared else ())
        if kind == "string_domain":
            return cls(label, type_, tuple(feature.string_domain.value))
        if kind in ("int_domain", "float_domain"):
            bounds = getattr(feature, kind)
            least, most = (getattr(bounds, side) if bounds.HasField(side) else None for side in ("min", "max"))
            return cls(label, type_, (), least, most)
        return cls(label, type_)

    def first_illegal(self, values: pa.Array) -> tuple[int, str] | None:
        """Index of the first illegal value, and what is legal; None if all are legal. Missing values are legal."""
        if self.values:
            legal = pc.is_in(values, pa.array(self.values, values.type))
            text = ", ".join(map(str, self.values))
        elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            legal = pc.is_finite(values)
            if self.least is not None:
                legal = pc.and_(legal, pc.greater_equal(values, pa.scalar(self.least, values.type)))
            if self.most is not None:
                legal = pc.and_(legal, pc.less_equal(values, pa.scalar(self.most, values.type)))
            text = f"a number{self._bounds()}"
        else:
            return None
        illegal = pc.and_(pc.is_valid(values), pc.invert(pc.fill_null(legal, True)))
        index = pc.index(illegal, True).as_py()
        return (index, text) if index >= 0 else None

    def _bounds(self) -> str:
        known = [f"{word} {side:g}" for word, side in (("from", self.least), ("to", self.most)) if side is not None]
        return f" {' '.join(known)}" if known else ""


def feedback_batches(name: str, config: Config, csv: tuple[str, ...] = ()) -> Iterator[pa.RecordBatch]:
    """Streams the labels of a file.

    Args:
      name: Path of a file in any format that spans can have, with the columns `request_id`, optionally `row` (from 0;
        missing is every row of the request), optionally `label_time` (when the label became known; a time without
        offset is UTC) and the label. Other columns are ignored. Spelling variants of the label
        are replaced as in spans.
      config: Settings of the dataset.
      csv: Settings of the CSV format, each `name=value`; others are detected.

    Yields:
      Batches with the columns `request_id` (string), `row` (int32), `target`, and `label_time` if the file has it.

    Raises:
      InputError: The file cannot be read, a column or a request id is missing, or a label or row number is not legal;
        names the row.
      UsageError: A setting of the CSV format is not legal.
    """
    domain = LabelDomain.of(config)
    place, path = open_folder(name)
    info = place.get_file_info(path)
    if info.type == fs.FileType.Directory:
        raise UsageError(f"{name}: is a folder; give one file")
    file = SpanFile(0, path, name, info.size or 0, 0)
    options = _options(place, file, config, domain.label, csv)
    with closing(read_batches(place, file, {}, replace(options, on_type_mismatch="warn", spellings={}))) as look:
        names = next(look).schema.names
    optional = {ROW: pa.int64(), LABEL_TIME: pa.timestamp("us")}
    wanted = {name: type_ for name, type_ in optional.items() if name in names and name != domain.label}
    types = {REQUEST_ID: pa.string(), **wanted, domain.label: domain.type}
    first = 1
    for batch in read_batches(place, file, types, options):
        yield _checked(batch, domain, name, first)
        first += batch.num_rows


def _options(place: fs.FileSystem, file: SpanFile, config: Config, label: str, csv: tuple[str, ...]) -> ReadOptions:
    spellings = {label: config.data.values[label]} if label in config.data.values else {}
    options = ReadOptions(missing=config.data.missing, limits=config.data.limits, spellings=spellings)
    if is_csv(file) and place.get_file_info(file.path).type == fs.FileType.File:
        options = find_dialect(place, (file,), options, csv).options
    return with_settings(options, csv)


def _checked(batch: pa.RecordBatch, domain: LabelDomain, name: str, first: int) -> pa.RecordBatch:
    ids, target = batch.column(REQUEST_ID), batch.column(domain.label)
    if ids.null_count:
        row = first + pc.index(ids.is_null(), True).as_py()
        raise InputError(f"{name}: row {row}: has no {REQUEST_ID}; take the row out, or give the id of its request")
    if found := domain.first_illegal(target):
        index, legal = found
        raise InputError(f"{name}: row {first + index}: {domain.label} is {target[index].as_py()!r}; legal: {legal}")
    if ROW not in batch.schema.names:
        rows = pa.nulls(batch.num_rows, pa.int32())
    else:
        given = batch.column(ROW)
        illegal = pc.or_(pc.less(given, 0), pc.greater(given, _MAX_ROWS))
        index = pc.index(pc.fill_null(illegal, False), True).as_py()
        if index >= 0:
            raise InputError(
                f"{name}: row {first + index}: {ROW} is {given[index].as_py()}; it is the position within the request, "
                "from 0"
            )
        rows = given.cast(pa.int32())
    columns = {REQUEST_ID: ids, ROW: rows, "target": target}
    if LABEL_TIME in batch.schema.names and domain.label != LABEL_TIME:
        columns[LABEL_TIME] = batch.column(LABEL_TIME).cast(pa.timestamp("us", tz="UTC"))
    return pa.RecordBatch.from_pydict(columns)
