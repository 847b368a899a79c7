"""Changes that would take away the label or most columns: rather a file of another notation than a change. Pure."""

from collections.abc import Iterable, Sequence

from components.arrow_example_gen.source import Source
from components.shared.texts.escaping import on_one_line
from components.table_reading.csv.diagnosis import diagnose
from components.table_reading.formats.file_suffixes import CSV
from components.table_reading.spans import SpanFile, open_folder
from pipeline.onboarding.schema.schema_changes import SchemaChange

MOST_REMOVED = 0.5
"""Share of the schema's columns, of which more are not taken away without being told to."""


def removal(changes: Sequence[SchemaChange], label: str, columns: int) -> str:
    """Why these changes take away too much; "" if they do not."""
    gone = [change.feature for change in changes if change.what == "gone"]
    if label and label in gone:
        return f"this would take away the label '{on_one_line(label)}'"
    if columns and len(gone) > MOST_REMOVED * columns:
        return f"this would take away {len(gone)} of {columns} columns"
    return ""


def nothing_known(source: Source, file: SpanFile, names: Iterable[str]) -> str:
    """What to say of a file that has none of the schema's columns."""
    listed = [on_one_line(name) for name in names]
    there = ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")
    if file.path.lower().endswith(CSV):
        filesystem, _ = open_folder(source.directory)
        if reason := diagnose(filesystem, file, source.options, source.columns):
            return reason
    return f"{file.name}: has none of the schema's columns, but: {there}; it is no span of this dataset"
