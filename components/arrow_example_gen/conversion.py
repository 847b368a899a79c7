"""One file's share in one split, from cells to TFRecords: the unit of work, here or on a distributed runner."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from components.arrow_example_gen import extra_rows
from components.arrow_example_gen.corrections import Applied
from components.arrow_example_gen.example_encoding import write_examples
from components.arrow_example_gen.float_rounding import Rounding
from components.arrow_example_gen.label_check import LabelCount
from components.arrow_example_gen.source import Source
from components.table_reading.cells.type_errors import Misfit
from components.table_reading.locations import content_sha256
from components.table_reading.spans import SpanFile


@dataclass(frozen=True)
class Job:
    """What to convert, and where to."""

    split: str
    file: SpanFile
    target: str


@dataclass(frozen=True)
class Converted:
    """What became of a job.

    `labels` are the distinct label values as text, with their counts, at most 1,000; `corrected` are Applied.counts;
    `extra` are the rows for each of Source.extra, of a file in that split; `rounded` are told_apart.Kept of columns
    whose values float32 does not tell apart.
    """

    split: str
    span: int
    name: str
    sha256: str
    bytes: int
    rows: int
    unlabelled: int
    labels: dict[str, int]
    misfits: tuple[Misfit, ...]
    corrected: dict[str, int] = field(default_factory=dict)
    extra: tuple[int, ...] = ()
    rounded: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Converted":
        """What `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            misfits=tuple(Misfit(**misfit) for misfit in fields.pop("misfits")),
            extra=tuple(fields.pop("extra")),
            rounded=tuple(fields.pop("rounded")),
            **fields,
        )


def jobs(source: Source, span: int | None, folder: str) -> list[Job]:
    """The files of a window with their targets below `folder`: Split-<name>/data_tfrecord-<i>-of-<n>.gz."""
    return [
        Job(split, file, f"{folder.rstrip('/')}/Split-{split}/data_tfrecord-{index:05d}-of-{len(files):05d}.gz")
        for split, files in source.files(span).splits().items()
        for index, file in enumerate(files)
    ]


def convert(source: Source, job: Job, columnar: bool = False) -> Converted:
    """Reads, encodes and writes; InputError names the file, column and row of what cannot be read.

    `columnar`: whether to write a columnar copy beside the TFRecords, for readers on this machine.
    """
    misfits: list[Misfit] = []
    applied = Applied()
    seen = LabelCount(source.label)
    taken: list[int] = []
    read = source.read(job.file, job.split, misfits, applied, taken)
    rounding = Rounding()
    rows = write_examples(rounding.watched(seen.labelled(read)), job.target, columnar)
    return Converted(
        split=job.split,
        span=job.file.span,
        name=job.file.name,
        sha256=content_sha256(source.place, job.file, source.options),
        bytes=job.file.bytes,
        rows=rows,
        unlabelled=seen.unlabelled,
        labels={str(value): count for value, count in seen.values.items()},
        misfits=tuple(misfits),
        # Of a file of which only some rows are taken, most corrected ones are not among them.
        corrected={} if job.split == extra_rows.SPLIT else applied.counts,
        extra=tuple(taken),
        rounded=tuple(one.to_json() for one in rounding.found()),
    )


def check_labels(source: Source, done: list[Converted]) -> None:
    """InputError unless every split has rows with at least two label values; extra rows may all have one."""
    for split in dict.fromkeys(one.split for one in done if one.split != extra_rows.SPLIT):
        total = LabelCount(source.label)
        for one in done:
            if one.split == split:
                total.rows += one.rows
                total.values.update(Counter(one.labels))
        total.check(split, source.directory)


def label_counts(source: Source, done: list[Converted]) -> dict[str, dict[str, int]]:
    """Split -> label value -> rows, empty where there are too many values; what was added is train's, too."""
    found = {split: LabelCount(source.label) for split in ("train", "eval")}
    for one in done:
        found["eval" if one.split == "eval" else "train"].values.update(Counter(one.labels))
    return {split: count.counts for split, count in found.items()}
