"""What `plumbline init` says, in order of what it costs: what may leak, what it left out, what it assumed. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.shared.texts.escaping import on_one_line
from components.table_reading.read_options import ReadOptions
from pipeline.onboarding.initialise.column_types import DraftColumn
from pipeline.onboarding.initialise.proposal import Proposal
from pipeline.onboarding.initialise.spellings import FoundSpellings

MOST_SHOWN = 12
"""Lines of a list; --json has all, the table below the lists, too."""
_COSTLY = ("text", "list", "date", "categorical", "numeric", "cyclical", "time", "id", "constant")
"""Kinds of what is left out, those that may hold most first."""


@dataclass(frozen=True)
class Leak:
    """A column that may tell the label: its figure on its own, whether it is left out, and the question to a person."""

    column: str
    alone: str
    score: float
    left_out: bool
    question: str


@dataclass(frozen=True)
class LeftOut:
    """A column that no model learns from, and why."""

    column: str
    kind: str
    why: str


@dataclass(frozen=True)
class Assumed:
    """What was taken for granted, and the setting that changes it."""

    what: str
    setting: str


def leaks_of(proposal: Proposal) -> list[Leak]:
    """Columns that may tell the label, the strongest first."""
    found = [
        Leak(column.name, column.alone, column.score, not column.is_feature, _question(column, proposal.label))
        for column in proposal.columns
        if column.tells
    ]
    return sorted(found, key=lambda leak: (-leak.score, leak.column))


def _question(column: DraftColumn, label: str) -> str:
    name, asked = on_one_line(column.name), on_one_line(label)
    if column.tells == "order":
        return (
            f"{name}: the rows are in the order of {asked}, so this id tells it ({column.alone}); it is no feature, "
            "leave it out of [features]"
        )
    how = "whether it has a value at all says as much; " if column.tells == "missing" else ""
    if not column.is_feature:
        if column.tells == "label" or "gives the label away" in column.suspicious:
            return (
                f"{name}: left out, it says what {asked} is ({column.alone} on its own); {how}if it is known before "
                f"{asked}, put it back into [features]"
            )
        return f"{name}: left out, {column.suspicious} ({column.alone} on its own)"
    return (
        f"is {name} known before {asked}? On its own it ranks at {column.alone}; {how}if it is only known afterwards, "
        "take it out of [features]"
    )


def left_out_of(proposal: Proposal) -> list[LeftOut]:
    """Columns that no model learns from, those that may hold most first; leaks are told by leaks_of."""
    found = [
        LeftOut(column.name, column.kind, on_one_line(_why(column)))
        for column in proposal.columns
        if not column.is_feature and column.kind != "label" and column.name not in proposal.id
        if "gives the label away" not in column.suspicious
    ]
    return sorted(found, key=lambda one: _COSTLY.index(one.kind) if one.kind in _COSTLY else 0)


def _why(column: DraftColumn) -> str:
    return column.suspicious or f"{column.kind}{f', {column.note}' if column.note else ''}"


def assumed_of(
    proposal: Proposal,
    options: ReadOptions,
    spellings: Iterable[FoundSpellings],
    misfits: Mapping[str, int],
    impossible: Mapping[str, str],
) -> list[Assumed]:
    """What was taken for granted, and how to change it."""
    label = on_one_line(proposal.label)
    keys = "[dataset] task and positive say otherwise" if proposal.positive is not None else "[dataset] task says so"
    found = [Assumed(f"{label} is a {proposal.task} label: {on_one_line(proposal.why)}", keys)]
    found += [
        Assumed(f"{label}: {spelling!r} is read as {value!r}", f"[data.values.{label}]")
        for one in spellings
        for spelling, value in one.meant.items()
    ]
    unlabelled = next(column.missing for column in proposal.columns if column.kind == "label")
    if unlabelled:
        found.append(
            Assumed(f"{unlabelled:.1%} of the rows have no {label} and are left out", "fill it in where known")
        )
    found += [
        Assumed(
            f"{on_one_line(column)}: {count:,} {'value does' if count == 1 else 'values do'} not fit the others and "
            f"{'counts' if count == 1 else 'count'} as missing{_first(impossible.get(column, ''))}",
            "[data] on_type_mismatch",
        )
        for column, count in misfits.items()
    ]
    if markers := [marker for marker in options.missing if marker]:
        found.append(Assumed(f'{", ".join(map(repr, markers))} mean "no value"', "[data] missing"))
    if options.delimiter != ",":
        # What is printed has been escaped for a terminal.
        separated = "tabs" if options.delimiter in ("\t", "\\t") else repr(options.delimiter)
        found.append(Assumed(f"cells are separated by {separated}", "[data] delimiter"))
    found += [
        Assumed(f"{on_one_line(column.name)} is {column.kind}: {on_one_line(column.note)}", _setting(column))
        for column in proposal.columns
        if column.is_feature and column.note and not column.tells
    ]
    if proposal.id:
        found.append(Assumed(f"{', '.join(map(on_one_line, proposal.id))} names a row", "[dataset] id"))
    return found


def _first(impossible: str) -> str:
    return f"; the first that is no date is {on_one_line(impossible)}" if impossible else ""


def _setting(column: DraftColumn) -> str:
    if column.date_format:
        return "[data] date_format, [features]"
    return "[data] list_separator, [features]" if column.list_separator else "[features]"


def spelling_lines(spellings: Iterable[FoundSpellings], label: str) -> list[str]:
    """Spellings of one value, those that are read as one first."""
    return [line for one in spellings for line in one.lines(one.column == label)]


def shortened(lines: list[str]) -> list[str]:
    """The first MOST_SHOWN, indented."""
    more = len(lines) - MOST_SHOWN
    return [f"  {line}" for line in lines[:MOST_SHOWN]] + (
        [f"  and {more:,} more; --json lists all"] if more > 0 else []
    )


def column_table(columns: Iterable[DraftColumn]) -> list[str]:
    """A line for each column, aligned."""
    rows = [("column", "type", "kind", "missing", "distinct", "note")]
    for column in columns:
        missing = f"{column.missing:.1%}" if column.missing else ""
        kind = "left out" if column.suspicious else column.kind
        note = column.suspicious or column.note
        rows.append((on_one_line(column.name), column.type, kind, missing, f"{column.distinct:,}", note))
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    pads = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
    aligned = []
    for *cells, note in rows:
        padded = [pad(cell, width) for cell, width, pad in zip(cells, widths, pads, strict=True)]
        aligned.append("  ".join([*padded, note]).rstrip())
    return aligned
