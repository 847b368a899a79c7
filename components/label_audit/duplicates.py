"""Rows that are nearly the same: equal but for spelling, or for one field; and those in both train and eval. Pure.

Each cell is a number of 64 bits, each row their sum: rows are equal where the sums are, and equal but for one column
where the sums without it are. So the cost is that of sorting the rows once for each column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.spellings.spelling_groups import loose_key

MOST_CELLS = 60_000_000
"""Cells up to which rows are compared without each of their columns; of more, only as a whole."""
MOST_SPELLED = 200_000
"""Different texts of a column up to which accents and punctuation are ignored; of more, case and blanks only."""
TELLING = 0.8
"""Share of the rows that the other columns tell apart: where they tell fewer, rows are alike by chance."""
LEAST_COLUMNS = 3
"""Columns besides the one that differs."""


@dataclass(frozen=True)
class Group:
    """Rows, 0-based in the data, that are nearly the same: `kind` is exact, spelling or one_field, in `column`."""

    kind: str
    rows: tuple[int, ...]
    column: str = ""


@dataclass(frozen=True)
class Duplicates:
    """What was found; ids and label are not compared, except where it says so.

    Attributes:
      exact: Rows that equal an earlier one in every column.
      conflicting: Rows of such groups whose labels differ.
      spelled: Rows that equal an earlier one but for case, blanks, accents or punctuation of texts.
      one_field: Column -> rows that equal an earlier one in every column but this one.
      across: Eval rows that have one of these twins in train; None where there is no split.
      examples: Groups of rows, at most a few of each kind.
      notes: What was not looked at.
    """

    exact: int
    conflicting: int
    spelled: int
    one_field: Mapping[str, int] = field(default_factory=dict)
    across: int | None = None
    examples: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `plumbline audit --json` prints it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person; none where there is nothing."""
        lines = []
        if self.exact:
            conflict = f", {self.conflicting:,} of them in groups with different labels" if self.conflicting else ""
            lines.append(f"  {self.exact:,} rows equal an earlier one in every column but id and label{conflict}")
        if self.spelled:
            lines.append(
                f"  {self.spelled:,} rows equal an earlier one but for case, blanks, accents or punctuation: "
                f"{self._example('spelling')}"
            )
        lines += [
            f"  {rows:,} rows equal an earlier one in every column but {column}: {self._example('one_field', column)}"
            for column, rows in list(self.one_field.items())[:5]
        ]
        if self.across:
            lines.append(f"  {self.across:,} eval rows have such a twin in train: the model has seen them")
        return lines + [f"  note: {note}" for note in self.notes]

    def _example(self, kind: str, column: str = "") -> str:
        found = next((one for one in self.examples if one.kind == kind and one.column == column), None)
        return f"such as rows {' and '.join(map(str, found.rows[:2]))}" if found else ""


def find_duplicates(
    table: pa.Table, ids: Sequence[str] = (), label: str = "", in_eval: np.ndarray | None = None, most: int = 20
) -> Duplicates:
    """Finds rows that are nearly the same.

    Args:
      table: Rows.
      ids: Columns that name a row.
      label: The label's column.
      in_eval: Which rows are eval, bool [N]; None if there is no split.
      most: Groups of each kind that are named.
    """
    names = [name for name in table.column_names if name not in ids and name != label]
    if not names or table.num_rows < 2:
        return Duplicates(0, 0, 0)
    plain, loose = np.zeros(table.num_rows, np.uint64), np.zeros(table.num_rows, np.uint64)
    cells: dict[str, np.ndarray] = {}
    compares = len(names) > LEAST_COLUMNS and table.num_rows * len(names) <= MOST_CELLS
    for place, name in enumerate(names):
        exact, spelled = _cells(table[name])
        plain += _mixed(exact, place)
        mixed = _mixed(spelled, place)
        loose += mixed
        if compares:
            cells[name] = mixed
    groupings: list[np.ndarray] = []
    codes, sizes = _grouped(plain)
    exact_rows = _later(codes) & (sizes[codes] > 1)
    conflicting = 0
    if label:
        answers = pd.factorize(table[label].to_numpy(zero_copy_only=False))[0]
        labels = pd.Series(answers).groupby(codes).nunique().to_numpy()
        conflicting = int((labels[codes] > 1).sum())
    examples = _examples("exact", codes, exact_rows, most)
    same, loose_sizes = _grouped(loose)
    spelled_rows = _later(same) & (loose_sizes[same] > 1) & ~exact_rows
    examples += _examples("spelling", same, spelled_rows, most)
    groupings.append(same)
    one_field: dict[str, int] = {}
    for name, mixed in cells.items():
        others, other_sizes = _grouped(loose - mixed)
        if len(other_sizes) < TELLING * table.num_rows:
            continue
        found = _later(others) & (other_sizes[others] > 1) & ~_later(same)
        if found.any():
            one_field[name] = int(found.sum())
            examples += _examples("one_field", others, found, most, name)
            groupings.append(others)
    across = None if in_eval is None else _across(groupings, in_eval)
    too_large = "the table is too large to look for rows that are equal but for one field"
    notes = () if compares or len(names) <= LEAST_COLUMNS else (too_large,)
    ranked = dict(sorted(one_field.items(), key=lambda pair: -pair[1]))
    return Duplicates(
        int(exact_rows.sum()), conflicting, int(spelled_rows.sum()), ranked, across, tuple(examples), notes
    )


def _across(groupings: Sequence[np.ndarray], in_eval: np.ndarray) -> int:
    """Eval rows that are in a group with a train row; each grouping is the group of each row, [N]."""
    twin = np.zeros(len(in_eval), bool)
    for groups in groupings:
        learned = np.zeros(int(groups.max()) + 1, bool)
        learned[groups[~in_eval]] = True
        twin |= in_eval & learned[groups]
    return int(twin.sum())


def _cells(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """A column as numbers, equal where the values are and where their spellings are, uint64 [N] each."""
    if pa.types.is_nested(column.type):
        column = pa.chunked_array([pa.array([repr(value) for value in column.to_pylist()], pa.string())])
    if not pa.types.is_string(column.type):
        numbers = pd.factorize(column.to_pandas())[0].astype(np.int64).astype(np.uint64)
        return numbers, numbers
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = encoded.dictionary
    if len(distinct) <= MOST_SPELLED:
        keys = np.array([loose_key(value) for value in distinct.to_pylist()] or [""], object)
    else:
        keys = pc.utf8_lower(pc.utf8_trim_whitespace(distinct)).to_numpy(zero_copy_only=False)
    alike = np.append(pd.factorize(keys)[0], -1)[codes]
    return codes.astype(np.uint64), alike.astype(np.int64).astype(np.uint64)


def _mixed(numbers: np.ndarray, place: int) -> np.ndarray:
    """Numbers that are spread over 64 bits, differently for each column (SplitMix64)."""
    found = numbers + np.uint64((place * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    mixed: np.ndarray = found ^ (found >> np.uint64(31))
    return mixed


def _grouped(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group of each row, numbered in order of appearance, [N], and the rows of each group."""
    codes = pd.factorize(keys)[0]
    return codes, np.bincount(codes)


def _later(codes: np.ndarray) -> np.ndarray:
    """Which rows are not the first of their group, bool [N]."""
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return ~first


def _examples(kind: str, codes: np.ndarray, rows: np.ndarray, most: int, column: str = "") -> list[Group]:
    groups = list(dict.fromkeys(codes[np.flatnonzero(rows)[: 10 * most]].tolist()))[:most]
    return [Group(kind, tuple(np.flatnonzero(codes == group)[:20].tolist()), column) for group in groups]
