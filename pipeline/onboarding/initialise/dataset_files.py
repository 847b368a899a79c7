"""Writes a dataset's settings and schema together, and merges new drafts with the user's edits."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from components.shared.errors import ConfigError, UsageError
from components.shared.files import folder_beside, write_bytes, write_text
from components.table_reading.column_types import parse_schema
from pipeline.onboarding.initialise.merging import FOLDER, merged_schema, merged_settings, same_table
from pipeline.settings.config import load_config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETTINGS, SCHEMA = "pipeline.toml", "schema.pbtxt"


@dataclass(frozen=True)
class Draft:
    """Drafted texts of pipeline.toml and schema.pbtxt."""

    settings: str
    schema: str


@dataclass(frozen=True)
class Edited:
    """Texts merged with the user's edits, with the list of kept edits and of changes from the new proposal."""

    draft: Draft
    kept: tuple[str, ...]
    changed: tuple[str, ...]


def drafted(target: Path) -> Draft:
    """Reads the earlier draft of a dataset; UsageError if there is none."""
    try:
        return _read(target / FOLDER)
    except (OSError, UnicodeDecodeError) as exc:
        raise _taken(target) from exc


def merged_with(earlier: Draft, proposed: Draft, target: Path) -> Edited:
    """Merges a new proposal into the files of a dataset.

    Args:
      earlier: The earlier draft.
      proposed: The new draft.
      target: The dataset's folder.

    Raises:
      UsageError: The new draft is for other data, or the files cannot be edited.
    """
    try:
        there = _read(target)
        if not same_table(earlier.settings, proposed.settings):
            raise _taken(target, ", drafted from other data")
        settings = merged_settings(earlier.settings, there.settings, proposed.settings)
        schema = merged_schema(earlier.schema, there.schema, proposed.schema, str(target / SCHEMA))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise _taken(target) from exc
    except (ValueError, ConfigError) as exc:
        reason = " ".join(str(exc).split())
        raise UsageError(f"{target}: your edits cannot be kept ({reason}); --force replaces both files") from exc
    return Edited(
        Draft(settings.text, schema.text), (*settings.kept, *schema.kept), (*settings.changed, *schema.changed)
    )


def write_dataset(target: Path, proposed: Draft, edited: Edited | None = None) -> None:
    """Writes both files or neither: they are written and checked in a temporary folder, which is then renamed.

    Args:
      target: The dataset's folder.
      proposed: The draft; a copy is kept for the next merge.
      edited: The merged texts, which are written instead if the files existed.

    Raises:
      UsageError: The files cannot be written.
      ConfigError: The two files contradict each other.
    """
    draft = edited.draft if edited else proposed
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with folder_beside(target) as folder:
            folder.chmod(0o755)
            if edited:  # a custom module
                for other in target.iterdir():
                    if other.name not in (SETTINGS, SCHEMA, FOLDER):
                        os.symlink(other.resolve(), folder / other.name)
            _put(folder, draft)
            load_config(folder / SETTINGS)
            parse_schema(draft.schema.removeprefix("\ufeff"), str(target / SCHEMA))
            if target.exists():
                _replace(target, draft)
                _put(target / FOLDER, proposed)
            else:
                _put(folder / FOLDER, proposed)
                os.rename(folder, target)
    except OSError as exc:
        raise UsageError(f"{target}: cannot be written ({exc.strerror})") from exc


def _taken(target: Path, why: str = "") -> UsageError:
    return UsageError(f"{target}: already exists{why}; choose another --name, or replace it with --force")


def _read(folder: Path) -> Draft:
    return Draft(*((folder / name).read_bytes().decode("utf-8") for name in (SETTINGS, SCHEMA)))


def _put(folder: Path, draft: Draft) -> None:
    folder.mkdir(exist_ok=True)
    write_text(folder / SCHEMA, draft.schema)
    write_text(folder / SETTINGS, draft.settings)


def _replace(target: Path, draft: Draft) -> None:
    """Replaces both files; restores the first if the second cannot be replaced."""
    path = target / SCHEMA
    before = path.read_bytes() if path.exists() else None
    write_text(path, draft.schema)
    try:
        write_text(target / SETTINGS, draft.settings)
    except OSError:
        if before is None:
            path.unlink()
        else:
            write_bytes(path, before)
        raise
