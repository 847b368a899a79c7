"""Converts the rows of one file for one split to TFRecords: the unit of work, locally or on a Beam worker."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from components.arrow_example_gen import extra_rows
from components.arrow_example_gen.corrections import CorrectionCounts
from components.arrow_example_gen.example_encoding import write_examples
from components.arrow_example_gen.float_rounding import RoundingCheck
from components.arrow_example_gen.image_columns import with_images
from components.arrow_example_gen.label_check import LabelCounter
from components.arrow_example_gen.source import Source
from components.table_reading.cells.type_mismatches import TypeMismatch
from components.table_reading.locations import content_sha256
from components.table_reading.spans import SpanFile


@dataclass(frozen=True)
class ConversionTask:
    """One conversion: the rows of `file` for the split `split`, written to the path `target`."""

    split: str
    file: SpanFile
    target: str


@dataclass(frozen=True)
class ConversionResult:
    """The result of a job.

    Attributes:
      split: Name of the split.
      span: Number of the span.
      name: Path or URL of the file, for messages.
      sha256: SHA-256 of the file and of the image files that it names, in hexadecimal.
      bytes: Size of the file.
      rows: Rows written.
      unlabelled: Rows dropped because their label is missing.
      labels: Label value as text -> rows, for at most about 1,000 values.
      mismatches: Type mismatches, infinite values and missing times.
      corrected: See CorrectionCounts.counts.
      extra: In the split `extra`, the number of rows for each entry of Source.extra; else empty.
      rounded: distinct_values.ValueRetention as JSON, of columns that lose distinct values as float32.
    """

    split: str
    span: int
    name: str
    sha256: str
    bytes: int
    rows: int
    unlabelled: int
    labels: dict[str, int]
    mismatches: tuple[TypeMismatch, ...]
    corrected: dict[str, int] = field(default_factory=dict)
    extra: tuple[int, ...] = ()
    rounded: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> str:
        """The result as JSON in one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ConversionResult":
        """Parses the output of `to_json`."""
        fields = json.loads(text)
        return cls(
            mismatches=tuple(TypeMismatch(**mismatch) for mismatch in fields.pop("mismatches")),
            extra=tuple(fields.pop("extra")),
            rounded=tuple(fields.pop("rounded")),
            **fields,
        )


def conversion_tasks(source: Source, span: int | None, folder: str) -> list[ConversionTask]:
    """Plans the conversions of a window.

    Args:
      source: The data source.
      span: Number of the eval span; None selects the newest.
      folder: URI of the Examples artifact; targets are Split-<name>/data_tfrecord-<i>-of-<n>.gz below it.

    Raises:
      InputError: A span of the window is missing.
    """
    return [
        ConversionTask(
            split, file, f"{folder.rstrip('/')}/Split-{split}/data_tfrecord-{index:05d}-of-{len(files):05d}.gz"
        )
        for split, files in source.files(span).splits().items()
        for index, file in enumerate(files)
    ]


def convert(source: Source, job: ConversionTask, columnar: bool = False) -> ConversionResult:
    """Reads, encodes and writes the rows of one job.

    Args:
      source: The data source.
      job: What to convert, and the target path.
      columnar: Also write a columnar copy beside the TFRecords, for faster reading; the target must be local.

    Raises:
      InputError: The file cannot be read; the message names file, column and row.
    """
    mismatches: list[TypeMismatch] = []
    applied = CorrectionCounts()
    seen = LabelCounter(source.label)
    taken: list[int] = []
    read = source.read(job.file, job.split, mismatches, applied, taken)
    images = source.image_files(job.file) if source.images.columns else None
    if images is not None:
        read = with_images(read, source.images, images, source.about(job.file), mismatches)
    rounding = RoundingCheck()
    rows = write_examples(rounding.watched(seen.labelled(read)), job.target, columnar)
    sha256 = content_sha256(source.place, job.file, source.options)
    return ConversionResult(
        split=job.split,
        span=job.file.span,
        name=job.file.name,
        sha256=sha256 if images is None else images.sha256(sha256),
        bytes=job.file.bytes,
        rows=rows,
        unlabelled=seen.unlabelled,
        labels={str(value): count for value, count in seen.values.items()},
        mismatches=tuple(mismatches),
        # The counts cover all rows of the file, but the split `extra` takes only some of them.
        corrected={} if job.split == extra_rows.SPLIT else applied.counts,
        extra=tuple(taken),
        rounded=tuple(one.to_json() for one in rounding.found()),
    )


def check_labels(source: Source, done: list[ConversionResult]) -> None:
    """Raises InputError unless `train` and `eval` both have rows with at least two label values."""
    for split in dict.fromkeys(one.split for one in done if one.split != extra_rows.SPLIT):
        total = LabelCounter(source.label)
        for one in done:
            if one.split == split:
                total.rows += one.rows
                total.values.update(Counter(one.labels))
        total.check(split, source.directory)


def label_counts(source: Source, done: list[ConversionResult]) -> dict[str, dict[str, int]]:
    """Split -> label value -> rows; empty for too many distinct values. Rows of `extra` count as `train`."""
    found = {split: LabelCounter(source.label) for split in ("train", "eval")}
    for one in done:
        found["eval" if one.split == "eval" else "train"].values.update(Counter(one.labels))
    return {split: count.counts for split, count in found.items()}
