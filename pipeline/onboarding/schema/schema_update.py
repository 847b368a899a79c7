"""`plumbline schema update`: which changes are accepted, and how they are written."""

import re
from collections.abc import Sequence
from typing import TextIO

from components.shared.errors import UsageError
from components.shared.files import write_bytes, write_text
from components.table_reading.column_types import parse_schema
from pipeline.onboarding.schema.column_removal import removal
from pipeline.onboarding.schema.column_renaming import new_names, settings_with
from pipeline.onboarding.schema.pbtxt_editor import rewritten
from pipeline.onboarding.schema.schema_changes import SchemaChange
from pipeline.onboarding.schema.schema_diff import Diff, line_of


def chosen(text: str, changes: Sequence[SchemaChange]) -> list[SchemaChange]:
    """Returns the changes that `--accept` names: all, numbers, ranges (1,3-5) or features; raises UsageError."""
    if text == "all":
        return list(changes)
    picked: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        wanted = set(range(int(span[1]), int(span[2] or span[1]) + 1)) if span else set()
        numbers = wanted & {one.number for one in changes} or {one.number for one in changes if one.feature == part}
        if not numbers or (wanted and len(numbers) < len(wanted)):
            there = f"1 to {len(changes)}, or a feature with a change" if changes else "which is nothing at present"
            raise UsageError(f"--accept {part}: no such change; legal: all, {there}")
        picked |= numbers
    return [change for change in changes if change.number in picked]


def ask(changes: Sequence[SchemaChange], answers: TextIO, talk: TextIO) -> list[SchemaChange]:
    """Asks for each change: y, n or q; end of input is q. Raises UsageError without a terminal."""
    if not answers.isatty():
        raise UsageError("schema update asks for each change, which needs a terminal; use --accept all, 1,3 or FEATURE")
    accepted: list[SchemaChange] = []
    for change in changes:
        answer = ""
        while answer not in ("y", "n", "q"):
            talk.write(f"{line_of(change)}\n  accept? [y/n/q] ")
            talk.flush()
            line = answers.readline()
            answer = line.strip().lower()[:1] if line else "q"
        if answer == "q":
            break
        accepted += [change] if answer == "y" else []
    return accepted


def apply(found: Diff, accepted: Sequence[SchemaChange], allow_removal: bool = False) -> None:
    """Writes the accepted changes atomically; renamed columns are also renamed in pipeline.toml.

    Raises:
      UsageError: The file was changed since it was compared, or cannot be written; or the changes remove the label or
        most columns without `allow_removal`.
    """
    if not allow_removal and (why := removal(accepted, found.label, found.columns)):
        raise UsageError(f"{found.path}: {why}; check the newest span first; if it is right, use --allow-removal")
    became = new_names(accepted)
    settings = settings_with(found.settings, became) if became and found.settings else None
    wanted = parse_schema(found.content.decode("utf-8-sig"), str(found.path))
    for edit in (edit for change in accepted for edit in change.edits):
        edit.apply(wanted)
    new = rewritten(found.content.decode("utf-8"), wanted, str(found.path)).encode("utf-8")
    try:
        if new == found.content:
            return
        if found.path.read_bytes() != found.content:
            raise UsageError(f"{found.path}: changed since it was compared; nothing is written, repeat `schema diff`")
        write_bytes(found.path.resolve(), new)  # a link stays one
        if settings is not None and found.settings:
            write_text(found.settings.resolve(), settings)
    except OSError as exc:
        raise UsageError(f"{found.path}: cannot be written ({exc.strerror})") from exc
