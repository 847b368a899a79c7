"""What `plumbline init` says of where the rows come from: the sheet, the spans it took for some, the query."""

from components.shared.texts.escaping import on_one_line
from components.table_reading.formats.file_suffixes import is_binary, is_sheet
from components.table_reading.formats.nested_columns import nested_columns
from components.table_reading.formats.spreadsheets import describe_sheet
from components.table_reading.formats.staging import as_named
from components.table_reading.hive_partitions import has_parts, part_files
from components.table_reading.locations import open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import file_schema
from components.table_reading.spans import SPAN
from pipeline.onboarding.initialise.find_data import DataLocation
from pipeline.onboarding.initialise.messages import Assumed


def assumed_of_source(place: DataLocation, options: ReadOptions) -> list[Assumed]:
    """What was taken for granted of a source, and the setting that changes it."""
    if place.is_database:
        if SPAN not in place.pattern:
            return [Assumed("the order of the rows is the database's", "ORDER BY in [data] query")]
        names = [file.name.rpartition(", span ")[2] for file in (place.files[0], place.files[-1])]
        return [Assumed(f"spans are {names[0]} to {names[1]}", "[data] spans_query")]
    found = []
    if has_parts(place.pattern):
        found.append(_partitions(place))
    file = part_files(place.files[0])[0] if place.files[0].parts else place.files[0]
    opened = open_place(place.directory)
    inner = as_named(opened, file, options.limits)
    if inner is not file:
        found.append(Assumed(f"{file.name} holds {on_one_line(inner.path)}", "[data] pattern"))
    elif is_binary(file):
        schema = file_schema(opened, file, options.limits)
        found += [
            Assumed(
                f"{on_one_line(name)} is nested; its fields are columns: {on_one_line(', '.join(names))}",
                "take it out of the file, or what is not wanted out of [features]",
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
                    f"of {sheet.merged:,} merged cells the first alone has the value, the others are missing",
                    "take the merging out of the sheet",
                )
            )
    return found


def _partitions(place: DataLocation) -> Assumed:
    parts = place.files[0].parts
    columns = [column for column, _ in parts[0].values]
    said = f"the folders give {', '.join(map(on_one_line, columns))}" if columns else "all files are one table"
    if place.span_column:
        said += f", and each {on_one_line(place.span_column)} is a span"
    elif columns:
        said += ", of which none makes spans"
    return Assumed(said, "[data] pattern, with {span} where the span's number stands")
