"""The TFX shell: chooses the window, streams each span into its split, records what was read."""

import json
import os

from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples

from components.arrow_example_gen.columns import arrow_types
from components.arrow_example_gen.encoding import write_examples
from components.arrow_example_gen.fingerprint import data_fingerprint, file_sha256
from components.arrow_example_gen.labels import LabelCount
from components.arrow_example_gen.reading import read_batches
from components.arrow_example_gen.spans import choose_window, find_spans, open_folder
from components.errors import InputError

NEWEST = -1
"""Value of `span` that takes the newest one there is."""


@component
def ArrowExampleGen(
    examples: OutputArtifact[Examples],
    directory: Parameter[str],
    pattern: Parameter[str],
    columns: Parameter[str],
    label: Parameter[str],
    window: Parameter[int],
    code: Parameter[str],
    span: Parameter[int] = -1,
    fingerprint: Parameter[str] = "",
):
    """Reads a window of spans into splits `train` and `eval`, rows in the order of spans and files.

    Args:
      examples: Gzip TFRecords of tf.Examples, one file a span. Custom properties, each JSON: `spans` and `rows` (by
        split), `unlabelled` (rows left out for want of a label, by split), `files` (split, span, name, sha256, bytes,
        rows); and `data_fingerprint`.
      directory: Folder or URL of the spans.
      pattern: File name with `{span}`.
      columns: JSON object, column -> Arrow type.
      label: Label column; rows without a value there are counted and left out.
      window: Number of spans to train on.
      code: Fingerprint of this code and of the libraries under it; part of the cache key.
      span: Number of the eval span, or -1 for the newest.
      fingerprint: The data fingerprint that the runner saw, so that changed data misses the cache; "" if unknown.
    """
    filesystem, _ = open_folder(directory)
    types = arrow_types(json.loads(columns))
    chosen = choose_window(find_spans(directory, pattern), None if span == -1 else span, window)
    files, rows, unlabelled = [], {}, {}
    digests: dict[str, list[tuple[int, str]]] = {}
    for split, span_files in chosen.splits().items():
        folder = os.path.join(examples.uri, f"Split-{split}")
        os.makedirs(folder, exist_ok=True)
        seen = LabelCount(label)
        for index, file in enumerate(span_files):
            target = os.path.join(folder, f"data_tfrecord-{index:05d}-of-{len(span_files):05d}.gz")
            before = seen.unlabelled
            written = write_examples(seen.labelled(read_batches(filesystem, file, types)), target)
            digest = file_sha256(filesystem, file.path)
            digests.setdefault(split, []).append((file.span, digest))
            files.append(
                {
                    "split": split,
                    "span": file.span,
                    "name": file.name,
                    "sha256": digest,
                    "bytes": file.bytes,
                    "rows": written,
                    "unlabelled": seen.unlabelled - before,
                }
            )
        seen.check(split, directory)
        rows[split], unlabelled[split] = seen.rows, seen.unlabelled

    read = data_fingerprint(digests)
    if fingerprint and read != fingerprint:
        raise InputError(f"{directory}: a span file changed while the run was reading it; run again")
    spans = {split: [file.span for file in span_files] for split, span_files in chosen.splits().items()}
    examples.split_names = encode_split_names(list(spans))
    examples.span = chosen.eval[0].span
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    examples.set_string_custom_property("data_fingerprint", read)
    for name, value in {"spans": spans, "rows": rows, "unlabelled": unlabelled, "files": files}.items():
        examples.set_string_custom_property(name, json.dumps(value))
