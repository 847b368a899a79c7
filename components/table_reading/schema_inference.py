"""Infers column types from all files together, so that the result does not depend on a single span.

Type aliases, and how a value is stored in a tf.Example:

    int64, float64, string    unchanged (float64 as float32, the only float type of a tf.Example)
    image                     bytes: an encoded image; in a file also the path of one, which is found as a string
    bool                      int64, 0 or 1
    date                      int64, days since 1970-01-01
    timestamp                 int64, microseconds since 1970-01-01 UTC
    time, duration            float32, seconds since midnight, seconds
    list:int64, list:float64, list:string    several values

In CSV, numbers with leading zeros ("007") are codes and therefore strings. Integers beyond int64 are strings, since
different ones could become equal as float64; in a column with fractions they are float64. Dates and times are ISO 8601
or in a notation that date_notations.py detects. Words among numbers are type mismatches and do not change the type as
long as they are rare (read_options.RARE_WORDS). Parquet and Arrow files carry types: decimals and half floats become
float64, dictionaries the type of their values, unsigned integers int64 if all values fit and else strings.

A float64 column in any format is int64 if all its values are whole and some are beyond 2^24: as float32 different
values would become equal. pandas writes integer columns with missing values in this form.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs
from pyarrow import types as is_

from components.shared.errors import InputError
from components.table_reading.cells.casting import fit, plain
from components.table_reading.cells.column_parsing import parse_column
from components.table_reading.cells.date_columns import Impossible, latest_years, notes_on_dates
from components.table_reading.cells.file_notations import FileNotation, notation_of_file, torn_dates, torn_numbers
from components.table_reading.cells.number_columns import apply_notations, find_notations, notes_on_numbers
from components.table_reading.cells.time_parsing import seconds
from components.table_reading.cells.type_counts import FEW_ROWS, count_batch, grouped
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.column_matching import own_type, unknown_names
from components.table_reading.column_types import IMAGE, arrow_types, is_list
from components.table_reading.csv.diagnosis import diagnose
from components.table_reading.formats.nested_columns import flat_schema
from components.table_reading.formats.registry import format_of, is_csv, is_sheet
from components.table_reading.formats.staging import as_named
from components.table_reading.image_values import holds_images, without_images
from components.table_reading.locations import Place
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.read_options import ReadOptions, TypeCandidates, missing_markers
from components.table_reading.reading_progress import ReadingProgress
from components.table_reading.spans import SpanFile
from components.table_reading.untyped_batches import span_batches
from components.table_reading.value_counts import Sample, WholeNumbers

UINT64 = "uint64"
"""Internal alias during inference; the largest value decides between int64 and string."""


@dataclass(frozen=True)
class InferredSchema:
    """The inferred schema of a table, with statistics and a sample of its rows.

    Attributes:
      types: Column -> type alias, in the order of the first file.
      options: Read options, with the detected missing-value markers and notations added to the given ones.
      rows: Rows in all files.
      missing: Column -> rows without a value.
      mismatches: Column -> number of type mismatches.
      sample: Sampled rows of all files, typed by `types`; dates and timestamps as the integers that are stored.
      spans: Index of the file of each row of the sample, int64 [rows of the sample].
      ambiguous: Column of dates -> a second format that fits all its values, besides that of `options.date_format`.
      notes: Column -> remarks for the user about the notation of its numbers and dates.
      impossible: Column -> the first value in the form of a date that does not exist, with its file and row.
    """

    types: dict[str, str]
    options: ReadOptions
    rows: int
    missing: dict[str, int]
    mismatches: dict[str, int]
    sample: pa.Table
    spans: np.ndarray
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    impossible: dict[str, str] = field(default_factory=dict)


def infer_types(place: Place, files: Sequence[SpanFile], options: ReadOptions) -> dict[str, str]:
    """Infers the type alias of each column; the result does not depend on how rows are distributed over files.

    Args:
      place: Filesystem or database.
      files: Files of any format, or queries, with the same columns.
      options: Read options.

    Returns:
      Column -> type alias, see the module's docstring.

    Raises:
      InputError: A file cannot be read, or its columns differ from those of the first.
    """
    return infer_schema(place, files, options, sample_rows=0).types


def infer_schema(
    place: Place,
    files: Sequence[SpanFile],
    options: ReadOptions,
    sample_rows: int,
    find_markers: bool = False,
) -> InferredSchema:
    """Infers types, notations and missing-value markers in one pass over all files, batch by batch.

    Args:
      place: Filesystem or database.
      files: Files of any format, or queries, with the same columns.
      options: Read options.
      sample_rows: Maximum number of rows in the sample.
      find_markers: Detect missing-value markers in addition to those of `options`, and the notation of numbers and
        dates if `options` do not set it.

    Raises:
      InputError: A file cannot be read or has no rows, or its columns differ from those of the first.
    """
    forms: dict[str, TypeCandidates] = {}
    carried: dict[str, set[str]] = {}
    largest: dict[str, int] = {}
    whole: dict[str, WholeNumbers] = {}
    sample, rows, names = Sample(sample_rows), 0, list[str]()
    impossible, notations = Impossible(), list[FileNotation]()
    named = as_named(place, files[0], options.limits)
    head = options.header_row if is_csv(named) or is_sheet(named) else 0
    progress = ReadingProgress(files)
    for number, file in enumerate(files):
        before, own = rows, dict[str, TypeCandidates]()
        for batch, texts in span_batches(place, file, options, names):
            rows += batch.num_rows
            progress.add(number, batch, is_text=is_csv(named))
            if not names:
                names = list(batch.schema.names)
                forms = {name: TypeCandidates() for name in names}
            own = own or ({name: TypeCandidates() for name in names} if find_markers and len(files) > 1 else forms)
            if batch.schema.names != names and (reason := _otherwise(place, file, options, names)):
                raise InputError(reason)
            _same_columns(batch.schema.names, names, file, files[0])
            if texts:
                written = [name for name in batch.schema.names if name in texts]
                of_texts = batch if len(written) == batch.num_columns else batch.select(written)
                count_batch(of_texts, own)
                if find_markers:
                    impossible.look(of_texts, own, file.name, rows - before - batch.num_rows + head)
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if name in texts:
                    continue
                own[name].rows += len(column)
                own[name].nulls += column.null_count
                if holds_images(column):
                    carried.setdefault(name, set()).add(IMAGE)
                    continue
                carried.setdefault(name, set()).add(_alias(column.type, name, file))
                if is_.is_float64(column.type) or is_.is_decimal(column.type):
                    whole.setdefault(name, WholeNumbers()).add(column)
                if pa.types.is_uint64(column.type) and column.null_count < len(column):
                    largest[name] = max(largest.get(name, 0), pc.max(column).as_py())
            if sample_rows:
                sample.add(without_images(batch.select(names)), number)
        if rows == before:
            raise InputError(f"{file.name}: holds no rows")
        if own is not forms:
            notations.append(notation_of_file(file.name, own))
            for name, counted in own.items():
                forms[name].add(counted)

    torn = torn_numbers(notations)
    for name in torn:
        forms[name].torn = True
    if is_csv(named) or is_sheet(named):  # other formats store numbers as numbers
        known = options.notation_of("") is not None or bool(options.numbers)
        options = apply_notations(forms, options) if known or not find_markers else find_notations(forms, options)
    markers = missing_markers(forms) if find_markers else ()
    options = replace(options, missing=tuple(dict.fromkeys((*options.missing, *markers))))
    read = {name: counted.without(options.missing) for name, counted in forms.items()}
    types = {}
    for name in names:
        carries = carried.get(name, set())
        if name in whole and whole[name].are_large:
            carries = {"int64" if kind == "float64" else kind for kind in carries}
        kinds = {
            ("int64" if largest.get(name, 0) < 2**63 else "string") if kind == UINT64 else kind for kind in carries
        }
        if any(read[name].counts.values()):
            kinds.add(read[name].type)
        types[name] = _widest(kinds - {"null"}, name, files)
    found = {name: counted.date_format for name, counted in read.items() if types[name] in ("date", "timestamp")}
    formats = {name: written for name, (written, _) in found.items() if written}
    options = replace(options, date_format={**formats, **options.date_format})
    notes: dict[str, str] = {}
    if find_markers:
        now = date.today().year
        latest = latest_years(read, formats, now) | dict(options.latest_year)
        options = replace(options, latest_year={name: year for name, year in latest.items() if name in types})
        notes = notes_on_numbers(forms, types, options, sample.batches) | torn
        for some in (notes_on_dates(read, formats, latest, now), torn_dates(notations, types, options)):
            notes |= {name: "; ".join(filter(None, (notes.get(name), note_))) for name, note_ in some.items()}
    table, spans = _typed_sample(sample, types, options)
    return InferredSchema(
        types,
        options,
        rows,
        {name: counted.nulls for name, counted in read.items()},
        {name: counted.mismatches for name, counted in read.items()},
        table,
        spans,
        {name: other for name, (_, other) in found.items() if other},
        notes,
        impossible.first,
    )


def _otherwise(place: Place, file: SpanFile, options: ReadOptions, names: list[str]) -> str:
    """Explains different columns of a CSV file by its encoding, delimiter or header row; "" if these match."""
    plain = isinstance(place, fs.FileSystem) and is_csv(file) and not file.parts and not is_sheet(file)
    return diagnose(place, file, options, names) if plain else ""


def declared_types(
    filesystem: fs.FileSystem, files: Sequence[SpanFile], limits: Limits = DEFAULT_LIMITS
) -> dict[str, str] | None:
    """Infers types like `infer_types` from the schemas of Parquet and Arrow files, without reading rows.

    Args:
      filesystem: Filesystem of the files.
      files: Parquet or Arrow files with the same columns.
      limits: Read limits.

    Returns:
      Column -> type alias. None if the schemas do not suffice: a column has type null, or unsigned 64-bit integers,
      which may not fit int64.

    Raises:
      InputError: A file cannot be read, or its columns differ from those of the first.
    """
    declared: dict[str, set[str]] = {}
    for file in files:
        schema = flat_schema(file_schema(filesystem, file, limits))
        unknown_names(file.name, schema.names, schema.names)
        _same_columns(schema.names, list(declared) or schema.names, file, files[0])
        for field_ in schema:
            declared.setdefault(field_.name, set()).add(_alias(field_.type, field_.name, file))
    if any(kinds & {UINT64, "null"} for kinds in declared.values()):
        return None
    return {name: _widest(kinds, name, files) for name, kinds in declared.items()}


def file_schema(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> pa.Schema:
    """The Arrow schema of a file whose format has one (`registry.has_schema`), from its metadata.

    Args:
      filesystem: Filesystem of the file.
      file: A Parquet or Arrow file.
      limits: Read limits.

    Raises:
      InputError: The file cannot be read, or its format has no schema.
    """
    read_schema = format_of(file).read_schema
    if read_schema is None:
        raise InputError(f"{file.name}: {format_of(file).name} files have no schema")
    try:
        with filesystem.open_input_file(file.path) as stream:
            return read_schema(stream, file, limits)
    except (pa.ArrowException, OSError) as exc:
        raise InputError(f"{file.name}: cannot be read ({shorten(str(exc))})") from exc


def _same_columns(names: list[str], expected: list[str], file: SpanFile, first: SpanFile) -> None:
    if names == expected:
        return
    there, wanted = set(names), set(expected)
    if odd := [name for name in expected if name not in there]:
        raise InputError(f"{file.name}: column '{odd[0]}' is missing; {first.name} has it")
    if odd := [name for name in names if name not in wanted]:
        raise InputError(f"{file.name}: column '{odd[0]}' is not in {first.name}")


def _alias(arrow: pa.DataType, column: str, file: SpanFile) -> str:
    """The alias of an Arrow type; InputError for types without an equivalent in tf.Examples (maps, nested lists)."""
    while pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    if pa.types.is_null(arrow) or pa.types.is_uint64(arrow):
        return str(arrow)
    own = own_type(arrow)
    if own is None:
        raise InputError(
            f"{file.name}: column '{column}' is {shorten(str(arrow))}, which a tf.Example cannot hold; "
            "flatten or drop it"
        )
    aliases = {pa.date32(): "date", pa.timestamp("us"): "timestamp", pa.float64(): "float64"}
    aliases |= {pa.time64("us"): "time", pa.duration("us"): "duration"}
    if pa.types.is_list(own):
        return f"list:{aliases.get(own.value_type, own.value_type)}"
    return aliases.get(own, str(own))


def _widest(kinds: Iterable[str], column: str, files: Sequence[SpanFile]) -> str:
    """The common type of a column whose type differs between files, such as int64 and float64.

    Single values can be read as lists of one value. Numbers and texts have no common type: InputError.
    """
    found = set(kinds)
    if len(found) <= 1:
        return next(iter(found), "string")
    items = {kind.removeprefix("list:") for kind in found}
    wide = next(iter(items)) if len(items) == 1 else ""
    for narrow, wider in (("bool", "int64"), ("int64", "float64"), ("date", "timestamp"), ("time", "duration")):
        if items == {narrow, wider}:
            wide = wider
    if wide and any(kind.startswith("list:") for kind in found):
        wide = f"list:{wide}"
    if not wide or wide in ("list:bool", "list:date", "list:timestamp"):
        both = " in one file and ".join(sorted(found))
        raise InputError(f"{files[0].name}: column '{column}' is {both} in another; use one type in all files")
    return wide


def _typed_sample(sample: Sample, types: dict[str, str], options: ReadOptions) -> tuple[pa.Table, np.ndarray]:
    wanted = arrow_types(types)
    batches = [
        pa.RecordBatch.from_arrays(_typed_columns(batch.columns, wanted, options), list(types))
        for batch in sample.batches
    ]
    sizes = [batch.num_rows for batch in batches]
    empty = pa.schema([(name, _stored(pa.array([], type_)).type) for name, type_ in wanted.items()])
    return pa.Table.from_batches(batches, empty), np.repeat(np.array(sample.files, np.int64), sizes)


def _typed_columns(columns: list[pa.Array], types: dict[str, pa.DataType], options: ReadOptions) -> list[pa.Array]:
    """Converts columns to their types as stored in tf.Examples; small batches group columns of equal type."""
    rows = len(columns[0]) if columns else 0
    if rows > FEW_ROWS:
        of_type = zip(columns, types.items(), strict=True)
        return [_stored(_typed(name, column, type_, options)) for column, (name, type_) in of_type]
    alike: dict[tuple[pa.DataType, pa.DataType, str], list[int]] = {}
    for place, (column, (name, type_)) in enumerate(zip(columns, types.items(), strict=True)):
        alone = name if options.notation.needs_text(name, type_) else ""
        alike.setdefault((column.type, type_, alone), []).append(place)
    typed: list[pa.Array] = [None] * len(columns)
    for (_, type_, name), places in alike.items():
        for start, group in grouped([columns[place] for place in places], rows):
            whole = _stored(_typed(name, pa.concat_arrays(group), type_, options))
            for number in range(len(group)):
                typed[places[start + number]] = whole.slice(number * rows, rows)
    return typed


def _typed(name: str, column: pa.Array, type_: pa.DataType, options: ReadOptions) -> pa.Array:
    """Converts a column to its type; null for values that do not fit."""
    column = plain(column)
    if not pa.types.is_string(column.type):
        return fit(column, type_)
    column = pc.if_else(pc.is_in(column, pa.array(options.missing)), pa.scalar(None, pa.string()), column)
    return fit(column, type_) if type_ == pa.string() else parse_column(name, column, type_, options.notation)


def _stored(column: pa.Array) -> pa.Array:
    """Values as stored in a tf.Example: booleans, dates and timestamps as int64, times and durations in seconds."""
    if pa.types.is_time(column.type) or pa.types.is_duration(column.type):
        return seconds(column)
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    as_it_is = column.type in (pa.float64(), pa.string()) or is_list(column.type)
    return column if as_it_is else column.cast(pa.int64())
