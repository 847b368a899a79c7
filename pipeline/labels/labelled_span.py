"""Writes the labelled rows of the request log as a span, which `plumbline run` can train on."""

import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from components.shared.errors import InputError, UsageError
from pipeline.labels.span_file import (
    ANSWERED,
    SUFFIXES,
    SpanFileWriter,
    check_csv,
    converted,
    log_sources,
    schema_types,
)
from pipeline.settings.config import Config
from serving.request_log.reading import TARGET, RequestLog


@dataclass(frozen=True)
class ExportedSpan:
    """What was exported. `absent` are columns of the schema that the log does not have; they are empty in the file."""

    file: str
    rows: int
    absent: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The record."""
        return asdict(self)

    def to_text(self) -> str:
        """The record for a terminal."""
        absent = f"; not in the log, and therefore empty: {', '.join(self.absent)}" if self.absent else ""
        return f"{self.file}: {self.rows:,} labelled rows{absent}"


def export_span(
    config: Config, folder: Path, file: Path, since: datetime | None = None, until: datetime | None = None
) -> ExportedSpan:
    """Writes the answered rows that have a label, with the columns of the schema; shadow predictions were not sent.

    Columns have the names and types of schema.pbtxt. If the log does not have them, a text column of [dataset] id gets
    the request id and the row, the time column the time of the request, and others are empty. Rows with a hashed
    feature cannot be learnt from, so hashed features are empty, too.

    Args:
      config: Settings of the dataset.
      folder: Folder of the request log.
      file: Path ending in .csv or .parquet; it must not exist.
      since: Earliest time, inclusive.
      until: Latest time, exclusive.

    Raises:
      UsageError: The file exists, or its name has another suffix.
      InputError: No row has a label, or a value cannot be converted to the schema's type.
    """
    if file.suffix not in SUFFIXES:
        raise UsageError(f"{file}: the span is written as .csv or .parquet")
    if file.exists():
        raise UsageError(f"{file}: exists; a span that runs have read must not change, so give another name")
    if file.suffix == ".csv":
        check_csv(config, file)
    types = schema_types(config)
    log = RequestLog(folder)
    there = set(log.columns())
    sources = log_sources(config, types, there)
    columns = sorted({"request_id", "row", TARGET, *sources.values()})
    temporary = file.with_name(f".{file.name}.tmp")
    rows = 0
    try:
        with SpanFileWriter(temporary, types, config) as writer:
            for batch in log.read(since, until, labels=ANSWERED, columns=columns):
                labelled = batch.filter(batch.column(TARGET).is_valid())
                if labelled.num_rows:
                    writer.write(converted(labelled, sources, types, config.dataset.id, str(folder)))
                    rows += labelled.num_rows
        if not rows:
            raise InputError(f"{folder}: no row has a label; import labels with `plumbline feedback` first")
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return ExportedSpan(str(file), rows, tuple(name for name in types if name not in sources))
