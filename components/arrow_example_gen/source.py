"""The data source of a run: which files are read, how, and into which splits. Preflight and ingest share it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from components.arrow_example_gen import extra_rows
from components.arrow_example_gen.calendar_periods import Times, counted, in_period, integers
from components.arrow_example_gen.corrections import CorrectionCounts, Corrections, load_corrections
from components.arrow_example_gen.extra_rows import ExtraRows
from components.arrow_example_gen.hash_split import eval_mask
from components.arrow_example_gen.image_columns import ImageOptions
from components.arrow_example_gen.image_files import ImageFiles
from components.arrow_example_gen.infinite_values import without_infinite
from components.arrow_example_gen.row_sampling import sample_batches
from components.shared.errors import InputError, UsageError
from components.shared.spellings.canonical_spellings import canonical
from components.table_reading.cells.type_mismatches import FileTypeMismatches, TypeMismatch
from components.table_reading.column_types import arrow_types
from components.table_reading.databases.database import Database
from components.table_reading.formats.registry import is_csv
from components.table_reading.locations import Place, find_files, open_place
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.spans import SPAN, SpanFile, SpanWindow, choose_periods, choose_window, open_folder

SPLITS = ("train", "eval")
_TIMES: dict[tuple[Any, ...], Times] = {}
"""Cache: file and read options -> statistics of its time column."""


@dataclass(frozen=True)
class Source:
    """The data source of a run.

    Attributes:
      directory: Folder or URL of the files, or URL of a database.
      pattern: File name with `{span}`, or the name of one file; for a database, the query.
      columns: Column -> type alias, see column_types.py.
      label: Label column.
      ids: Columns that identify a row.
      window: Number of spans to train on.
      eval_share: Share of the rows in eval if the data has no spans, in (0, 1).
      options: Read options: notation of cells, missing values, limits.
      corrections: File or URL of the corrections, see corrections_file.py; "" for none.
      extra: Slices for which rows of older spans are added, see extra_rows.py.
      steps: Class balancing and augmentation that the trainer will apply, as JSON; "" for none. Part of the data
        fingerprint, since it changes the training data.
      other_class: Class that replaces classes with fewer than `min_class_rows` training rows, see rare_classes.py; ""
        for none.
      min_class_rows: Training rows from which on a class is kept.
      time: Column with the time of a row; "" for none.
      span_by: Calendar period that splits rows into spans (day, week, month, quarter, year); "" if files are spans.
      images: Image columns and how they are read; their statistics are not in `columns`.
      sample: Share of the rows that is read, drawn at random, in (0, 1]; below 1 for trial runs.
    """

    directory: str
    pattern: str
    columns: Mapping[str, str]
    label: str
    ids: Sequence[str]
    window: int
    eval_share: float
    options: ReadOptions
    corrections: str = ""
    extra: tuple[ExtraRows, ...] = ()
    steps: str = ""
    sample: float = 1.0
    other_class: str = ""
    min_class_rows: int = 2
    time: str = ""
    span_by: str = ""
    images: ImageOptions = field(default_factory=ImageOptions)

    def to_json(self) -> str:
        """The source as JSON, for the parameter of the component."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Source":
        """Parses the output of `to_json`."""
        fields = json.loads(text)
        options = fields.pop("options")
        return cls(
            options=ReadOptions.from_fields(options),
            extra=tuple(map(ExtraRows.from_fields, fields.pop("extra", ()))),
            images=ImageOptions.from_fields(fields.pop("images", {})),
            **fields,
        )

    @property
    def has_spans(self) -> bool:
        """Whether the data has spans; false for a single file without `span_by`."""
        return SPAN in self.pattern or bool(self.span_by)

    @cached_property
    def place(self) -> Place:
        """The filesystem or database, opened once; InputError if that fails."""
        return open_place(self.directory)

    @property
    def unit(self) -> str:
        """Type alias of the column `time`: "date" or "timestamp"."""
        return self.columns[self.time]

    def found(self) -> list[SpanFile]:
        """All spans, ordered by number. With `span_by`, one entry per file and period; InputError if there is none."""
        found = find_files(self.directory, self.pattern, self.options)
        if not self.span_by:
            return found
        cut = [
            replace(file, span=number, name=f"{file.name} [{number}]")
            for file in found
            for number in self._times(file).periods
        ]
        if not cut:
            raise InputError(
                f"{self.directory}: no row has a value in '{self.time}', the time column that [data] span_by needs"
            )
        return sorted(cut, key=lambda file: file.span)

    def files(self, span: int | None = None) -> SpanWindow:
        """Selects the window of a run.

        Args:
          span: Number of the eval span; None selects the newest.

        Raises:
          InputError: A span of the window is missing.
          UsageError: The data has no spans and `span` is neither None nor 0.
        """
        found = self.found()
        if self.span_by:
            return choose_periods(found, span, self.window, extra_rows.farthest(self.extra))
        if self.has_spans:
            return choose_window(found, span, self.window, extra_rows.farthest(self.extra))
        if span not in (None, 0):
            raise UsageError(f"span {span}: {self.pattern} is a single file, without spans; omit --span")
        return SpanWindow(train=tuple(found), eval=tuple(found))

    @cached_property
    def corrected(self) -> Corrections | None:
        """The corrections, read once; None if there are none. Raises the errors of load_corrections."""
        if not self.corrections:
            return None
        return load_corrections(self.corrections, self.columns, self.ids, self.label)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits: train, eval and, with `extra`, extra."""
        return (*SPLITS, extra_rows.SPLIT) if self.extra else SPLITS

    def read(
        self,
        file: SpanFile,
        split: str,
        mismatches: list[TypeMismatch] | None = None,
        applied: CorrectionCounts | None = None,
        taken: list[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Streams the rows of a file that belong to a split, with corrections applied.

        Args:
          file: A file of the window.
          split: Name of the split.
          mismatches: Receives the type mismatches, see read_batches.
          applied: Counts of the applied corrections, updated in place.
          taken: For the split `extra`, receives the number of rows for each of `self.extra`, replacing its content.

        Yields:
          Record batches with the columns of the schema, then those that the schema does not name.

        Raises:
          InputError: The file or the corrections cannot be read, or all times of a file that is split by time are
            equal.
        """
        rows = self._rows(file, split, mismatches)
        if self.corrected is not None:
            rows = self.corrected.apply(rows, applied)
            if spellings := self.options.spellings:  # a corrected value may be a spelling variant
                rows = (canonical(batch, spellings) for batch in rows)
        if self.sample < 1:
            rows = sample_batches(rows, self.sample)
        return self._extra(rows, file.before, taken) if split == extra_rows.SPLIT else rows

    def _extra(
        self, batches: Iterator[pa.RecordBatch], before: int, taken: list[int] | None
    ) -> Iterator[pa.RecordBatch]:
        total = np.zeros(len(self.extra), np.int64)
        for batch in batches:
            wanted, counts = extra_rows.taken(batch, self.extra, before, self.label)
            total += counts
            yield wanted
        if taken is not None:
            taken[:] = total.tolist()

    def _rows(self, file: SpanFile, split: str, mismatches: list[TypeMismatch] | None) -> Iterator[pa.RecordBatch]:
        batches = self._all_rows(file, mismatches)
        if self.span_by:
            for batch in batches:
                chosen = in_period(batch.column(self.time), self.unit, self.span_by, file.span)
                yield batch.filter(pa.array(chosen))
            self._note_missing(file, mismatches)
            return
        if self.has_spans:
            yield from batches
            return
        if self.time:
            newest = self._times(file).newest(self.eval_share)
            if newest is None:
                raise InputError(f"{file.name}: '{self.time}' is equal in all rows, so it cannot split them by time")
            for batch in batches:
                chosen = integers(batch.column(self.time)) >= newest
                yield batch.filter(pa.array(chosen if split == "eval" else ~chosen))
            return
        for batch in batches:
            chosen = eval_mask(batch, self.ids, self.eval_share)
            yield batch.filter(pa.array(chosen if split == "eval" else ~chosen))

    def _all_rows(self, file: SpanFile, mismatches: list[TypeMismatch] | None = None) -> Iterator[pa.RecordBatch]:
        # Messages name the file without the period, so that errors of a file are reported once for all its spans.
        file = replace(file, name=file.name.removesuffix(f" [{file.span}]")) if self.span_by else file
        batches = read_batches(self.place, file, arrow_types(dict(self.columns)), self.options, mismatches)
        return without_infinite(batches, self.options.infinity, self.about(file), mismatches)

    def _times(self, file: SpanFile) -> Times:
        """Statistics of the time column; cached per process for files, per source for database servers."""
        read_as = json.dumps([dict(self.columns), asdict(self.options)], sort_keys=True)
        key = (self.directory, file.path, file.bytes, file.modified_ns, self.time, self.span_by, read_as)
        # Rows on a server can change between queries without a visible modification time.
        known = self._server_times if isinstance(self.place, Database) and not self.place.file else _TIMES
        if key not in known:
            known[key] = counted(self._all_rows(file), self.time, self.unit, self.span_by)
        return known[key]

    @cached_property
    def _server_times(self) -> dict[tuple[Any, ...], Times]:
        return {}

    def _note_missing(self, file: SpanFile, mismatches: list[TypeMismatch] | None) -> None:
        times = self._times(file)
        if mismatches is not None and times.missing:
            name = file.name.removesuffix(f" [{file.span}]")
            row = times.first + (2 if is_csv(file) else 1)
            mismatches.append(TypeMismatch(name, self.time, times.missing, row, "", "no_time"))

    def image_files(self, file: SpanFile) -> ImageFiles:
        """Returns the reader of the image files that a file names."""
        if isinstance(self.place, Database):
            return ImageFiles(None, "", file)
        return ImageFiles(self.place, open_folder(self.directory)[1], file)

    def about(self, file: SpanFile) -> FileTypeMismatches:
        """Returns a collection for problems of a file, which knows its name without a period and its header row."""
        name = file.name.removesuffix(f" [{file.span}]") if self.span_by else file.name
        return FileTypeMismatches(name, self.options.on_type_mismatch, self.options.header_row if is_csv(file) else 0)

    def digest(self, file_sha256: str, split: str) -> str:
        """The entry of a file and split in the data fingerprint: the checksum and all settings that change the rows.

        Args:
          file_sha256: SHA-256 of the file, in hexadecimal.
          split: Name of the split.
        """
        found = [file_sha256]
        if self.span_by:  # the checksum covers the whole file, also rows of other periods
            found.append(f"{self.time} by {self.span_by}")
        if not self.has_spans:
            found.append(f"{split} {self.eval_share} {self.time or list(self.ids)}")
        if split == extra_rows.SPLIT:
            found.append(extra_rows.digest(self.extra))
        if self.steps and split != "eval":
            found.append(self.steps)
        if self.options.renamed:
            found.append(f"renamed {json.dumps(dict(self.options.renamed), sort_keys=True)}")
        if self.options.spellings:
            found.append(f"values {json.dumps(self.options.spellings, sort_keys=True)}")
        if self.sample < 1:
            found.append(f"sample {self.sample}")
        return " ".join(found)
