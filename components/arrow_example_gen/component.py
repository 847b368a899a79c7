"""The TFX shell: chooses the window, converts each file into its split, records what was read."""

import json
import os
import shutil
import uuid
from collections import Counter
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

from components.arrow_example_gen.conversion import Converted, Job, check_labels, convert, jobs, label_counts
from components.arrow_example_gen.extra_rows import check_taken
from components.arrow_example_gen.float_rounding import worst
from components.arrow_example_gen.rare_classes import with_other_class
from components.arrow_example_gen.source import Source
from components.shared.errors import InputError
from components.shared.examples.row_counts import FILE as ROWS
from components.shared.examples.row_counts import rows_text
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
    """Reads a window of spans into splits `train` and `eval`, rows in the order of spans and files.

    Where the source asks for rows of older spans they are a third split, `extra`.

    Args:
      examples: Gzip TFRecords of tf.Examples, one file a span. Custom properties, each JSON: `spans`, `rows` and
        `unlabelled` (rows left out for want of a label), by split; `labels`
        (label value -> rows, by split; empty where there are a thousand); `files` (split, span, name, sha256, bytes,
        rows, unlabelled); `misfits` (file, column, count, row, value); `corrections` (name, sha256, rows, and the rows
        of the window that were dropped, relabelled, changed); `extra` (where, spans, rows); `steps` (what the trainer
        is to do to the training rows); `rounded` (float64 columns whose values float32 does not tell apart:
        told_apart.Kept); and `data_fingerprint`. A corrections file is kept beside the splits, as corrections.csv, the
        rows of each file as rows.json, and on this machine a columnar copy of each, see columnar_copy.
      source: A Source as JSON.
      code: Fingerprint of this code and of the libraries under it; part of the cache key.
      span: Number of the eval span, or -1 for the newest.
      fingerprint: The data fingerprint that the runner saw, so that changed data misses the cache; "" if unknown.
      window: Number of spans to train on, instead of the source's; 0 leaves it as it is.
      beam_pipeline: On a distributed runner each file is converted by a worker; the output is the same.
    """
    described = Source.from_json(source)
    if window:
        described = replace(described, window=window)
    described = with_other_class(described, None if span == -1 else span)
    work = jobs(described, None if span == -1 else span, examples.uri)
    for split in described.splits:
        fileio.makedirs(os.path.join(examples.uri, f"Split-{split}"))
    if _is_distributed(beam_pipeline):
        done = _on_workers(described, work, beam_pipeline, os.path.join(examples.uri, ".converted"))
    else:
        if beam_pipeline is not None:
            # TFX makes it for every run of the component; Beam deletes its folder when it is run, and this one is not.
            shutil.rmtree(beam_pipeline.local_tempdir, ignore_errors=True)
        local = "://" not in examples.uri
        done = [convert(described, job, columnar=local) for job in work]
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
    properties = {
        "spans": {split: [one.span for one in some] for split, some in by_split.items()},
        "rows": {split: sum(one.rows for one in some) for split, some in by_split.items()},
        "unlabelled": {split: sum(one.unlabelled for one in some) for split, some in by_split.items()},
        "labels": label_counts(described, done),
        "files": [{name: getattr(one, name) for name in about} for one in done],
        "misfits": [vars(misfit) for misfit in _once(done)],
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
    """Whether there are workers elsewhere; Beam in this process would only add its own overhead."""
    return pipeline is not None and type(pipeline.runner).__name__ not in StandardOptions.LOCAL_RUNNERS


def _on_workers(source: Source, work: list[Job], pipeline: beam.Pipeline, folder: str) -> list[Converted]:
    """Converts each job on a worker; what became of them comes back through small files.

    A runner may try a job again while the worker that it gave up on still writes. Each try writes files of its own and
    renames them when they are whole; whoever is last leaves whole files.
    """

    def record(numbered: tuple[int, Job]) -> None:
        number, job = numbered
        mine = f"{folder}/{number:05d}-{uuid.uuid4().hex}"
        try:
            said = convert(source, replace(job, target=f"{mine}.gz")).to_json()
            fileio.rename(f"{mine}.gz", job.target, overwrite=True)
        except InputError as exc:
            said = json.dumps({"error": str(exc)})  # not the runner's to try again, and to be told as it is
        with fileio.open(f"{mine}.json", "w") as file:
            file.write(said)
        fileio.rename(f"{mine}.json", f"{folder}/{number:05d}.json", overwrite=True)

    fileio.makedirs(folder)
    try:
        with pipeline as running:
            _ = running | beam.Create(list(enumerate(work))) | beam.Reshuffle() | beam.Map(record)
        return [_recorded(f"{folder}/{number:05d}.json") for number in range(len(work))]
    finally:
        fileio.rmtree(folder)


def _recorded(file: str) -> Converted:
    """What became of a job on a worker; InputError if it could not be read there."""
    with fileio.open(file) as content:
        said = content.read()
    if error := json.loads(said).get("error"):
        raise InputError(error)
    return Converted.from_json(said)


def _corrections(source: Source, done: list[Converted], folder: str) -> list[dict]:
    """What was corrected, for the artifact; a copy of the file is left in it, since a person goes on writing in it."""
    if source.corrected is None:
        return []
    with fileio.open(os.path.join(folder, "corrections.csv"), "wb") as file:
        file.write(source.corrected.file.content)
    total: Counter[str] = Counter()
    for one in done:
        total.update(one.corrected)
    return [source.corrected.about(total)]


def _once(done: list[Converted]) -> list:
    """Misfits of all files; a file that was dealt to two splits was read twice and reports the same ones."""
    return list(dict.fromkeys(misfit for one in done for misfit in one.misfits))
