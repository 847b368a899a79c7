"""Spelling variants in the label and in categories: which are applied and which are only proposed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from components.shared.spellings.canonical_spellings import Spellings
from components.shared.spellings.spelling_groups import SpellingGroup, find_groups
from components.shared.texts.escaping import on_one_line, toml_string
from pipeline.onboarding.initialise.column_values import NEAR_UNIQUE, short, value_counts

MAX_DISTINCT = 20_000
"""Columns with more distinct values are not checked here; `plumbline audit` checks them."""
MAX_WRITTEN = 40
"""Maximum number of proposed groups per column in pipeline.toml."""


@dataclass(frozen=True)
class FoundSpellings:
    """Spelling variants of one column: `applied` ones are read as one value, `proposed` ones need a decision.

    `before` is the number of distinct values, `after` the number after applying `applied`.
    """

    column: str
    applied: tuple[SpellingGroup, ...]
    proposed: tuple[SpellingGroup, ...]
    before: int
    after: int

    @property
    def meant(self) -> dict[str, str]:
        """Spelling -> value of the applied variants."""
        return {spelling: value for group in self.applied for spelling, value in group.meant.items()}

    def to_json(self) -> list[dict[str, Any]]:
        """Returns a JSON object for each group."""
        return [
            {
                "column": self.column,
                "value": group.value,
                "spellings": dict(group.spellings),
                "differ": list(group.differ),
                "applied": group in self.applied,
            }
            for group in (*self.applied, *self.proposed)
        ]

    def lines(self, is_label: bool) -> list[str]:
        """Returns the lines of init's output."""
        setting = f"[data.values.{on_one_line(self.column)}]"
        lines = []
        if self.applied:
            what = "classes" if is_label else "values"
            lines.append(
                f"{on_one_line(self.column)}: {self.before:,} {what} -> {self.after:,}: {_listed(self.applied)}; "
                f"remove from {setting} what is a different value"
            )
        if self.proposed:
            lines.append(
                f"{on_one_line(self.column)}: possible variants, not applied: {_listed(self.proposed)}; "
                f"uncomment them in {setting} if they are one value"
            )
        return lines


def label_spellings(table: pa.Table, label: str, alias: str) -> FoundSpellings | None:
    """Finds spelling variants of a label's classes; None if there are none.

    Certain variants are applied if at least two classes remain.

    Args:
      table: Rows.
      label: The label column.
      alias: Type alias of the label.
    """
    groups, counts = _groups(table, label, alias)
    if not groups:
        return None
    certain = tuple(group for group in groups if group.is_certain)
    after = len({spelling_of(certain, value) for value in counts})
    if after < 2:
        certain, after = (), len(counts)
    proposed = tuple(group for group in groups if group not in certain)
    return FoundSpellings(label, certain, proposed, len(counts), after)


def category_spellings(table: pa.Table, columns: Iterable[str], types: Mapping[str, str]) -> list[FoundSpellings]:
    """Finds spelling variants of categories; all of them are proposals.

    Args:
      table: Rows.
      columns: Categorical columns.
      types: Column -> type alias.
    """
    found = []
    for column in columns:
        groups, counts = _groups(table, column, types[column])
        if groups:
            found.append(FoundSpellings(column, (), tuple(groups), len(counts), len(counts)))
    return found


def spelling_of(groups: Iterable[SpellingGroup], value: str) -> str:
    """Returns the canonical spelling of a value."""
    return next((group.value for group in groups if value in group.spellings), value)


def _groups(table: pa.Table, column: str, alias: str) -> tuple[list[SpellingGroup], dict[str, int]]:
    if alias != "string":
        return [], {}
    counts = {value: rows for value, rows in value_counts(table, column).items() if value}
    if not 1 < len(counts) <= MAX_DISTINCT or len(counts) > NEAR_UNIQUE * sum(counts.values()):
        return [], counts
    return find_groups(counts), counts


def applied_to(found: Iterable[FoundSpellings]) -> Spellings:
    """Returns the table [data.values] of the applied variants."""
    return {one.column: one.meant for one in found if one.applied}


def settings_lines(found: Iterable[FoundSpellings]) -> list[str]:
    """Returns the tables [data.values.<column>] of pipeline.toml: applied variants, and proposed ones as comments."""
    lines = []
    for one in found:
        name = toml_string(one.column) if not one.column.replace("_", "").isalnum() else one.column
        name = name if one.column.isascii() else toml_string(one.column)
        mark = "" if one.applied else "# "
        lines += ["", f"{mark}[data.values.{name}]".ljust(30) + "# spelling variants: as written = as read"]
        for group in one.applied:
            lines += _written(group, "")
        if one.proposed:
            lines.append("# Possible variants; uncomment those that are one value:")
        for group in one.proposed[:MAX_WRITTEN]:
            lines += _written(group, "# ")
        if (more := len(one.proposed) - MAX_WRITTEN) > 0:
            lines.append(f"# and {more:,} more; plumbline audit lists them")
    return lines


def _written(group: SpellingGroup, mark: str) -> list[str]:
    differ = "" if group.is_certain else f", differs in {' and '.join(group.differ)}"
    return [
        f"{mark}{toml_string(spelling)} = {toml_string(value)}".ljust(30)
        + f"# {group.spellings[spelling]:,} rows{differ}"
        for spelling, value in group.meant.items()
    ]


def _listed(groups: Iterable[SpellingGroup]) -> str:
    """'yes' (60) as 'Yes' (305), ...: at most five spellings."""
    pairs = [
        f"{short(spelling)} ({group.spellings[spelling]:,} rows) as {short(value)}"
        for group in groups
        for spelling, value in group.meant.items()
    ]
    return ", ".join(pairs[:5]) + (f" and {len(pairs) - 5:,} more" if len(pairs) > 5 else "")
