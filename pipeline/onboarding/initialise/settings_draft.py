"""Drafts pipeline.toml, with commented settings that fit the number of rows."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from components.shared.statistics.slice_sizes import MIN_SLICE_ROWS
from components.shared.texts.escaping import on_one_line, toml_string
from components.table_reading.formats.registry import is_csv
from components.table_reading.read_limits import DEFAULT_LIMITS
from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import InferredSchema
from pipeline.onboarding.initialise.column_values import value_counts
from pipeline.onboarding.initialise.find_data import DataLocation
from pipeline.onboarding.initialise.number_notation import csv_lines, number_lines
from pipeline.onboarding.initialise.proposal import Proposal
from pipeline.onboarding.initialise.spellings import FoundSpellings as Spelled
from pipeline.onboarding.initialise.spellings import settings_lines as spelling_lines

EVAL_SHARE = 0.2
FEW_ROWS = 50_000
"""Tables with fewer rows get more epochs, all columns in every tree, and categories from two rows on."""
TREES = (
    "",
    "[training.trees]",
    "colsample_bytree = 1.0        # each tree uses all columns, where the time budget allows it",
)
_GATE = (
    "[gate]                        # block stops a run before it trains, warn reports",
    'anomalies = "block"           # against schema.pbtxt',
    'drift = "warn"',
)


def settings_text(
    name: str,
    place: DataLocation,
    proposal: Proposal,
    options: ReadOptions,
    mismatches: dict[str, int],
    found: InferredSchema,
    eval_rows: int,
    spellings: Sequence[Spelled] = (),
    cells: bool | None = None,
    notes: Sequence[str] = (),
    assumed: Sequence[tuple[str, str]] = (),
) -> str:
    """Drafts the text of pipeline.toml.

    Args:
      name: Name of the dataset.
      place: Location of the data.
      proposal: The proposal.
      options: Read options.
      mismatches: Column -> number of type mismatches.
      found: Survey of all rows.
      eval_rows: Number of rows of the split `eval`.
      spellings: Spelling variants by column.
      cells: Whether the files are CSV, even if their names have another suffix.
      notes: Assumptions about the source, written as comments.
      assumed: CSV options that differ from the defaults: (finding, setting).
    """
    default = asdict(DEFAULT_LIMITS)
    lines = [
        f"# {name}: drafted by plumbline init from {found.rows:,} rows. Correct it where you know better.",
        "",
        "[dataset]",
        f"name = {_toml(name)}",
        f"task = {_toml(proposal.task)}".ljust(30) + f"# {on_one_line(proposal.why)}",
        f"label = {_toml(proposal.label)}",
    ]
    if proposal.positive is not None:
        lines.append(f"positive = {_toml(proposal.positive)}".ljust(30) + "# positive class")
    many = next((column for column in proposal.columns if column.name in proposal.id and column.note), None)
    lines += [
        f"id = {_toml(list(proposal.id))}".ljust(30)
        + ("# identifies a row; never a feature" if proposal.id else "# columns that identify a row; none was found")
        + (f" ({many.note})" if many else ""),
        *_time(proposal),
        "",
        "[data]",
        f"directory = {_toml(place.directory)}",
        *_source(place, options),
        *(f"# {on_one_line(note)}" for note in notes),
    ]
    if place.window:
        lines.append(f"window = {place.window}".ljust(30) + "# number of spans to train on; the next span is eval")
    else:
        what = "id columns" if proposal.id else "whole row"
        lines.append(f"eval_share = {EVAL_SHARE}".ljust(30) + f"# share of the rows, assigned by a hash of the {what}")
    cells = is_csv(place.files[0]) if cells is None else cells
    if cells or options.missing != ("",):
        lines.append(f"missing = {_toml(list(options.missing))}".ljust(30) + '# cells that mean "no value"')
    if cells:
        lines.append(f"delimiter = {_toml(options.delimiter)}")
    lines += csv_lines(options, assumed)
    lines.append(
        f"on_type_mismatch = {_toml(options.on_type_mismatch)}".ljust(30)
        + "# a value of another type: block, or warn and go on"
    )
    lines += [f"# {count:,} type mismatches in {on_one_line(column)}" for column, count in mismatches.items()]
    lines += _notations(proposal, found)
    lines += [f"{key} = {value}" for key, value in asdict(options.limits).items() if value != default[key]]
    lines += number_lines(options)
    lines += spelling_lines(spellings)
    lines += [
        "",
        *_features(proposal, found.rows),
        "",
        *_GATE,
        *_audit(proposal),
        "",
        *_augmentation(proposal),
        *_training(found.rows, bool(proposal.of_kind("image"))),
        "",
    ]
    lines += _evaluation(proposal, found, eval_rows)
    beam = 'profile = "local"'.ljust(30) + "# or flink, spark, dataflow: where the heavy steps run"
    lines += ["", "[registry]", f'directory = ""                 # empty: runs/{name}/registry', "", "[beam]", beam]
    return "\n".join(lines) + "\n"


def _source(place: DataLocation, options: ReadOptions) -> list[str]:
    """The keys of [data] that select the rows."""
    lines = [f"{'query' if place.is_database else 'pattern'} = {_toml(place.pattern)}"]
    if place.span_column:
        lines[0] = lines[0].ljust(29) + f" # each {on_one_line(place.span_column)} is a span; use * for no spans"
    if options.spans_query:
        lines.append(f"spans_query = {_toml(options.spans_query)}".ljust(29) + " # query for the spans")
    if options.password_variable:
        lines.append(f"password_variable = {_toml(options.password_variable)}")
    if options.sheet:
        lines.append(f"sheet = {_toml(options.sheet)}")
    return lines


def _time(proposal: Proposal) -> list[str]:
    """The key `time` as a comment, since the data do not tell which date is the time of the row."""
    names = [column.name for column in proposal.columns if column.type in ("date", "timestamp")]
    if not names:
        return []
    why = "# if this is the time of the row: enables a split by time and ages; see docs/own-data.md"
    return [f"# time = {_toml(names[0])}".ljust(30) + why]


def _notations(proposal: Proposal, found: InferredSchema) -> list[str]:
    """Formats of dates and lists that differ from ISO 8601 and from Arrow's."""
    formats = {column.name: column.date_format for column in proposal.columns if column.date_format}
    separators = {column.name: column.list_separator for column in proposal.columns if column.list_separator}
    lines = []
    for name, other in found.ambiguous.items():
        lines.append(f"# {on_one_line(name)}: every value also fits {other}; correct the format if that is right")
    latest = {name: year for name, year in found.options.latest_year.items() if name in formats}
    if latest:
        pairs_ = ", ".join(f"{_toml(name)} = {year}" for name, year in latest.items())
        lines.append(f"latest_year = {{ {pairs_} }}".ljust(30) + "# latest year of two-digit years")
    for key, pairs in (("date_format", formats), ("list_separator", separators)):
        if pairs:
            lines.append(f"{key} = {{ {', '.join(f'{_toml(name)} = {_toml(one)}' for name, one in pairs.items())} }}")
    return lines


def _features(proposal: Proposal, rows: int) -> list[str]:
    lines = ["[features]"]
    if left := [column for column in proposal.columns if column.suspicious]:
        lines.append("# Excluded for the reasons below; add a column if its reason does not apply:")
        lines += [f"#   {on_one_line(column.name)}: {on_one_line(column.suspicious)}" for column in left]
    carried = [column for column in proposal.columns if not column.is_feature and column.kind in ("id", "date")]
    if carried := [column for column in carried if column.name not in proposal.id and not column.suspicious]:
        lines.append("# Kept in the data, but not features:")
        lines += [f"#   {on_one_line(column.name)}: {column.kind}; {on_one_line(column.note)}" for column in carried]
    lines += [*_array("categorical", proposal.of_kind("categorical")), *_array("numeric", proposal.of_kind("numeric"))]
    periods = {
        column.name: column.period for column in proposal.columns if column.kind == "cyclical" and column.is_feature
    }
    pairs = ", ".join(f"{_toml(column)} = {period:g}" for column, period in periods.items())
    lines.append(f"cyclical = {{ {pairs} }}" if pairs else "cyclical = {}                 # column = period")
    if texts := proposal.of_kind("text"):
        lines += _array("text", texts)
        lines[-1] = lines[-1].ljust(30) + "# free text: word and character n-grams, see [text]"
    if images := proposal.of_kind("image"):
        lines += _array("image", images)
        lines[-1] = lines[-1].ljust(30) + "# images, see [image]"
    for key, names, what in (
        ("dates", proposal.of_kind("date"), "# Dates become calendar parts and ages:"),
        ("times", proposal.of_kind("time"), "# Times of day, in seconds:"),
        ("lists", proposal.of_kind("list"), "# Lists of values:"),
    ):
        lines += [what, *_array(key, names)] if names else []
    count = 1 if rows < 500 else 2 if rows < FEW_ROWS else 10
    lines.append(f"min_count = {count}".ljust(30) + "# rarer categories share one code")
    return lines


def _augmentation(proposal: Proposal) -> list[str]:
    """Mild augmentation of images, which a small table of images needs most."""
    if not proposal.of_kind("image"):
        return []
    flips = "# mirrored images: flip = " + '"horizontal"'
    return ["[augmentation]", "shift = 0.1".ljust(30) + "# share of the width", "rotation = 5.0".ljust(30) + flips, ""]


def _audit(proposal: Proposal) -> list[str]:
    """The annotators' columns; no lines without any."""
    if not proposal.annotators:
        return []
    return [
        "",
        "[audit]".ljust(30) + "# agreement of these annotators, measured in each run",
        *_array("annotators", proposal.annotators),
    ]


def _training(rows: int, images: bool = False) -> list[str]:
    """Training settings by table size: small tables get more epochs, a smaller network, a larger validation split.

    With images an epoch takes much longer, so there are fewer.
    """
    settings: dict[str, object] = {"epochs": 20, "batch_size": 512, "hidden_units": [256, 128], "patience": 3}
    if rows < FEW_ROWS:
        settings = {"epochs": 30, "batch_size": 256, "hidden_units": [128, 64], "patience": 5}
    if rows < 5_000:
        settings = {"epochs": 60, "batch_size": 64, "hidden_units": [64, 64], "patience": 8, "learning_rate": 0.002}
    if rows < 1_000:
        settings |= {"epochs": 100, "batch_size": 16, "patience": 15, "validation_share": 0.15}
    if images:
        settings |= {"epochs": min(int(str(settings["epochs"])), 15 if rows >= 5_000 else 40), "batch_size": 64}
    return [
        f"[training]                    # for a table of {rows:,} rows",
        *(f"{key} = {_toml(value)}" for key, value in settings.items()),
        "seed = 13",
        *(TREES if rows < FEW_ROWS else ()),
    ]


def _evaluation(proposal: Proposal, found: InferredSchema, eval_rows: int) -> list[str]:
    chance = round(min(max(0.5 / max(eval_rows, 1) ** 0.5, 0.003), 0.05), 3)  # standard error of a metric, roughly
    if proposal.task == "binary":
        thresholds, tolerance, why = {"auc": 0.55}, {"auc": chance, "average_precision": 2 * chance}, "0.5 is chance"
    elif proposal.task == "multiclass":
        share = proposal.majority
        thresholds = {"accuracy": round(min(share + 0.02, (1 + share) / 2), 3)}
        tolerance, why = {"accuracy": chance}, f"always the most frequent class reaches {share:.3f}"
    else:
        thresholds = {"rmse": float(f"{0.95 * proposal.spread:.3g}")}
        tolerance = {"rmse": float(f"{max(chance, 0.01) * proposal.spread:.2g}")}
        why = f"at most; always the mean reaches {proposal.spread:.3g}"
    slices = [
        [column.name]
        for column in proposal.columns
        if column.kind == "categorical" and column.is_feature and column.type == "string" and 2 <= column.distinct <= 10
        if min(value_counts(found.sample, column.name).values()) >= 0.05 * found.sample.num_rows
    ][:2]
    return [
        "[evaluation]",
        f"slices = {_toml(slices)}".ljust(30) + "# columns whose values form slices for evaluation",
        f"min_slice_rows = {max(30, min(MIN_SLICE_ROWS, eval_rows // 20))}",
        "",
        "[evaluation.thresholds]".ljust(30) + f"# absolute thresholds; {why}",
        *(f"{metric} = {value}" for metric, value in thresholds.items()),
        "",
        "[evaluation.tolerance]".ljust(30) + "# how much worse than the champion a candidate may be",
        *(f"{metric} = {value}" for metric, value in tolerance.items()),
    ]


def _array(key: str, names: Iterable[str]) -> list[str]:
    """A TOML array, wrapped to several lines."""
    lines, line = [], ""
    for cell in (f"{_toml(name)}, " for name in names):
        if line and len(line) + len(cell) > 100:
            lines.append(f"  {line.rstrip()}")
            line = ""
        line += cell
    if not lines:
        return [f"{key} = [{line.removesuffix(', ')}]"]
    return [f"{key} = [", *lines, f"  {line.rstrip()}", "]"]


def _toml(value: object) -> str:
    """A TOML value: a string, a number, a Boolean, or an array of these."""
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
