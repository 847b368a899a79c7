"""`plumbline schema diff`: the differences between schema.pbtxt and the data of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.arrow_example_gen.image_columns import ImageOptions
from components.arrow_example_gen.source import Source
from components.shared.errors import ConfigError
from components.shared.texts.escaping import on_one_line
from components.table_reading.column_types import column_types, parse_schema
from components.table_reading.spans import SpanFile
from pipeline.onboarding.schema.column_removal import removal
from pipeline.onboarding.schema.schema_changes import SchemaChange, numbered, threshold_changes
from pipeline.onboarding.schema.schema_comparison import SchemaComparison
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Diff:
    """Differences between a schema and the data.

    Attributes:
      path: The schema file.
      content: Its bytes when it was compared.
      looked: Files that were read, for messages; "" for a comparison of thresholds.
      rows: Number of rows read.
      changes: Proposed changes.
      notes: Findings that no change of the schema resolves.
      label: Label column.
      columns: Number of columns of the schema.
      settings: The dataset's pipeline.toml; None for a comparison of thresholds.
    """

    path: Path
    content: bytes
    looked: str
    rows: int
    changes: tuple[SchemaChange, ...]
    notes: tuple[str, ...] = ()
    label: str = ""
    columns: int = 0
    settings: Path | None = None

    def to_json(self, accepted: Sequence[SchemaChange] = ()) -> dict[str, object]:
        """Returns one JSON object; `accepted` are the changes that were applied."""
        numbers = {change.number for change in accepted}
        rows = []
        for one in self.changes:
            about = {name: getattr(one, name) for name in ("number", "feature", "what", "detail")}
            rows.append(about | {"accepted": one.number in numbers})
        head = {"schema": str(self.path), "data": self.looked, "rows": self.rows}
        return head | {"changes": rows, "notes": list(self.notes)}

    def to_text(self) -> str:
        """Returns the numbered changes, one a line, then the notes."""
        lines = [f"{self.looked}: {self.rows:,} rows, against {self.path}"] if self.looked else [f"{self.path}"]
        lines += [line_of(change) for change in self.changes] or ["no changes"]
        if why := removal(self.changes, self.label, self.columns):
            lines.append(f"note: {why}; `schema update` needs --allow-removal for this")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def line_of(change: SchemaChange) -> str:
    """Formats a change on one line."""
    return on_one_line(f"{change.number:>2}  {change.feature}: {change.detail}")


def read_schema(path: Path) -> tuple[bytes, Any]:
    """Returns the bytes and the parsed schema of a file, with or without a byte order mark; raises ConfigError."""
    try:
        content = path.read_bytes()
        return content, parse_schema(content.decode("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({exc})") from exc


def diff(config: Config, data: str | None = None, span: int | None = None, renames: bool = True) -> Diff:
    """Compares the schema with the data of one run: its window of train spans and the eval span.

    The data is read as in ExampleGen, except that type mismatches and missing columns are counted instead of rejected.

    Args:
      config: Settings of the dataset.
      data: Folder or URL of the spans; None: [data] directory.
      span: Eval span; None: the newest. The oldest span is compared alone, since no train span precedes it.
      renames: Whether renamed columns are detected; otherwise they are reported as one removed and one new column.

    Raises:
      InputError: The data cannot be read, or has none of the schema's columns.
      ConfigError: The schema cannot be read.
    """
    content, schema = read_schema(config.schema_path)
    where, cells = data or config.data.directory, config.data
    made = ImageOptions(config.features.image).derived
    columns = {name: type_ for name, type_ in column_types(schema).items() if name not in made}
    about = (columns, config.dataset.label, config.dataset.id, cells.window, cells.eval_share)
    options = cells.read_options("warn")
    source = Source(
        where, cells.query or cells.pattern, *about, options, time=config.dataset.time, span_by=cells.span_by
    )
    look = SchemaComparison(source, schema, config.features.categorical)
    splits = _files(source, span)
    for split, files in splits.items():
        for file in files:
            look.at(file, split)
    names = list(dict.fromkeys(file.name for files in splits.values() for file in files))
    looked = names[0] if len(names) == 1 else f"{names[0]} to {Path(names[-1]).name}"
    named = {*config.features.names, *config.dataset.id, config.dataset.label, *config.audit.annotators}
    changes = numbered(look.changes(named, look.renames(splits) if renames else ()))
    look.notes += look.spelled.notes()
    about_columns = (config.dataset.label, len(source.columns), config.path)
    return Diff(config.schema_path, content, looked, look.rows, tuple(changes), tuple(look.notes), *about_columns)


def threshold_diff(config: Config, suggestions: Mapping[str, tuple[str, str, float]]) -> Diff:
    """Compares the drift thresholds of the schema with suggested ones; see `schema_changes.threshold_changes`."""
    content, schema = read_schema(config.schema_path)
    return Diff(config.schema_path, content, "", 0, tuple(threshold_changes(schema, suggestions)))


def _files(source: Source, span: int | None) -> dict[str, tuple[SpanFile, ...]]:
    """Returns split -> files. Unlike a run, a comparison does not need a complete window."""
    if source.span_by:
        return source.files(span).splits()
    found = source.found()
    last = found[-1] if span is None else next((file for file in found if span in (file.span, file.counted)), None)
    if not source.has_spans or last is None:
        return source.files(span).splits()
    train = tuple(file for file in found if last.position - source.window <= file.position < last.position)
    return {"train": train, "eval": (last,)} if train else {"eval": (last,)}
