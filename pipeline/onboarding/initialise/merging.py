"""Three-way merge for a repeated `plumbline init`: earlier draft, edited file and new draft. Pure.

Values that the user did not edit follow the new draft; edited values stay and are reported. Comments, order and layout
are those of the edited file.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.texts.escaping import on_one_line
from components.table_reading.column_types import parse_schema
from pipeline.onboarding.schema.pbtxt_editor import rewritten
from pipeline.settings.toml_text import Path, leaves, toml_value, with_values

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = ".init"
"""Folder of the last draft, beside pipeline.toml."""
SAME = (("data", "directory"), ("data", "pattern"), ("dataset", "label"))
"""Settings that identify the table of a draft."""
_MISSING = object()


@dataclass(frozen=True)
class Merged:
    """A merged text, the kept edits, and the changes that come from the new draft."""

    text: str
    kept: tuple[str, ...]
    changed: tuple[str, ...]


def same_table(before: str, now: str) -> bool:
    """Returns whether two drafts of pipeline.toml are for the same data and label."""
    old, new = (leaves(tomllib.loads(text)) for text in (before, now))
    return all(old.get(path) == new.get(path) for path in SAME)


def merged_settings(before: str, there: str, now: str) -> Merged:
    """Merges pipeline.toml.

    Args:
      before: The earlier draft.
      there: The edited file.
      now: The new draft.

    Raises:
      ValueError: The file is not valid TOML, or cannot be edited without losing its layout.
    """
    base, ours, theirs = (_settings(text) for text in (before, there, now))
    used = _columns(ours)
    changes: dict[Path, Any] = {}
    kept, changed = [], []
    for path in dict.fromkeys((*ours, *theirs, *base)):
        old, mine, new = (one.get(path, _MISSING) for one in (base, ours, theirs))
        if mine is not _MISSING and mine != old:
            kept.append(f"{_named(path)} = {_shown(mine)}")
        elif mine is _MISSING and old is not _MISSING and new is not _MISSING:
            kept.append(f"{_named(path)}: removed")
        if new in (old, mine):
            continue
        if mine == old or (mine is _MISSING and old is _MISSING):
            changes[path] = None if new is _MISSING else new
        elif isinstance(mine, list) and isinstance(new, list):
            changes[path] = _joined(old if isinstance(old, list) else [], mine, new, used)
        else:
            kept[-1:] = [f"{kept[-1]} (init proposes {'nothing' if new is _MISSING else _shown(new)})"]
            continue
        if path[0] == "features" and isinstance(changes[path], list):
            # The user has moved the column to another kind.
            changes[path] = [
                one for one in changes[path] if one not in used or one in (mine if mine is not _MISSING else [])
            ]
        if mine is not _MISSING and changes[path] == mine:
            del changes[path]
        else:
            changed.append(f"{_named(path)} = {_shown(changes[path]) if changes[path] is not None else 'none'}")
    return Merged(with_values(there, changes), tuple(kept), tuple(changed))


def _settings(text: str) -> dict[Path, Any]:
    return {path: value for path, value in leaves(tomllib.loads(text)).items() if value != {}}


def _columns(settings: Mapping[Path, Any]) -> set[str]:
    """Columns that the edited file names."""
    found: set[str] = set()
    for path, value in settings.items():
        if path[0] == "features" and len(path) > 2:
            found.add(path[2])
        elif path[0] == "features" and isinstance(value, list):
            found.update(value)
        elif path == ("dataset", "label"):
            found.add(value)
        elif path == ("dataset", "id"):
            found.update(value)
    return found


def _joined(old: list[Any], mine: list[Any], new: list[Any], used: set[str]) -> list[Any]:
    """The edited list, without items that the new draft lacks and with those that it adds."""
    stays = [one for one in mine if one not in old or one in new]
    return stays + [one for one in new if one not in old and one not in mine and one not in used]


def merged_schema(before: str, there: str, now: str, name: str) -> Merged:
    """Merges schema.pbtxt.

    Args:
      before: The earlier draft.
      there: The edited file.
      now: The new draft.
      name: Name of the file, for messages.

    Raises:
      ConfigError: The file is not a valid schema, or cannot be edited without losing its layout.
    """
    base, ours, theirs = (parse_schema(text.removeprefix("\ufeff"), name) for text in (before, there, now))
    wanted = schema_pb2.Schema()
    wanted.CopyFrom(ours)
    kept, changed = [], []
    for field in ("feature", "string_domain"):
        old, new = ({one.name: one for one in getattr(schema, field)} for schema in (base, theirs))
        for one in getattr(wanted, field):
            if one != old.get(one.name):
                kept.append(f"{field} {on_one_line(one.name)}")
            elif one.name in new and new[one.name] != one:
                one.CopyFrom(new[one.name])
                changed.append(f"{field} {on_one_line(one.name)}")
            elif one.name not in new and field == "feature":
                one.lifecycle_stage = schema_pb2.DEPRECATED
                changed.append(f"{field} {on_one_line(one.name)}: gone from the data, DEPRECATED")
        there_now = {one.name for one in getattr(wanted, field)}
        for one in getattr(theirs, field):
            if one.name not in there_now and one.name not in old:
                getattr(wanted, field).add().CopyFrom(one)
                changed.append(f"new {field} {on_one_line(one.name)}")
    return Merged(rewritten(there, wanted, name), tuple(kept), tuple(changed))


def _named(path: Path) -> str:
    return on_one_line(f"[{'.'.join(path[:-1])}] {path[-1]}")


def _shown(value: Any) -> str:
    text = " ".join(toml_value(value).split())
    return on_one_line(text if len(text) <= 80 else f"{text[:77]}...")
