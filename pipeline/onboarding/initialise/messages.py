"""Messages of `plumbline init`: possible data leakage, excluded columns, assumptions. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.shared.texts.escaping import on_one_line
from components.table_reading.read_options import ReadOptions
from pipeline.onboarding.initialise.column_types import DraftColumn
from pipeline.onboarding.initialise.proposal import Proposal
from pipeline.onboarding.initialise.spellings import FoundSpellings
from pipeline.onboarding.initialise.target_leakage import LEAKS

MAX_SHOWN = 12
"""Maximum number of lines of a list; --json and the table of columns are complete."""
_COSTLY = ("image", "text", "list", "date", "categorical", "numeric", "cyclical", "time", "id", "constant")
"""Kinds of excluded columns, those with the most information first."""


@dataclass(frozen=True)
class Leak:
    """A column that may leak the label: its score, whether it is excluded, and the question to the user."""

    column: str
    alone: str
    score: float
    left_out: bool
    question: str


@dataclass(frozen=True)
class LeftOut:
    """A column that is not a feature, and why."""

    column: str
    kind: str
    why: str


@dataclass(frozen=True)
class Assumed:
    """An assumption and the setting that changes it."""

    what: str
    setting: str


def leaks_of(proposal: Proposal) -> list[Leak]:
    """Returns the columns that may leak the label, strongest first."""
    found = [
        Leak(column.name, column.alone, column.score, not column.is_feature, _question(column, proposal.label))
        for column in proposal.columns
        if column.tells
    ]
    return sorted(found, key=lambda leak: (-leak.score, leak.column))


def _question(column: DraftColumn, label: str) -> str:
    name, target = on_one_line(column.name), on_one_line(label)
    if column.tells == "order":
        return (
            f"{name}: the rows are sorted by {target}, so this id predicts it ({column.alone}); it is not a feature, "
            "keep it out of [features]"
        )
    how = "the presence of a value alone predicts as well; " if column.tells == "missing" else ""
    if not column.is_feature:
        if column.tells == "label" or LEAKS in column.suspicious:
            return (
                f"{name}: excluded, it predicts {target} almost perfectly ({column.alone}); {how}if it is known before "
                f"{target}, add it to [features]"
            )
        return f"{name}: excluded, {column.suspicious} ({column.alone})"
    return (
        f"{name}: strong predictor of {target} ({column.alone}); {how}if it is only known after {target}, remove it "
        "from [features]"
    )


def left_out_of(proposal: Proposal) -> list[LeftOut]:
    """Returns the columns that are not features, without those of `leaks_of`."""
    found = [
        LeftOut(column.name, column.kind, on_one_line(_why(column)))
        for column in proposal.columns
        if not column.is_feature and column.kind != "label" and column.name not in proposal.id
        if LEAKS not in column.suspicious
    ]
    return sorted(found, key=lambda one: _COSTLY.index(one.kind) if one.kind in _COSTLY else 0)


def _why(column: DraftColumn) -> str:
    return column.suspicious or f"{column.kind}{f', {column.note}' if column.note else ''}"


def assumed_of(
    proposal: Proposal,
    options: ReadOptions,
    spellings: Iterable[FoundSpellings],
    mismatches: Mapping[str, int],
    impossible: Mapping[str, str],
) -> list[Assumed]:
    """Returns the assumptions about columns and notation.

    Args:
      proposal: The proposal.
      options: Read options.
      spellings: Spelling variants of the label.
      mismatches: Column -> number of type mismatches.
      impossible: Column of dates -> the first value that looks like a date and is not one.
    """
    label = on_one_line(proposal.label)
    keys = "[dataset] task and positive" if proposal.positive is not None else "[dataset] task"
    found = [Assumed(f"{label} is a {proposal.task} label: {on_one_line(proposal.why)}", keys)]
    found += [
        Assumed(f"{label}: {spelling!r} is read as {value!r}", f"[data.values.{label}]")
        for one in spellings
        for spelling, value in one.meant.items()
    ]
    unlabelled = next(column.missing for column in proposal.columns if column.kind == "label")
    if unlabelled:
        found.append(Assumed(f"{unlabelled:.1%} of the rows have no {label} and are dropped", "fill it in where known"))
    found += [
        Assumed(
            f"{on_one_line(column)}: {count:,} type {'mismatch' if count == 1 else 'mismatches'}, read as "
            f"missing{_first(impossible.get(column, ''))}",
            "[data] on_type_mismatch",
        )
        for column, count in mismatches.items()
    ]
    if markers := [marker for marker in options.missing if marker]:
        found.append(Assumed(f'{", ".join(map(repr, markers))} mean "no value"', "[data] missing"))
    if options.delimiter != ",":
        # The delimiter may already be escaped for the terminal.
        separated = "tabs" if options.delimiter in ("\t", "\\t") else repr(options.delimiter)
        found.append(Assumed(f"cells are separated by {separated}", "[data] delimiter"))
    found += [
        Assumed(f"{on_one_line(column.name)} is {column.kind}: {on_one_line(column.note)}", _setting(column))
        for column in proposal.columns
        if column.is_feature and column.note and not column.tells
    ]
    if proposal.id:
        found.append(Assumed(f"{', '.join(map(on_one_line, proposal.id))} identifies a row", "[dataset] id"))
    return found


def _first(impossible: str) -> str:
    return f"; the first impossible date is {on_one_line(impossible)}" if impossible else ""


def _setting(column: DraftColumn) -> str:
    if column.date_format:
        return "[data] date_format, [features]"
    return "[data] list_separator, [features]" if column.list_separator else "[features]"


def spelling_lines(spellings: Iterable[FoundSpellings], label: str) -> list[str]:
    """Returns lines on spelling variants, first those that are read as one value."""
    return [line for one in spellings for line in one.lines(one.column == label)]


def shortened(lines: list[str]) -> list[str]:
    """Returns the first MAX_SHOWN lines, indented, and the number of the others."""
    more = len(lines) - MAX_SHOWN
    return [f"  {line}" for line in lines[:MAX_SHOWN]] + (
        [f"  and {more:,} more; --json lists all"] if more > 0 else []
    )


def column_table(columns: Iterable[DraftColumn]) -> list[str]:
    """Returns an aligned line for each column."""
    rows = [("column", "type", "kind", "missing", "distinct", "note")]
    for column in columns:
        missing = f"{column.missing:.1%}" if column.missing else ""
        kind = "excluded" if column.suspicious else column.kind
        note = column.suspicious or column.note
        rows.append((on_one_line(column.name), column.type, kind, missing, f"{column.distinct:,}", note))
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    pads = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
    aligned = []
    for *cells, note in rows:
        padded = [pad(cell, width) for cell, width, pad in zip(cells, widths, pads, strict=True)]
        aligned.append("  ".join([*padded, note]).rstrip())
    return aligned
