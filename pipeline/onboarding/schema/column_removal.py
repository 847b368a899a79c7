"""Detects changes that would remove the label or most columns, which suggest a file in another format. Pure."""

from collections.abc import Iterable, Sequence

from components.arrow_example_gen.source import Source
from components.shared.texts.escaping import on_one_line
from components.table_reading.csv.diagnosis import diagnose
from components.table_reading.formats.registry import is_csv
from components.table_reading.spans import SpanFile, open_folder
from pipeline.onboarding.schema.schema_changes import SchemaChange

MAX_REMOVED = 0.5
"""Maximum share of the schema's columns that may be removed without --allow-removal."""


def removal(changes: Sequence[SchemaChange], label: str, columns: int) -> str:
    """Returns why the changes remove too much; "" if they do not."""
    gone = [change.feature for change in changes if change.what == "gone"]
    if label and label in gone:
        return f"this would remove the label '{on_one_line(label)}'"
    if columns and len(gone) > MAX_REMOVED * columns:
        return f"this would remove {len(gone)} of {columns} columns"
    return ""


def nothing_known(source: Source, file: SpanFile, names: Iterable[str]) -> str:
    """Returns the message for a file that has none of the schema's columns."""
    listed = [on_one_line(name) for name in names]
    there = ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")
    if is_csv(file):
        filesystem, _ = open_folder(source.directory)
        if reason := diagnose(filesystem, file, source.options, source.columns):
            return reason
    return f"{file.name}: has none of the schema's columns; available: {there}; it is not a span of this dataset"
