"""Creates a dataset from a file: writes the schema.pbtxt and pipeline.toml that `plumbline run` reads.

All rows are read once for types and missing values; kinds, domains and data leakage are inferred from a sample.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from components.shared.errors import InputError, UsageError
from components.shared.spellings.canonical_spellings import canonical_table
from components.table_reading.formats.registry import is_csv
from components.table_reading.formats.staging import as_named
from components.table_reading.locations import open_place
from components.table_reading.read_limits import DEFAULT_LIMITS
from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import InferredSchema, infer_schema
from components.table_reading.untyped_batches import find_dialect
from pipeline.onboarding.initialise.dataset_files import Draft, drafted, merged_with, write_dataset
from pipeline.onboarding.initialise.find_data import find_data, legal_name
from pipeline.onboarding.initialise.number_notation import assumed_of_numbers
from pipeline.onboarding.initialise.proposal import Proposal, propose
from pipeline.onboarding.initialise.result import Initialised
from pipeline.onboarding.initialise.schema_draft import schema_text
from pipeline.onboarding.initialise.settings_draft import EVAL_SHARE, settings_text
from pipeline.onboarding.initialise.sources import assumed_of_source
from pipeline.onboarding.initialise.spellings import applied_to, category_spellings, label_spellings
from pipeline.process.console import Progress

SAMPLE_ROWS = 200_000
SILENT = Progress(None)


def initialise(
    data: str,
    label: str,
    name: str | None = None,
    schemas: Path = Path("schemas"),
    force: bool = False,
    read_limits: Sequence[str] = (),
    progress: Progress = SILENT,
    given: ReadOptions | None = None,
    query: str = "",
    csv: Sequence[str] = (),
    annotators: Sequence[str] = (),
) -> Initialised:
    """Inspects the data and writes its settings and schema, both or neither.

    If both were drafted from the same data before, the user's edits are kept.

    Args:
      data: A file, or a folder of span files; a path or URL.
      label: The label column.
      name: Name of the dataset; None derives it from the file's or folder's name.
      schemas: Folder of all datasets.
      force: Replace the files of an existing dataset, including the user's edits.
      read_limits: Limits on the size of files, each "name=number"; kept in the settings.
      progress: Progress display.
      given: Given read options: sheet, query for the spans, environment variable of the password.
      query: Query of a database.
      csv: Given CSV format options, each "name=value", instead of the detected ones.
      annotators: Columns with the labels of several annotators; they are kept out of the features.

    Raises:
      UsageError: The data, the label column or an annotator's column do not exist, the name is illegal or taken, or
        edits cannot be kept.
      InputError: The data cannot be read or used for training.
    """
    limits = DEFAULT_LIMITS.changed(read_limits)
    options = replace(given or ReadOptions(), limits=limits)
    place = find_data(data, query, options, label)
    name = legal_name(data) if name is None else name
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise UsageError(f"--name {name}: must consist of lower-case letters, digits, _ and -, beginning with a letter")
    target = schemas / name
    earlier = None if force or not target.exists() else drafted(target)

    opened = open_place(place.directory)
    first = as_named(opened, place.files[0], limits)
    dialect = find_dialect(opened, place.files, options, csv)
    with progress.step("read"):
        try:
            found = infer_schema(opened, place.files, dialect.options, SAMPLE_ROWS, find_markers=True)
        except InputError as exc:
            if dialect.doubt:
                raise InputError(
                    f"{exc}; {dialect.doubt}: give the line of the header with --csv header_row=LINE"
                ) from exc
            raise
    with progress.step("judge"):
        spans = found.spans if len(place.files) > 1 else None
        of_label = label_spellings(found.sample, label, found.types[label]) if label in found.types else None
        spellings = [of_label] if of_label else []
        if applied := applied_to(spellings):
            found = replace(found, sample=canonical_table(found.sample, applied))
        if label not in found.types and dialect.doubt:
            raise UsageError(
                f"--label {label}: no such column; {dialect.doubt}: add a header, or give its line with --csv "
                "header_row=LINE"
            )
        proposal = propose(found.sample, found.types, label, found.rows, spans, annotators).with_notes(found.notes)
        if proposal.task == "regression":
            spellings = []
        categories = (*proposal.of_kind("categorical"), *annotators)
        spellings += category_spellings(found.sample, categories, found.types)
        proposal = _with_formats(proposal, found)
    mismatches = {column: count for column, count in found.mismatches.items() if count}
    options = replace(found.options, on_type_mismatch="warn" if mismatches else "block")

    eval_rows = int(found.rows / len(place.files) if place.window else found.rows * EVAL_SHARE)
    source = assumed_of_source(place, options)
    notes = [one.what for one in source]
    about = (spellings, is_csv(first), notes, dialect.assumed)
    settings = settings_text(name, place, proposal, options, mismatches, found, eval_rows, *about)
    proposed = Draft(settings, schema_text(name, proposal, found))
    merged = None if earlier is None else merged_with(earlier, proposed, target)
    write_dataset(target, proposed, merged)
    config, schema = target / "pipeline.toml", target / "schema.pbtxt"
    sampled = found.sample.num_rows
    return Initialised(
        name,
        config,
        schema,
        found.rows,
        sampled,
        len(place.files),
        options,
        proposal,
        tuple(spellings),
        mismatches,
        merged.kept if merged else (),
        merged.changed if merged else (),
        tuple(source),
        (*dialect.assumed, *assumed_of_numbers(found.options)),
        found.impossible,
    )


def _with_formats(proposal: Proposal, found: InferredSchema) -> Proposal:
    """The proposal with the date formats that the survey of all rows found."""
    columns = []
    for column in proposal.columns:
        if written := found.options.date_format.get(column.name):
            other = found.ambiguous.get(column.name)
            doubt = f"; every value also fits {other}: check it" if other else ""
            column = replace(column, date_format=written, note=f"read as {written}{doubt}; {column.note}")
        columns.append(column)
    return replace(proposal, columns=tuple(columns))
