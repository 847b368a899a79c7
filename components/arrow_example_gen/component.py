"""The TFX component ArrowExampleGen: selects the window, converts its files, records provenance as properties."""

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import apache_beam as beam
from apache_beam.options.pipeline_options import StandardOptions
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples

from components.arrow_example_gen.conversion import (
    ConversionResult,
    ConversionTask,
    check_labels,
    conversion_tasks,
    convert,
    label_counts,
)
from components.arrow_example_gen.extra_rows import check_taken
from components.arrow_example_gen.float_rounding import worst
from components.arrow_example_gen.rare_classes import with_other_class
from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.shared.examples.row_counts import FILE as ROWS
from components.shared.examples.row_counts import rows_text
from components.shared.progress import report_progress
from components.table_reading.fingerprint import data_fingerprint


@component(use_beam=True)
def ArrowExampleGen(
    examples: OutputArtifact[Examples],
    source: Parameter[str],
    code: Parameter[str],
    span: Parameter[int] = -1,
    fingerprint: Parameter[str] = "",
    window: Parameter[int] = 0,
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Converts a window of spans to the splits `train` and `eval`; rows keep the order of spans and files.

    With `[[data.extra]]` a third split, `extra`, holds rows of older spans.

    Args:
      examples: Output: gzip TFRecords of tf.Examples, one file per span. Custom properties, each as JSON: `spans`,
        `rows` and `unlabelled` (rows dropped because their label is missing), by split; `labels` (split -> label value
        -> rows; empty from 1,000 distinct values on); `files` (split, span, name, sha256, bytes, rows, unlabelled);
        `type_mismatches` (file, column, count, row, value; also as `misfits`); `corrections` (name, sha256, rows, and
        the numbers of rows that were dropped, relabelled, changed); `extra` (where, spans, rows); `steps` (class
        balancing and augmentation that the trainer will apply); `rounded` (float64 columns that lose distinct values as
        float32, see distinct_values.ValueRetention); and `data_fingerprint`. Beside the splits the artifact holds
        corrections.csv (a copy of the corrections file), rows.json (rows per file), and, if its URI is local, a
        columnar copy of each file, see columnar_copy.
      source: A Source as JSON.
      code: Fingerprint of this component's code and of its libraries; part of the cache key.
      span: Number of the eval span; -1 selects the newest.
      fingerprint: The data fingerprint that the runner computed, so that changed data misses the cache; "" if unknown.
      window: Number of spans to train on; 0 keeps the window of `source`.
      beam_pipeline: On a distributed runner each file is converted by a Beam worker; the output is the same.

    Raises:
      InputError: A span is missing, a file cannot be read or changed during the run, or a label check fails.
    """
    described = Source.from_json(source)
    if window:
        described = replace(described, window=window)
    described = with_other_class(described, None if span == -1 else span)
    work = conversion_tasks(described, None if span == -1 else span, examples.uri)
    for split in described.splits:
        fileio.makedirs(os.path.join(examples.uri, f"Split-{split}"))
    if _is_distributed(beam_pipeline):
        done = _on_workers(described, work, beam_pipeline, os.path.join(examples.uri, ".converted"))
    else:
        if beam_pipeline is not None:
            # TFX creates the pipeline for every execution. Beam deletes its folder on run(), which is not called here.
            shutil.rmtree(beam_pipeline.local_tempdir, ignore_errors=True)
        local = "://" not in examples.uri
        done = _converted(described, work, columnar=local)
    check_labels(described, done)
    with fileio.open(os.path.join(examples.uri, ROWS), "w") as file:
        file.write(rows_text((job.target, one.rows) for job, one in zip(work, done, strict=True)))

    by_split = {split: [one for one in done if one.split == split] for split in described.splits}
    extra = check_taken(described.extra, [one.extra for one in by_split.get("extra", ())], described.directory)
    read = data_fingerprint(
        {split: [(one.span, described.digest(one.sha256, split)) for one in some] for split, some in by_split.items()},
        described.corrected.file.sha256 if described.corrected else "",
    )
    if fingerprint and read != fingerprint:
        raise InputError(f"{described.directory}: a file changed while the run was reading it; run again")
    examples.split_names = encode_split_names(list(described.splits))
    examples.span = max(one.span for one in by_split["eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    examples.set_string_custom_property("data_fingerprint", read)
    about = ("split", "span", "name", "sha256", "bytes", "rows", "unlabelled")
    mismatches = [vars(mismatch) for mismatch in _once(done)]
    properties = {
        "spans": {split: [one.span for one in some] for split, some in by_split.items()},
        "rows": {split: sum(one.rows for one in some) for split, some in by_split.items()},
        "unlabelled": {split: sum(one.unlabelled for one in some) for split, some in by_split.items()},
        "labels": label_counts(described, done),
        "files": [{name: getattr(one, name) for name in about} for one in done],
        "type_mismatches": mismatches,
        "misfits": mismatches,  # the former name
        "corrections": _corrections(described, done, examples.uri),
        "extra": [
            {"where": {column: list(values) for column, values in one.where.items()}, "spans": one.spans, "rows": count}
            for one, count in zip(described.extra, extra, strict=True)
        ],
        "steps": json.loads(described.steps or "{}"),
        "rounded": worst(one.rounded for one in done),
    }
    for name, value in properties.items():
        examples.set_string_custom_property(name, json.dumps(value))


def _is_distributed(pipeline: beam.Pipeline | None) -> bool:
    """Whether the pipeline's runner has remote workers; a local runner would only add Beam's overhead."""
    return pipeline is not None and type(pipeline.runner).__name__ not in StandardOptions.LOCAL_RUNNERS


def _converted(source: Source, work: Sequence[ConversionTask], columnar: bool) -> list[ConversionResult]:
    """Converts the files one after the other, with progress by bytes."""
    total, read, done = sum(job.file.bytes for job in work), 0, []
    for number, job in enumerate(work, 1):
        report_progress(f"file {number} of {len(work)}", read, total)
        done.append(convert(source, job, columnar=columnar))
        read += job.file.bytes
    report_progress("")
    return done


def _on_workers(
    source: Source, work: list[ConversionTask], pipeline: beam.Pipeline, folder: str
) -> list[ConversionResult]:
    """Converts each job on a Beam worker; results come back as small JSON files in `folder`.

    A runner may retry a job while the previous attempt is still writing. Each attempt therefore writes to unique names
    and renames its files when they are complete; the last rename wins.
    """

    def record(numbered: tuple[int, ConversionTask]) -> None:
        number, job = numbered
        attempt = f"{folder}/{number:05d}-{uuid.uuid4().hex}"
        try:
            result = convert(source, replace(job, target=f"{attempt}.gz")).to_json()
            fileio.rename(f"{attempt}.gz", job.target, overwrite=True)
        except InputError as exc:
            result = json.dumps({"error": str(exc)})  # a retry cannot help, and Beam would wrap the message
        with fileio.open(f"{attempt}.json", "w") as file:
            file.write(result)
        fileio.rename(f"{attempt}.json", f"{folder}/{number:05d}.json", overwrite=True)

    fileio.makedirs(folder)
    try:
        with pipeline as running:
            _ = running | beam.Create(list(enumerate(work))) | beam.Reshuffle() | beam.Map(record)
        return [_recorded(f"{folder}/{number:05d}.json") for number in range(len(work))]
    finally:
        fileio.rmtree(folder)


def _recorded(file: str) -> ConversionResult:
    """Loads the result of a worker; InputError with the worker's message if the conversion failed."""
    with fileio.open(file) as content:
        result = content.read()
    if error := json.loads(result).get("error"):
        raise InputError(error)
    return ConversionResult.from_json(result)


def _corrections(source: Source, done: list[ConversionResult], folder: str) -> list[dict]:
    """The value of the property `corrections`; copies the file into the artifact, since users keep editing it."""
    if source.corrected is None:
        return []
    with fileio.open(os.path.join(folder, "corrections.csv"), "wb") as file:
        file.write(source.corrected.file.content)
    total: Counter[str] = Counter()
    for one in done:
        total.update(one.corrected)
    return [source.corrected.about(total)]


def _once(done: list[ConversionResult]) -> list:
    """Distinct type mismatches of all files; a file that is split by hash is read twice and reports each one twice."""
    return list(dict.fromkeys(mismatch for one in done for mismatch in one.mismatches))
