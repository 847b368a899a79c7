"""Compares the examples of a span between two runs row by row.

Rows are first compared as bytes; only those that differ are decoded. TFRecords are parsed here because importing
TensorFlow's reader takes seconds.
"""

import gzip
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.errors import InputError

Row = dict[str, Any]
"""Column -> value, or a list of several values; missing values have no key."""

HEAD, FOOT = 12, 4
"""Number of bytes around a record: its length with a checksum, and the record's checksum."""


@dataclass(frozen=True)
class RowChange:
    """A row that differs.

    Attributes:
      kind: "added", "removed" or "changed".
      row: 0-based index among the span's labelled rows, in the earlier run if removed, else in the later one.
      id: Id column -> value; empty without id columns.
      cells: Column -> (before, after) of the differing cells; None is missing. Empty unless changed.
    """

    kind: str
    row: int
    id: Row
    cells: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class RowChanges:
    """Numbers of differing rows, and the first few of each kind.

    Of the `changed` rows, `relabelled` have another label and `features` another value of a feature; a row may count in
    both.
    """

    added: int
    removed: int
    changed: int
    relabelled: int
    features: int
    shown: tuple[RowChange, ...]


def row_changes(before: Path, after: Path, ids: Sequence[str], most: int = 5, label: str = "") -> RowChanges:
    """Compares two gzip TFRecord files of tf.Examples.

    A row is changed if both files have its id, with different values. Without id columns, rows of files of equal length
    are compared by position; in files of different length, rows are only added and removed.

    Args:
      before: File of the earlier run.
      after: File of the later run.
      ids: Id columns; may be empty.
      most: Maximum number of rows of each kind in the result.
      label: Label column; "" if unknown, then no row counts as relabelled.

    Raises:
      InputError: A file is not a TFRecord of tf.Examples.
    """
    old, new = records_of(before), records_of(after)
    gone, come = _differing(old, new), _differing(new, old)
    # The same row may have been written with its columns in another order.
    was, is_ = (
        dict(zip(gone, _decode(old, gone, before), strict=True)),
        dict(zip(come, _decode(new, come, after), strict=True)),
    )
    for place, other in _pairs({p: _frozen(r) for p, r in was.items()}, {p: _frozen(r) for p, r in is_.items()}):
        del was[place], is_[other]
    if ids:
        pairs = _pairs(
            *({p: _frozen({name: r.get(name) for name in ids}) for p, r in rows.items()} for rows in (was, is_))
        )
    else:
        pairs = [(place, place) for place in was if place in is_] if len(old) == len(new) else []
    changed = [
        RowChange("changed", other, _id(is_[other], ids), _cells(was.pop(place), is_.pop(other)))
        for place, other in pairs
    ]
    removed = [RowChange("removed", place, _id(row, ids), {}) for place, row in was.items()]
    added = [RowChange("added", place, _id(row, ids), {}) for place, row in is_.items()]
    shown = (*changed[:most], *removed[:most], *added[:most])
    relabelled = sum(label in row.cells for row in changed)
    features = sum(bool(row.cells.keys() - {label}) for row in changed)
    return RowChanges(len(added), len(removed), len(changed), relabelled, features, shown)


def records_of(path: Path) -> list[bytes]:
    """Returns the records of a gzip TFRecord file; InputError if it cannot be read."""
    try:
        with gzip.open(path) as file:
            return list(_unpacked(file.read()))
    except (OSError, EOFError, struct.error) as exc:
        raise InputError(f"{path}: cannot be read as a gzip TFRecord ({exc})") from exc


def _unpacked(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        end = place + HEAD + length
        if end + FOOT > len(content):
            raise EOFError(f"record at byte {place} is truncated")
        yield content[place + HEAD : end]
        place = end + FOOT


def _differing(rows: list[bytes], others: list[bytes]) -> list[int]:
    """Indices of the rows that `others` lacks, counting duplicates."""
    left = Counter(others)
    found = []
    for place, row in enumerate(rows):
        if left[row]:
            left[row] -= 1
        else:
            found.append(place)
    return found


def _decode(records: list[bytes], places: list[int], path: Path) -> list[Row]:
    if not places:
        return []
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    try:
        batch = ExamplesToRecordBatchDecoder().DecodeBatch([records[place] for place in places])
    except RuntimeError as exc:
        raise InputError(f"{path}: contains a record that is not a tf.Example ({exc})") from exc
    return [{name: _value(cell) for name, cell in row.items() if cell} for row in batch.to_pylist()]


def _value(cell: list[Any]) -> Any:
    values = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in cell]
    return values[0] if len(values) == 1 else values


def _frozen(row: Row) -> str:
    return repr(sorted(row.items()))


def _pairs(before: dict[int, str], after: dict[int, str]) -> list[tuple[int, int]]:
    """Pairs of indices with equal keys, in order; surplus duplicates of one side stay unpaired."""
    waiting: dict[str, list[int]] = defaultdict(list)
    for place, key in reversed(before.items()):
        waiting[key].append(place)
    return [(waiting[key].pop(), place) for place, key in after.items() if waiting.get(key)]


def _id(row: Row, ids: Sequence[str]) -> Row:
    return {name: row.get(name) for name in ids}


def _cells(before: Row, after: Row) -> dict[str, tuple[Any, Any]]:
    names = sorted(before.keys() | after.keys())
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
