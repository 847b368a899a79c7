"""Compares the span files of two runs, and their rows."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import InputError
from pipeline.run_history.compare_rows import RowChanges, row_changes
from pipeline.run_history.lineage import SpanRead, corrections_of, spans_read
from pipeline.run_history.metadata_graph import text_property

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2 as mlmd


@dataclass(frozen=True)
class SpanChange:
    """A span that differs between two runs.

    Attributes:
      span: Span number.
      change: "added", "removed", "changed" (other bytes), "corrected" (the same bytes, other corrections), "moved"
        (the same bytes in another split) or "selected" (the same bytes, but other rows of it: see [[data.extra]]).
      name: Name of the file, in the later run if it is there.
      splits: Split before and after; None if the span is not part of the run.
      sha256: SHA-256 before and after.
      rows: Number of rows before and after.
      by_row: Differences by row; None if added, removed or moved, or if the examples of a run were deleted.
    """

    span: int
    change: str
    name: str
    splits: tuple[str | None, str | None]
    sha256: tuple[str | None, str | None]
    rows: tuple[int, int]
    by_row: RowChanges | None


@dataclass(frozen=True)
class RowTotals:
    """Total numbers of differing rows, in added and removed spans and within spans; see RowChanges."""

    added: int
    dropped: int
    relabelled: int
    features: int


BY_ROW = ("changed", "corrected", "selected")
"""Changes within a span, compared by row."""
EXTRA = "extra"
"""Split of the additional rows from older spans."""


def totals(changes: Sequence[SpanChange]) -> RowTotals | None:
    """Sums the changes over all spans; None if the examples of a run were deleted."""
    if any(change.by_row is None for change in changes if change.change in BY_ROW):
        return None
    rows = [change.by_row for change in changes if change.by_row is not None]
    return RowTotals(
        added=sum(row.added for row in rows) + sum(one.rows[1] for one in changes if one.change == "added"),
        dropped=sum(row.removed for row in rows) + sum(one.rows[0] for one in changes if one.change == "removed"),
        relabelled=sum(row.relabelled for row in rows),
        features=sum(row.features for row in rows),
    )


def span_changes(
    before: "mlmd.Artifact | None",
    after: "mlmd.Artifact | None",
    ids: Sequence[str],
    most: int = 5,
    label: str = "",
) -> tuple[SpanChange, ...]:
    """Compares the Examples artifacts of two runs.

    Args:
      before: Of the earlier run; None if it has none, then all spans count as added.
      after: Of the later run; None if it has none, then all spans count as removed.
      ids: Id columns of the dataset.
      most: Maximum number of rows of each kind in the result.
      label: Label column; "" if unknown.
    """
    old, new = _files(before), _files(after)
    corrected = before is not None and after is not None and _digests(before) != _digests(after)
    selected = before is not None and after is not None and extra_of(before) != extra_of(after)
    # The rows of a file without spans are in both splits; each split is compared with itself.
    counts = [Counter(row.span for row in rows) for rows in (old, new)]
    dealt = {span for count in counts for span, times in count.items() if times > 1}
    was, is_ = (_keyed(rows, dealt) for rows in (old, new))
    found = []
    for key in sorted(was.keys() | is_.keys()):
        one, other = was.get(key), is_.get(key)
        same = one is not None and other is not None and (one.sha256, one.split) == (other.sha256, other.split)
        # The split `extra` contains only some rows of a span.
        some = _is_chosen(one, other, selected)
        if same and not corrected and not some:
            continue
        by_row = None
        if one is None or other is None:
            change = "added" if one is None else "removed"
        else:
            if one.sha256 != other.sha256 or corrected or some:
                by_row = _by_row(_file(before, old, one), _file(after, new, other), ids, most, label)
            of_the_same = "selected" if some else "corrected" if corrected else "moved"
            change = "changed" if one.sha256 != other.sha256 else of_the_same
            if change in ("corrected", "selected") and by_row is not None and not _any(by_row):
                if one.split == other.split:
                    continue
                change, by_row = "moved", None
        named = other or one
        assert named is not None
        found.append(
            SpanChange(
                span=named.span,
                change=change,
                name=named.name,
                splits=(one.split if one else None, other.split if other else None),
                sha256=(one.sha256 if one else None, other.sha256 if other else None),
                rows=(one.rows if one else 0, other.rows if other else 0),
                by_row=by_row,
            )
        )
    return tuple(found)


def extra_of(examples: "mlmd.Artifact | None") -> list[dict[str, Any]]:
    """Returns the slices whose rows from older spans were added (where, spans, rows); see [[data.extra]]."""
    return list(json.loads(text_property(examples, "extra") or "[]")) if examples is not None else []


def steps_of(examples: "mlmd.Artifact | None") -> dict[str, Any]:
    """Returns the data steps applied to the training rows, by table; see [balance] and [augmentation]."""
    return dict(json.loads(text_property(examples, "steps") or "{}")) if examples is not None else {}


def step_lines(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Returns a line for each data step that differs."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [f"{name}: {_step(before.get(name))} -> {_step(after.get(name))}" for name in names]


def extra_lines(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """Returns a line for each slice of additional rows that differs."""
    return [
        f"{'removed' if extra in before else 'added'}: {extra['rows']:,} rows of the {extra['spans']} spans "
        "before the window with "
        + " and ".join(f"{column} = {' or '.join(values)}" for column, values in extra["where"].items())
        for extra in [*(one for one in before if one not in after), *(one for one in after if one not in before)]
    ]


def _step(settings: dict[str, Any] | None) -> str:
    if not settings:
        return "none"
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in settings.items() if value not in ({}, ""))


def _is_chosen(one: SpanRead | None, other: SpanRead | None, selected: bool) -> bool:
    """Whether the two runs may have used different rows of a span that both read."""
    if one is None or other is None or EXTRA not in (one.split, other.split):
        return False
    return selected or one.split != other.split


def id_columns(source: str) -> tuple[str, ...]:
    """Returns the dataset's id columns, from the parameter `source` of ArrowExampleGen."""
    return tuple(json.loads(source).get("ids", ())) if source else ()


def label_column(source: str) -> str:
    """Returns the dataset's label column, from the same parameter; "" if unknown."""
    return str(json.loads(source).get("label", "")) if source else ""


def span_changes_text(change: SpanChange) -> list[str]:
    """Returns a span's change in lines."""
    (was, is_), (from_, to) = change.sha256, change.splits
    head = f"span {change.span:<3} {change.change:<10}{change.name}"
    if change.change == "moved":
        return [f"{head}  {from_} -> {to}"]
    if change.change not in BY_ROW:
        return [f"{head}  {sum(change.rows):,} rows  sha256 {(is_ or was or '')[:16]}"]
    moved = "" if from_ == to else f"  {from_} -> {to}"
    why = "other rows of it" if change.change == "selected" else "by other corrections"
    bytes_ = f"sha256 {(was or '')[:16]} -> {(is_ or '')[:16]}" if was != is_ else why
    lines = [f"{head}{moved}  {bytes_}"]
    rows = change.by_row
    if rows is None:
        before, after = change.rows
        return [
            *lines,
            f"  {before:,} -> {after:,} rows; no comparison by row, since the examples of a run were deleted",
        ]
    lines.append(f"  rows: {rows.changed:,} changed, {rows.added:,} added, {rows.removed:,} removed")
    if rows.relabelled:
        lines.append(f"  of the changed: {rows.relabelled:,} relabelled, {rows.features:,} with other features")
    for row in rows.shown:
        named = ", ".join(f"{name} {value}" for name, value in row.id.items()) or f"row {row.row}"
        cells = ", ".join(f"{name} {_cell(was)} -> {_cell(is_)}" for name, (was, is_) in row.cells.items())
        lines.append(f"    {row.kind:<8} {named}{': ' + cells if cells else ''}")
    return lines


def _cell(value: Any) -> str:
    return "missing" if value is None else str(value)


def _files(examples: "mlmd.Artifact | None") -> tuple[SpanRead, ...]:
    return () if examples is None else spans_read(examples)


def _keyed(rows: Sequence[SpanRead], dealt: set[int]) -> dict[tuple[int, str], SpanRead]:
    return {(row.span, row.split if row.span in dealt else ""): row for row in rows}


def _file(examples: "mlmd.Artifact | None", rows: Sequence[SpanRead], one: SpanRead) -> Path | None:
    """The TFRecord that ArrowExampleGen wrote for a span's file; None if it was deleted or is not a local file."""
    assert examples is not None
    split = [row for row in rows if row.split == one.split]
    name = f"data_tfrecord-{split.index(one):05d}-of-{len(split):05d}.gz"
    path = Path(examples.uri) / f"Split-{one.split}" / name
    return path if path.is_file() else None


def _digests(examples: "mlmd.Artifact") -> list[str]:
    return [str(row.get("sha256", "")) for row in corrections_of(examples)]


def _any(rows: RowChanges) -> bool:
    return bool(rows.added or rows.removed or rows.changed)


def _by_row(before: Path | None, after: Path | None, ids: Sequence[str], most: int, label: str) -> RowChanges | None:
    if before is None or after is None:
        return None
    try:
        return row_changes(before, after, ids, most, label)
    except InputError:
        return None  # a truncated file of a killed run
