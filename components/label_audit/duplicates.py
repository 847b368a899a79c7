"""Duplicate rows, also those that differ in spelling or in one column only, and duplicates across train and eval.

Each cell is hashed to 64 bits, and the hash of a row is the sum over its cells. Rows with equal sums are equal; rows
that differ in one column only have equal sums without that column. The cost is one grouping of the rows per column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.spellings.spelling_groups import loose_key

MAX_CELLS = 60_000_000
"""Maximum number of cells for the search of rows that differ in one column; larger tables skip it."""
MAX_SPELLED = 200_000
"""Maximum number of distinct texts of a column for comparison without accents and punctuation; beyond that only case
and surrounding whitespace are ignored."""
TELLING = 0.8
"""Minimum ratio of distinct rows without the column to all rows. Below, rows agree by coincidence in the others."""
MIN_COLUMNS = 3
"""Minimum number of columns besides the one that differs."""


@dataclass(frozen=True)
class DuplicateGroup:
    """A group of duplicate rows.

    Attributes:
      kind: "exact", "spelling" (texts differ in spelling) or "one_field" (one column differs).
      rows: 0-based positions of the rows.
      column: The column that differs, for "one_field".
    """

    kind: str
    rows: tuple[int, ...]
    column: str = ""


@dataclass(frozen=True)
class Duplicates:
    """Duplicate rows of a table. Id and label columns are not compared.

    Attributes:
      exact: Rows that are equal to an earlier row in every column.
      conflicting: Rows of groups of exact duplicates whose labels differ.
      spelled: Rows that are equal to an earlier row up to case, whitespace, accents and punctuation of texts.
      one_field: Column -> rows that are equal to an earlier row in every other column.
      across: Eval rows with a duplicate of any kind in train; None without a split.
      examples: Some groups of each kind.
      notes: Searches that were skipped.
    """

    exact: int
    conflicting: int
    spelled: int
    one_field: Mapping[str, int] = field(default_factory=dict)
    across: int | None = None
    examples: tuple[DuplicateGroup, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON, as `plumbline audit --json` prints them."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Formats the counts as text; empty without duplicates."""
        lines = []
        if self.exact:
            conflict = f", {self.conflicting:,} rows in groups with different labels" if self.conflicting else ""
            lines.append(f"  duplicates of an earlier row in every column but id and label: {self.exact:,}{conflict}")
        if self.spelled:
            lines.append(
                "  duplicates that differ in case, whitespace, accents or punctuation only: "
                f"{self.spelled:,}, {self._example('spelling')}"
            )
        lines += [
            f"  duplicates that differ in {column} only: {rows:,}, {self._example('one_field', column)}"
            for column, rows in list(self.one_field.items())[:5]
        ]
        if self.across:
            lines.append(f"  eval rows with a duplicate in train: {self.across:,} (data leakage)")
        return lines + [f"  note: {note}" for note in self.notes]

    def _example(self, kind: str, column: str = "") -> str:
        found = next((one for one in self.examples if one.kind == kind and one.column == column), None)
        return f"such as rows {' and '.join(map(str, found.rows[:2]))}" if found else ""


def find_duplicates(
    table: pa.Table, ids: Sequence[str] = (), label: str = "", in_eval: np.ndarray | None = None, most: int = 20
) -> Duplicates:
    """Finds duplicate rows.

    Args:
      table: N rows.
      ids: Id columns.
      label: The label column; "" if there is none.
      in_eval: True for rows of eval, bool [N]; None without a split.
      most: Maximum number of example groups of each kind.
    """
    names = [name for name in table.column_names if name not in ids and name != label]
    if not names or table.num_rows < 2:
        return Duplicates(0, 0, 0)
    plain, loose = np.zeros(table.num_rows, np.uint64), np.zeros(table.num_rows, np.uint64)
    cells: dict[str, np.ndarray] = {}
    compares = len(names) > MIN_COLUMNS and table.num_rows * len(names) <= MAX_CELLS
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
        label_codes = pd.factorize(table[label].to_numpy(zero_copy_only=False))[0]
        distinct_labels = pd.Series(label_codes).groupby(codes).nunique().to_numpy()
        conflicting = int((distinct_labels[codes] > 1).sum())
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
    too_large = "the table is too large to search for duplicates that differ in one column"
    notes = () if compares or len(names) <= MIN_COLUMNS else (too_large,)
    ranked = dict(sorted(one_field.items(), key=lambda pair: -pair[1]))
    return Duplicates(
        int(exact_rows.sum()), conflicting, int(spelled_rows.sum()), ranked, across, tuple(examples), notes
    )


def _across(groupings: Sequence[np.ndarray], in_eval: np.ndarray) -> int:
    """Counts eval rows that share a group with a train row; a grouping holds the group number of each row, [N]."""
    duplicated = np.zeros(len(in_eval), bool)
    for groups in groupings:
        in_train = np.zeros(int(groups.max()) + 1, bool)
        in_train[groups[~in_eval]] = True
        duplicated |= in_eval & in_train[groups]
    return int(duplicated.sum())


def _cells(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a column's values and of their canonical spellings, uint64 [N] each."""
    if pa.types.is_nested(column.type):
        column = pa.chunked_array([pa.array([repr(value) for value in column.to_pylist()], pa.string())])
    if not pa.types.is_string(column.type):
        numbers = pd.factorize(column.to_pandas())[0].astype(np.int64).astype(np.uint64)
        return numbers, numbers
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = encoded.dictionary
    if len(distinct) <= MAX_SPELLED:
        keys = np.array([loose_key(value) for value in distinct.to_pylist()] or [""], object)
    else:
        keys = pc.utf8_lower(pc.utf8_trim_whitespace(distinct)).to_numpy(zero_copy_only=False)
    alike = np.append(pd.factorize(keys)[0], -1)[codes]
    return codes.astype(np.uint64), alike.astype(np.int64).astype(np.uint64)


def _mixed(numbers: np.ndarray, place: int) -> np.ndarray:
    """Hashes codes to 64 bits, with the column's position as salt (SplitMix64)."""
    found = numbers + np.uint64((place * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    mixed: np.ndarray = found ^ (found >> np.uint64(31))
    return mixed


def _grouped(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group number of each row in order of appearance, [N], and the size of each group."""
    codes = pd.factorize(keys)[0]
    return codes, np.bincount(codes)


def _later(codes: np.ndarray) -> np.ndarray:
    """True for rows that are not the first of their group, bool [N]."""
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return ~first


def _examples(kind: str, codes: np.ndarray, rows: np.ndarray, most: int, column: str = "") -> list[DuplicateGroup]:
    groups = list(dict.fromkeys(codes[np.flatnonzero(rows)[: 10 * most]].tolist()))[:most]
    return [DuplicateGroup(kind, tuple(np.flatnonzero(codes == group)[:20].tolist()), column) for group in groups]
