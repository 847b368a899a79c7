"""Applies corrections to record batches: replaces labels and cells, drops rows, by row id."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.corrections_file import Correction, CorrectionsFile, read_corrections
from components.shared.errors import ConfigError, InputError
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.column_types import arrow_types

JOIN = "|"
"""Separator between the values of several id columns."""


@dataclass
class CorrectionCounts:
    """Counts of the applied corrections.

    Attributes:
      matched: Positions in Corrections.ids of the ids that occurred in the data.
      dropped: Rows dropped.
      relabelled: Rows whose label changed.
      changed: Rows in which a column other than the label changed; a row may count as relabelled and changed.
    """

    matched: set[int] = field(default_factory=set)
    dropped: int = 0
    relabelled: int = 0
    changed: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Kind of change -> rows: `dropped`, `relabelled`, `changed`."""
        return {"dropped": self.dropped, "relabelled": self.relabelled, "changed": self.changed}


@dataclass(frozen=True, eq=False)
class ColumnCorrection:
    """The corrections of one column, for K distinct ids.

    Attributes:
      given: Whether the id has a correction of this column, bool [K].
      values: Corrected values, of the column's type, [K]; null where `given` is false and for a corrected null.
      rows: Row of the corrections file, int64 [K]; 0 where `given` is false.
    """

    given: np.ndarray
    values: pa.Array
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Corrections:
    """A corrections file, validated and typed by the schema.

    Attributes:
      file: The file as read.
      ids: Distinct ids, [K], in the notation of `id_texts`.
      first: First row of the file that has the id, int64 [K].
      dropped: Whether rows with the id are dropped, bool [K].
      edits: Column -> its corrections.
      id_columns: Columns that identify a row.
      label: Label column.
    """

    file: CorrectionsFile
    ids: pa.StringArray
    first: np.ndarray
    dropped: np.ndarray
    edits: Mapping[str, ColumnCorrection]
    id_columns: tuple[str, ...]
    label: str

    def apply(
        self, batches: Iterable[pa.RecordBatch], applied: CorrectionCounts | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yields the corrected batches. If several rows share an id, all of them are corrected.

        Args:
          batches: Rows, with columns of the schema's types.
          applied: Counts, updated in place; None discards them.
        """
        count = CorrectionCounts() if applied is None else applied
        for batch in batches:
            yield self._corrected(batch, count)

    def about(self, counts: Mapping[str, int]) -> dict[str, str | int]:
        """The record for the artifact: name and SHA-256 of the file, its number of corrections, and `counts`."""
        return {"name": self.file.name, "sha256": self.file.sha256, "rows": len(self.file.rows), **counts}

    def _corrected(self, batch: pa.RecordBatch, count: CorrectionCounts) -> pa.RecordBatch:
        at = pc.index_in(id_texts(batch, self.id_columns), value_set=self.ids)
        if at.null_count == len(at):
            return batch
        rows = np.flatnonzero(at.is_valid().to_numpy(zero_copy_only=False))
        index = at.drop_null().to_numpy()
        count.matched.update(np.unique(index).tolist())
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        changed = np.zeros(batch.num_rows, bool)
        for name, edit in self.edits.items():
            given = np.zeros(batch.num_rows, bool)
            given[rows] = edit.given[index]
            if not given.any():
                continue
            was = columns[name]
            columns[name] = pc.if_else(pa.array(given), edit.values.take(at), was)
            differs = given & ~_equal(was, columns[name])
            if name == self.label:
                count.relabelled += int(differs.sum())
            else:
                changed |= differs
        count.changed += int(changed.sum())
        batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
        gone = rows[self.dropped[index]]
        if not len(gone):
            return batch
        count.dropped += len(gone)
        stays = np.ones(batch.num_rows, bool)
        stays[gone] = False
        return batch.filter(pa.array(stays))


def load_corrections(name: str, columns: Mapping[str, str], ids: Sequence[str], label: str) -> Corrections:
    """Reads a corrections file and converts its values to the types of the schema.

    Args:
      name: Path or URL.
      columns: Column -> type alias.
      ids: Columns that identify a row.
      label: Label column.

    Raises:
      ConfigError: `ids` is empty.
      InputError: See read_corrections; or a field is not a column, is an id column or holds lists; a value does not
        fit its column's type; two corrections contradict each other. The message names the row.
    """
    if not ids:
        raise ConfigError(f"{name}: corrections need row ids; set [dataset] id to the columns that identify a row")
    file = read_corrections(name)
    numbers = list(file.rows)
    for number, row in file.rows.items():
        _check_field(file.name, number, row, columns, ids)
    types = arrow_types(dict(columns))
    texts = [row.id for row in file.rows.values()]
    encoded = _as_data_has_them(texts, [types[name] for name in ids]).dictionary_encode()
    codes, size = encoded.indices.to_numpy(), len(encoded.dictionary)
    first = np.zeros(size, np.int64)
    first[codes[::-1]] = numbers[::-1]  # the last assignment wins, so the first row of each id stays
    by_field: dict[str, list[int]] = {}
    for place, row in enumerate(file.rows.values()):
        by_field.setdefault(row.field, []).append(place)
    dropped = np.zeros(size, bool)
    dropped[codes[by_field.pop("", [])]] = True
    cells = list(file.rows.values())
    edits = {}
    for column, places in by_field.items():
        values = _typed(file.name, [(numbers[place], cells[place]) for place in places], types[column])
        edits[column] = _edit(file, column, codes[places], values, np.array(numbers)[places], size)
    for column, edit in edits.items():
        if (both := np.flatnonzero(edit.given & dropped)).size:
            named = shorten(str(encoded.dictionary[both[0]]))
            raise InputError(
                f"{file.name}: row {edit.rows[both[0]]} corrects '{column}' of id '{named}', which another row drops; "
                "keep one of them"
            )
    return Corrections(file, encoded.dictionary, first, dropped, edits, tuple(ids), label)


def id_texts(batch: pa.RecordBatch, ids: Sequence[str]) -> pa.StringArray:
    """The id of each row as text, string [N].

    Several id columns are joined by `|`, with an empty text for a null; a single id column keeps its nulls.
    """
    texts = [batch.column(name).cast(pa.string()) for name in ids]
    if len(texts) == 1:
        return texts[0]
    return pc.binary_join_element_wise(*(pc.fill_null(text, "") for text in texts), JOIN)


def _as_data_has_them(texts: list[str], types: list[pa.DataType]) -> pa.StringArray:
    """Normalises ids to the notation of `id_texts`: "007" becomes "7" for an integer column; invalid ids stay."""
    if all(type_ == pa.string() for type_ in types):
        return pa.array(texts, pa.string())
    cut = [text.split(JOIN) if len(types) > 1 else [text] for text in texts]
    fits = np.array([len(parts) == len(types) for parts in cut], bool)
    known = []
    for at, type_ in enumerate(types):
        part = pa.array([parts[at] if fit else "" for parts, fit in zip(cut, fits, strict=True)], pa.string())
        known.append(part if type_ == pa.string() else pc.coalesce(parse(part, type_).cast(pa.string()), part))
    joined = pc.binary_join_element_wise(*known, JOIN) if len(known) > 1 else known[0]
    return pc.if_else(pa.array(fits), joined, pa.array(texts, pa.string()))


def _check_field(name: str, number: int, row: Correction, columns: Mapping[str, str], ids: Sequence[str]) -> None:
    where = f"{name}: row {number}: `field`"
    if row.field and row.field not in columns:
        raise InputError(
            f"{where} is '{shorten(row.field)}', not a column of the schema; available: {', '.join(columns)}"
        )
    if row.field in ids:
        raise InputError(f"{where} is '{row.field}', an id column; ids identify rows and cannot be corrected")
    if row.field and columns[row.field].startswith("list:"):
        raise InputError(f"{where} is '{row.field}', which holds lists: only single values can be corrected")


def _typed(name: str, rows: list[tuple[int, Correction]], type_: pa.DataType) -> pa.Array:
    """The corrected values of a column, null for an empty cell; InputError for the first that does not fit the type."""
    texts = pa.array([row.value or None for _, row in rows], pa.string())
    values = texts if type_ == pa.string() else parse(texts, type_)
    if pa.types.is_floating(type_):  # NaN and infinity are rejected: a corrected value must be finite
        values = pc.if_else(pc.fill_null(pc.is_finite(values), False), values, pa.scalar(None, type_))
    bad = pc.and_(pc.is_valid(texts), pc.is_null(values))
    if pc.any(bad).as_py():
        number, row = rows[pc.index(bad, True).as_py()]
        raise InputError(
            f"{name}: row {number}: '{shorten(row.value)}' is not a valid {type_}, the type of '{row.field}'; "
            "leave `value` empty for a missing value"
        )
    return values


def _edit(
    file: CorrectionsFile, column: str, codes: np.ndarray, values: pa.Array, numbers: np.ndarray, size: int
) -> ColumnCorrection:
    """The corrections of one column by id; InputError if two rows give an id different values."""
    first: dict[int, int] = {}
    listed = values.to_pylist()
    for place, code in enumerate(codes.tolist()):
        known = first.setdefault(code, place)
        if listed[known] != listed[place]:
            raise InputError(
                f"{file.name}: rows {numbers[known]} and {numbers[place]} contradict each other: '{column}' of id "
                f"'{shorten(file.rows[int(numbers[place])].id)}' cannot be both {_shown(listed[known])} and "
                f"{_shown(listed[place])}"
            )
    place_of = np.full(size, -1)
    place_of[list(first)] = list(first.values())
    given = place_of >= 0
    rows = np.where(given, numbers[place_of], 0)
    return ColumnCorrection(given, values.take(pa.array(place_of, mask=~given)), rows)


def _shown(value: object) -> str:
    return "missing" if value is None else f"'{shorten(str(value))}'"


def _equal(one: pa.Array, other: pa.Array) -> np.ndarray:
    """Whether two columns have equal values, bool [N]; null equals null."""
    same = pc.or_(pc.fill_null(pc.equal(one, other), False), pc.and_(pc.is_null(one), pc.is_null(other)))
    return same.to_numpy(zero_copy_only=False)
