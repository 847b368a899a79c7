"""`plumbline schema diff / update`: compares schema.pbtxt with the data and applies the accepted changes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.source import Source
from components.shared.errors import ConfigError, InputError, UsageError
from components.shared.files import write_bytes, write_text
from components.shared.texts.escaping import on_one_line
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import TypeMismatch
from components.table_reading.column_types import arrow_types, column_types, is_list, parse_schema
from components.table_reading.databases.database import Database
from components.table_reading.formats.registry import has_texts
from components.table_reading.formats.staging import as_named
from components.table_reading.read_options import TypeCandidates, count_type_candidates
from components.table_reading.spans import SpanFile
from components.table_reading.value_counts import Sample
from pipeline.onboarding.initialise.column_types import column_of
from pipeline.onboarding.initialise.column_values import values_of
from pipeline.onboarding.schema.category_spellings import CategorySpelling
from pipeline.onboarding.schema.column_removal import nothing_known, removal
from pipeline.onboarding.schema.column_renaming import Rename, guess_renames, new_names, renamed, settings_with
from pipeline.onboarding.schema.pbtxt_editor import rewritten
from pipeline.onboarding.schema.schema_changes import (
    MismatchCounts,
    SchemaChange,
    SetField,
    feature_changes,
    new_column,
    numbered,
    percent,
    threshold_changes,
    type_change,
)
from pipeline.settings.config import Config

SAMPLE_ROWS = 20_000
"""Maximum number of sampled rows of a new column."""
SLIPS = 0.05
"""Maximum share of type mismatches that are taken for data errors, unless a wider type holds all values."""


@dataclass(frozen=True)
class Diff:
    """Differences between a schema and the data.

    Attributes:
      path: The schema file.
      content: Its bytes when it was compared.
      looked: Files that were read, for messages; "" for a comparison of thresholds.
      rows: Number of rows read.
      changes: Proposed changes.
      notes: Findings that no change of the schema resolves.
      label: Label column.
      columns: Number of columns of the schema.
      settings: The dataset's pipeline.toml; None for a comparison of thresholds.
    """

    path: Path
    content: bytes
    looked: str
    rows: int
    changes: tuple[SchemaChange, ...]
    notes: tuple[str, ...] = ()
    label: str = ""
    columns: int = 0
    settings: Path | None = None

    def to_json(self, accepted: Sequence[SchemaChange] = ()) -> dict[str, object]:
        """Returns one JSON object; `accepted` are the changes that were applied."""
        numbers = {change.number for change in accepted}
        rows = []
        for one in self.changes:
            about = {name: getattr(one, name) for name in ("number", "feature", "what", "detail")}
            rows.append(about | {"accepted": one.number in numbers})
        head = {"schema": str(self.path), "data": self.looked, "rows": self.rows}
        return head | {"changes": rows, "notes": list(self.notes)}

    def to_text(self) -> str:
        """Returns the numbered changes, one a line, then the notes."""
        lines = [f"{self.looked}: {self.rows:,} rows, against {self.path}"] if self.looked else [f"{self.path}"]
        lines += [line_of(change) for change in self.changes] or ["no changes"]
        if why := removal(self.changes, self.label, self.columns):
            lines.append(f"note: {why}; `schema update` needs --allow-removal for this")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def line_of(change: SchemaChange) -> str:
    """Formats a change on one line."""
    return on_one_line(f"{change.number:>2}  {change.feature}: {change.detail}")


def read_schema(path: Path) -> tuple[bytes, Any]:
    """Returns the bytes and the parsed schema of a file, with or without a byte order mark; raises ConfigError."""
    try:
        content = path.read_bytes()
        return content, parse_schema(content.decode("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({exc})") from exc


def diff(config: Config, data: str | None = None, span: int | None = None, renames: bool = True) -> Diff:
    """Compares the schema with the data of one run: its window of train spans and the eval span.

    The data is read as in ExampleGen, except that type mismatches and missing columns are counted instead of rejected.

    Args:
      config: Settings of the dataset.
      data: Folder or URL of the spans; None: [data] directory.
      span: Eval span; None: the newest. The oldest span is compared alone, since no train span precedes it.
      renames: Whether renamed columns are detected; otherwise they are reported as one removed and one new column.

    Raises:
      InputError: The data cannot be read, or has none of the schema's columns.
      ConfigError: The schema cannot be read.
    """
    content, schema = read_schema(config.schema_path)
    where, cells = data or config.data.directory, config.data
    about = (column_types(schema), config.dataset.label, config.dataset.id, cells.window, cells.eval_share)
    options = cells.read_options("warn")
    source = Source(
        where, cells.query or cells.pattern, *about, options, time=config.dataset.time, span_by=cells.span_by
    )
    look = _SchemaComparison(source, schema, config.features.categorical)
    splits = _files(source, span)
    for split, files in splits.items():
        for file in files:
            look.at(file, split)
    names = list(dict.fromkeys(file.name for files in splits.values() for file in files))
    looked = names[0] if len(names) == 1 else f"{names[0]} to {Path(names[-1]).name}"
    named = {*config.features.names, *config.dataset.id, config.dataset.label}
    changes = numbered(look.changes(named, look.renames(splits) if renames else ()))
    look.notes += look.spelled.notes()
    about_columns = (config.dataset.label, len(source.columns), config.path)
    return Diff(config.schema_path, content, looked, look.rows, tuple(changes), tuple(look.notes), *about_columns)


def threshold_diff(config: Config, suggestions: Mapping[str, tuple[str, str, float]]) -> Diff:
    """Compares the drift thresholds of the schema with suggested ones; see `schema_changes.threshold_changes`."""
    content, schema = read_schema(config.schema_path)
    return Diff(config.schema_path, content, "", 0, tuple(threshold_changes(schema, suggestions)))


def _files(source: Source, span: int | None) -> dict[str, tuple[SpanFile, ...]]:
    """Returns split -> files. Unlike a run, a comparison does not need a complete window."""
    if source.span_by:
        return source.files(span).splits()
    found = source.found()
    last = found[-1] if span is None else next((file for file in found if span in (file.span, file.counted)), None)
    if not source.has_spans or last is None:
        return source.files(span).splits()
    train = tuple(file for file in found if last.position - source.window <= file.position < last.position)
    return {"train": train, "eval": (last,)} if train else {"eval": (last,)}


def _is_text(source: Source, file: SpanFile) -> bool:
    """Returns whether the file stores text cells, so that types are inferred from their form."""
    if isinstance(source.place, Database):
        return source.place.kind == "sqlite"
    return has_texts(as_named(source.place, file, source.options.limits))


class _SchemaComparison:
    """Collects counts and samples of all files in bounded memory."""

    def __init__(self, source: Source, schema: Any, categorical: Sequence[str]) -> None:
        self.source, self.schema = source, schema
        self.spelled = CategorySpelling({*categorical, source.label}, schema)
        self._uncut = replace(source, pattern="{span}", time="", span_by="")
        self.features = {one.name: one for one in schema.feature}
        self.tallies: dict[str, dict[str, MismatchCounts]] = {name: {} for name in source.columns}
        self.rows = 0
        self.notes: list[str] = []
        self._forms: dict[str, TypeCandidates] = {}
        self._carried: dict[str, set[str]] = {}
        self._longest: dict[str, int] = {}
        self._samples: dict[str, Sample] = {}
        self._mismatches: dict[tuple[str, str], TypeMismatch] = {}
        self._files: dict[str, set[str]] = {}

    def at(self, file: SpanFile, split: str) -> None:
        """Adds the rows of a file that belong to a split."""
        names = self._names(file)
        if self.source.columns and not names & self.source.columns.keys():
            raise InputError(nothing_known(self.source, file, names))
        types = {name: alias for name, alias in self.source.columns.items() if name in names}
        is_text = _is_text(self.source, file)
        if is_text:  # a cell holds one value
            types = {name: alias.removeprefix("list:") for name, alias in types.items()}
        reading = replace(self.source, columns=types, ids=[name for name in self.source.ids if name in types])
        mismatches: list[TypeMismatch] = []
        for batch in self._labelled(reading.read(file, split, mismatches)):
            self.rows += batch.num_rows
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if name in types:
                    self.spelled.add(file.name, name, column)
                    self.tallies[name].setdefault(split, MismatchCounts()).add(column, self.features[name], self.schema)
                elif name not in self.features:  # deprecated ones are known
                    self._survey(name, column, is_text)
                    self._samples.setdefault(name, Sample(SAMPLE_ROWS)).add(pa.record_batch([column], ["v"]), 0)
        if odd := {
            mismatch.column for mismatch in mismatches if (mismatch.file, mismatch.column) not in self._mismatches
        }:
            self._mismatches |= {(mismatch.file, mismatch.column): mismatch for mismatch in mismatches}
            for batch in self._labelled(replace(self._uncut, columns={}, ids=()).read(file, split)):
                for name in odd:
                    self._survey(name, batch.column(name), is_text)

    def _names(self, file: SpanFile) -> set[str]:
        """Returns the columns of a file; for TFRecords the union over all examples."""
        names: set[str] = set()
        for batch in replace(self._uncut, columns={}).read(file, ""):
            names |= set(batch.schema.names)
            if ".tfrecord" not in file.path.lower():
                break
        self._files[file.name] = names
        return names

    def _labelled(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Drops rows without a label, as ExampleGen does."""
        label = self.source.label
        for batch in batches:
            yield batch.filter(pc.is_valid(batch.column(label))) if label in batch.schema.names else batch

    def _survey(self, name: str, column: pa.Array, is_text: bool) -> None:
        """Adds values of a column whose type is to be inferred."""
        forms = self._forms.setdefault(name, TypeCandidates())
        if is_list(column.type):
            longest = pc.max(pc.list_value_length(column)).as_py() or 0
            self._longest[name] = max(self._longest.get(name, 1), longest)
            column = column.flatten()
        if pa.types.is_string(column.type) and is_text:
            count_type_candidates(column, forms)
        else:
            forms.rows, forms.nulls = forms.rows + len(column), forms.nulls + column.null_count
            self._carried.setdefault(name, set()).update({_ALIASES[column.type]} if len(column.drop_null()) else ())

    def _alias(self, name: str) -> str:
        """Returns the narrowest type that holds all values added by `_survey`."""
        carried = self._carried.get(name, set())
        forms = self._forms[name].without(self.source.options.missing)
        types = carried | ({forms.type} if any(forms.counts.values()) else set())
        if types <= {"int64", "bool", "float64"} and len(types) > 1:
            return "float64" if "float64" in types else "int64"
        return types.pop() if len(types) == 1 else "string"

    def renames(self, splits: Mapping[str, Sequence[SpanFile]]) -> list[Rename]:
        """Returns columns of the schema that the newest file probably has under another name."""
        files = [file for some in splits.values() for file in some]
        newest = self._files[files[-1].name]
        gone = {name for name in self.source.columns if name not in newest}
        older = next((file for file in reversed(files) if gone and gone <= self._files[file.name]), None)
        fresh = {name: self._values(name, sample) for name, sample in self._samples.items() if name in newest}
        if older is None or not fresh:
            return []
        sample, types = Sample(SAMPLE_ROWS), {name: self.source.columns[name] for name in gone}
        for batch in replace(self.source, pattern="{span}", columns=types, ids=()).read(older, ""):
            sample.add(batch.select(sorted(gone)), 0)
        before = pa.Table.from_batches(sample.batches)
        return guess_renames({name: before[name] for name in gone}, fresh)

    def changes(self, named: set[str], renames: Sequence[Rename] = ()) -> Iterator[SchemaChange]:
        """Returns changes in the schema's order, then new columns. `named`: the columns that pipeline.toml names."""
        became = {one.old: one for one in renames}
        known = {one.new for one in renames}
        odd = {column for _, column in self._mismatches}
        newest = list(self._files)[-1]
        for name in self.source.columns:
            feature = self.features[name]
            lacking = [file for file, names in self._files.items() if name not in names]
            if name in became:
                yield renamed(became[name], self._alias(became[name].new))
                continue
            if newest in lacking:
                settings = "; pipeline.toml names it, remove it there, too" if name in named else ""
                detail = f"missing from {_listed(lacking, self._files)}{settings}; lifecycle_stage -> DEPRECATED"
                yield SchemaChange(
                    0, name, "gone", detail, (SetField(name, ("lifecycle_stage",), schema_pb2.DEPRECATED),)
                )
                continue
            if lacking:
                self.notes.append(f"{name}: missing from {_listed(lacking, self._files)}, which ingest rejects")
            if name in odd and (change := self._type_change(feature)):
                yield change
            else:
                yield from feature_changes(self.schema, feature, self.tallies[name])
        for name, sample in self._samples.items():
            if name not in known:
                yield self._new(name, sample)

    def _type_change(self, feature: Any) -> SchemaChange | None:
        name = feature.name
        mismatches = [one for one in self._mismatches.values() if one.column == name]
        count, rows = sum(one.count for one in mismatches), sum(tally.rows for tally in self.tallies[name].values())
        first, alias, known = mismatches[0], self._alias(name), self.source.columns[name].removeprefix("list:")
        found = f"{count:,} values ({percent(count, rows)}) are not {self.source.columns[name]}, first '{first.value}' "
        found += f"in {first.file}, row {first.row}"
        wider = (known, alias) in (("int64", "float64"), ("date", "timestamp"), ("bool", "int64"))
        if wider or (alias != known and count > SLIPS * (self._forms[name].rows - self._forms[name].nulls)):
            return type_change(feature, alias, found)
        if (most := self._longest.get(name, 1)) > 1 and not self.source.columns[name].startswith("list:"):
            edit = SetField(name, ("value_count", "max"), most)
            return SchemaChange(
                0, name, "value_count", f"{found}, but up to {most} values in a row; value_count.max -> {most}", (edit,)
            )
        self.notes.append(f"{name}: {found}; too few for a change of type; correct the values")
        return None

    def _new(self, name: str, sample: Sample) -> SchemaChange:
        lacking = [file for file, names in self._files.items() if name not in names]
        alias, forms = self._alias(name), self._forms[name].without(self.source.options.missing)
        values = self._values(name, sample)
        if self._longest.get(name, 1) > 1:
            alias = f"list:{alias}"
        elif is_list(values.type):
            values = pa.chunked_array([chunk.flatten() for chunk in values.chunks])
        kind = column_of(values_of(values, name, alias), len(values))
        found = f"{alias}, {kind.kind}, {kind.distinct:,} distinct values, {percent(forms.nulls, forms.rows)} missing"
        found += f" ({kind.suspicious or kind.note})" if kind.suspicious or kind.note else ""
        found += f"; missing from {_listed(lacking, self._files)}, which ingest will reject" if lacking else ""
        return new_column(name, alias, found, categorical=kind.kind == "categorical")

    def _values(self, name: str, sample: Sample) -> pa.ChunkedArray:
        """Returns the sampled values of a new column, cast to its inferred type."""
        alias = self._alias(name)
        chunks = [batch.column(0) for batch in sample.batches]
        values = pa.chunked_array([chunk for chunk in chunks if chunk.type == chunks[-1].type])
        if values.type == pa.string() and alias != "string" and name not in self._carried:
            values = pa.chunked_array([parse(chunk, arrow_types({name: alias})[name]) for chunk in values.chunks])
        return values


_CARRIED = ("int64", "float64", "string", "bool", "date", "timestamp")
_ALIASES = {type_: name for name, type_ in arrow_types(dict(zip(_CARRIED, _CARRIED, strict=True))).items()}


def _listed(files: Sequence[str], of: Sized) -> str:
    return files[0] if len(files) == 1 else f"{len(files)} of {len(of)} files, {files[0]} the first"


def chosen(text: str, changes: Sequence[SchemaChange]) -> list[SchemaChange]:
    """Returns the changes that `--accept` names: all, numbers, ranges (1,3-5) or features; raises UsageError."""
    if text == "all":
        return list(changes)
    picked: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        wanted = set(range(int(span[1]), int(span[2] or span[1]) + 1)) if span else set()
        numbers = wanted & {one.number for one in changes} or {one.number for one in changes if one.feature == part}
        if not numbers or (wanted and len(numbers) < len(wanted)):
            there = f"1 to {len(changes)}, or a feature with a change" if changes else "which is nothing at present"
            raise UsageError(f"--accept {part}: no such change; legal: all, {there}")
        picked |= numbers
    return [change for change in changes if change.number in picked]


def ask(changes: Sequence[SchemaChange], answers: TextIO, talk: TextIO) -> list[SchemaChange]:
    """Asks for each change: y, n or q; end of input is q. Raises UsageError without a terminal."""
    if not answers.isatty():
        raise UsageError("schema update asks for each change, which needs a terminal; use --accept all, 1,3 or FEATURE")
    accepted: list[SchemaChange] = []
    for change in changes:
        answer = ""
        while answer not in ("y", "n", "q"):
            talk.write(f"{line_of(change)}\n  accept? [y/n/q] ")
            talk.flush()
            line = answers.readline()
            answer = line.strip().lower()[:1] if line else "q"
        if answer == "q":
            break
        accepted += [change] if answer == "y" else []
    return accepted


def apply(found: Diff, accepted: Sequence[SchemaChange], allow_removal: bool = False) -> None:
    """Writes the accepted changes atomically; renamed columns are also renamed in pipeline.toml.

    Raises:
      UsageError: The file was changed since it was compared, or cannot be written; or the changes remove the label or
        most columns without `allow_removal`.
    """
    if not allow_removal and (why := removal(accepted, found.label, found.columns)):
        raise UsageError(f"{found.path}: {why}; check the newest span first; if it is right, use --allow-removal")
    became = new_names(accepted)
    settings = settings_with(found.settings, became) if became and found.settings else None
    wanted = parse_schema(found.content.decode("utf-8-sig"), str(found.path))
    for edit in (edit for change in accepted for edit in change.edits):
        edit.apply(wanted)
    new = rewritten(found.content.decode("utf-8"), wanted, str(found.path)).encode("utf-8")
    try:
        if new == found.content:
            return
        if found.path.read_bytes() != found.content:
            raise UsageError(f"{found.path}: changed since it was compared; nothing is written, repeat `schema diff`")
        write_bytes(found.path.resolve(), new)  # a link stays one
        if settings is not None and found.settings:
            write_text(found.settings.resolve(), settings)
    except OSError as exc:
        raise UsageError(f"{found.path}: cannot be written ({exc.strerror})") from exc
