"""Compares the columns of files with a schema: counts, samples of new columns, and the changes that follow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import TypeMismatch
from components.table_reading.column_types import arrow_types, is_list
from components.table_reading.databases.database import Database
from components.table_reading.formats.registry import has_texts
from components.table_reading.formats.staging import as_named
from components.table_reading.read_options import TypeCandidates, count_type_candidates
from components.table_reading.spans import SpanFile
from components.table_reading.value_counts import Sample
from pipeline.onboarding.initialise.column_types import column_of
from pipeline.onboarding.initialise.column_values import values_of
from pipeline.onboarding.schema.category_spellings import CategorySpelling
from pipeline.onboarding.schema.column_removal import nothing_known
from pipeline.onboarding.schema.column_renaming import Rename, guess_renames, renamed
from pipeline.onboarding.schema.schema_changes import (
    MismatchCounts,
    SchemaChange,
    SetField,
    feature_changes,
    new_column,
    percent,
    type_change,
)

SAMPLE_ROWS = 20_000
"""Maximum number of sampled rows of a new column."""
SLIPS = 0.05
"""Maximum share of type mismatches that are taken for data errors, unless a wider type holds all values."""


def _is_text(source: Source, file: SpanFile) -> bool:
    """Returns whether the file stores text cells, so that types are inferred from their form."""
    if isinstance(source.place, Database):
        return source.place.kind == "sqlite"
    return has_texts(as_named(source.place, file, source.options.limits))


class SchemaComparison:
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
