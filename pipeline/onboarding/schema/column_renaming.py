"""Detects renamed columns by comparing distributions and names of removed and new columns. Pure."""

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import UsageError
from pipeline.onboarding.schema.schema_changes import SchemaChange, SetField
from pipeline.settings.toml_text import leaves, with_values

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALIKE = 0.15
"""Maximum distance between the distributions of a renamed column, 0 to 1; 200 rows have a sampling error of 0.1."""
MIN_ROWS = 50
"""Minimum number of values of each column."""
SIMILAR_NAMES = 0.5
"""Minimum difflib ratio of similar names."""
MAX_DISTINCT = 0.5
"""Maximum share of distinct texts; shares of near-unique texts are not comparable."""


@dataclass(frozen=True)
class Rename:
    """A probable rename: distance of the distributions and difflib ratio of the names, both from 0 to 1."""

    old: str
    new: str
    distance: float
    names: float


def guess_renames(gone: Mapping[str, pa.ChunkedArray], new: Mapping[str, pa.ChunkedArray]) -> list[Rename]:
    """Returns the likely renames; each column is part of at most one.

    Args:
      gone: Removed columns -> their values in an older file.
      new: New columns -> their values, in their proposed types.
    """
    found = []
    for old, before in gone.items():
        for name, after in new.items():
            apart = distance(before.drop_null(), after.drop_null())
            names = difflib.SequenceMatcher(None, old.casefold(), name.casefold()).ratio()
            if apart is not None and apart <= ALIKE:
                found.append(Rename(old, name, apart, names))
    found.sort(key=lambda one: (-(one.names >= SIMILAR_NAMES), one.distance - one.names / 4, one.old, one.new))
    kept: list[Rename] = []
    for one in found:
        rivals = [other for other in found if other is not one and (other.old == one.old or other.new == one.new)]
        clear = one.names >= SIMILAR_NAMES or all(other.distance > ALIKE / 2 + one.distance for other in rivals)
        if clear and not any(one.old == other.old or one.new == other.new for other in kept):
            kept.append(one)
    return kept


def distance(before: pa.ChunkedArray, after: pa.ChunkedArray) -> float | None:
    """Returns the distance between two columns: 0 = same distribution, 1 = disjoint; None if not comparable.

    For numbers, dates and times it is the Kolmogorov-Smirnov distance, for texts and Booleans the total variation
    distance.
    """
    if len(before) < MIN_ROWS or len(after) < MIN_ROWS:
        return None
    kinds = [_kind(column.type) for column in (before, after)]
    if kinds[0] != kinds[1] or kinds[0] is None:
        return None
    if kinds[0] == "number":
        one, other = (np.sort(column.cast(pa.float64(), safe=False).to_numpy()) for column in (before, after))
        every = np.concatenate([one, other])
        shares = [np.searchsorted(column, every, side="right") / len(column) for column in (one, other)]
        return float(np.abs(shares[0] - shares[1]).max())
    counts = [
        {pair["values"]: pair["counts"] for pair in pc.value_counts(column).to_pylist()} for column in (before, after)
    ]
    if any(len(some) > MAX_DISTINCT * sum(some.values()) for some in counts):
        return None
    sizes = [sum(some.values()) for some in counts]
    values = counts[0].keys() | counts[1].keys()
    return sum(abs(counts[0].get(one, 0) / sizes[0] - counts[1].get(one, 0) / sizes[1]) for one in values) / 2


def _kind(type_: pa.DataType) -> str | None:
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    if pa.types.is_string(type_) or pa.types.is_boolean(type_):
        return "text" if pa.types.is_string(type_) else "bool"
    return None


def renamed(one: Rename, alias: str) -> SchemaChange:
    """Returns the schema change of a detected rename."""
    detail = (
        f"probably renamed to '{one.new}' ({alias}): distance of the distributions {one.distance:.2f}, similarity of "
        f"the names {one.names:.0%}; schema and pipeline.toml get the new name, and [data] renamed maps it for older "
        "spans; if these are two columns: --no-renames"
    )
    return SchemaChange(0, one.old, "renamed", detail, (SetField(one.old, ("name",), one.new),))


def new_names(changes: Iterable[SchemaChange]) -> dict[str, str]:
    """Returns old -> new name of the renamed columns."""
    edits = {change.feature: change.edits[0] for change in changes if change.what == "renamed"}
    return {name: str(edit.value) for name, edit in edits.items() if isinstance(edit, SetField)}


def settings_with(path: Path, became: Mapping[str, str]) -> str:
    """Returns the text of pipeline.toml with columns (old -> new name) renamed in all settings.

    Raises:
      UsageError: The file cannot be edited without losing its layout.
    """
    text = path.read_bytes().decode("utf-8")
    tables = tomllib.loads(text.removeprefix("\ufeff"))
    changed: dict[tuple[str, ...], Any] = {}
    for table, keys in _NAMING.items():
        for key in keys:
            value = tables.get(table, {}).get(key)
            new = _renamed(value, became)
            if new == value:
                continue
            before, after = (leaves({key: some}) for some in (value, new))
            changed |= {(table, *path): None for path in before if path not in after}
            changed |= {(table, *path): one for path, one in after.items() if before.get(path) != one}
    known = tables.get("data", {}).get("renamed", {})
    changed |= {("data", "renamed", name): None for name in known if name in became}
    changed |= {("data", "renamed", became.get(name, name)): old for name, old in known.items()}
    changed |= {("data", "renamed", new): old for old, new in became.items() if new not in _renamed(known, became)}
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    try:
        return mark + with_values(text.removeprefix("\ufeff"), changed)
    except ValueError as exc:
        names = ", ".join(f"{old} to {new}" for old, new in became.items())
        raise UsageError(f"{path}: {exc}; nothing is written, rename {names} there by hand, then accept it") from exc


_NAMING = {
    "dataset": ("label", "id"),
    "data": ("values",),
    "features": ("categorical", "numeric", "cyclical"),
    "drift": ("thresholds", "slices"),
    "gate": ("features",),
    "audit": ("annotators",),
    "evaluation": ("slices", "sensitive"),
}
"""Tables and keys that name columns."""


def _renamed(value: Any, became: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return became.get(value, value)
    if isinstance(value, list):
        return [_renamed(one, became) for one in value]
    if isinstance(value, dict):
        return {became.get(key, key): one for key, one in value.items()}
    return value
