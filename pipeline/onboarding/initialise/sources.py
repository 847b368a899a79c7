"""Messages of `plumbline init` on the source of the rows: sheet, partitions, spans, query."""

from components.shared.texts.escaping import on_one_line
from components.table_reading.formats.nested_columns import nested_columns
from components.table_reading.formats.registry import has_schema, is_sheet
from components.table_reading.formats.spreadsheets import describe_sheet
from components.table_reading.formats.staging import as_named
from components.table_reading.hive_partitions import has_parts, part_files, placeholders
from components.table_reading.locations import open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import file_schema
from components.table_reading.spans import SPAN
from pipeline.onboarding.initialise.find_data import DataLocation
from pipeline.onboarding.initialise.messages import Assumed


def assumed_of_source(place: DataLocation, options: ReadOptions) -> list[Assumed]:
    """Returns the assumptions about a source, with the settings that change them."""
    if place.is_database:
        if SPAN not in place.pattern:
            return [Assumed("the database determines the order of the rows", "ORDER BY in [data] query")]
        names = [file.name.rpartition(", span ")[2] for file in (place.files[0], place.files[-1])]
        return [Assumed(f"spans are {names[0]} to {names[1]}", "[data] spans_query")]
    found = []
    if has_parts(place.pattern):
        found.append(_partitions(place))
    file = part_files(place.files[0])[0] if place.files[0].parts else place.files[0]
    opened = open_place(place.directory)
    inner = as_named(opened, file, options.limits)
    if inner is not file:
        found.append(Assumed(f"{file.name} contains {on_one_line(inner.path)}", "[data] pattern"))
    elif has_schema(file):
        schema = file_schema(opened, file, options.limits)
        found += [
            Assumed(
                f"{on_one_line(name)} is nested; its fields are columns: {on_one_line(', '.join(names))}",
                "remove unwanted ones from [features]",
            )
            for name, names in nested_columns(schema).items()
        ]
    elif is_sheet(file):
        sheet = describe_sheet(opened, file, options)
        others = f", not {', '.join(map(on_one_line, sheet.others))}" if sheet.others else ""
        found.append(Assumed(f"sheet '{on_one_line(sheet.name)}' is read{others}", "[data] sheet"))
        if sheet.merged:
            found.append(
                Assumed(
                    f"{sheet.merged:,} merged cells: only the first cell has the value, the others are missing",
                    "unmerge the cells in the sheet",
                )
            )
    return found


def _partitions(place: DataLocation) -> Assumed:
    parts = place.files[0].parts
    if named := placeholders(place.pattern):
        text = f"the names of the folders give {', '.join(map(on_one_line, named))}"
        spans = f", and {len(place.files)} folders above them are spans" if SPAN in place.pattern else ""
        return Assumed(text + spans, "[data] pattern")
    columns = [column for column, _ in parts[0].values]
    text = f"the folders give {', '.join(map(on_one_line, columns))}" if columns else "all files are one table"
    if place.span_column:
        text += f", and each {on_one_line(place.span_column)} is a span"
    elif columns:
        text += ", none of which numbers the spans"
    return Assumed(text, "[data] pattern, with {span} for the span number")
