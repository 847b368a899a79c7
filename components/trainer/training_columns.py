"""Reads raw examples as columns, through the transform graph, once.

Record by record through tf.data costs more than the training itself. Here record batches of thousands of rows are
decoded by Arrow, pass through the transform graph at once, and are kept as NumPy matrices: 168 bytes a row for the 23
features of the flights. Up to spool.IN_MEMORY bytes stay in memory, more go to files that are mapped into it.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import dataset_options, tensor_adapter, tensor_representation_util

from components.shared.errors import InputError
from components.shared.examples.columnar_copy import read_copy
from components.shared.examples.example_reading import first_values
from components.shared.examples.row_counts import check_files, check_rows
from components.shared.features.transform_matrices import Matrices, load_matrices
from components.trainer.row_buffer import IN_MEMORY, Spool, in_files, joined

BATCH_ROWS = 8192
LABEL, TIME = "label", "time of rows"
"""Among the matrices by name; no matrix of features is called so."""

RecordBatchFactory = Callable[
    [list[str], dataset_options.RecordBatchesOptions, schema_pb2.Schema], Iterator[pa.RecordBatch]
]


@dataclass(frozen=True)
class Columns:
    """Transformed rows: `features` are matrices [N, ...] by name, `labels` is [N]; row i is the same row in each."""

    features: dict[str, np.ndarray]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, selection: slice) -> "Columns":
        """The rows of `selection`, as views."""
        return Columns({name: matrix[selection] for name, matrix in self.features.items()}, self.labels[selection])

    def and_then(self, other: "Columns") -> "Columns":
        """These rows, then those; not copied where they are neighbours, as `rows` leaves them."""
        features = {name: joined(matrix, other.features[name]) for name, matrix in self.features.items()}
        return Columns(features, joined(self.labels, other.labels))

    def taken(self, order: np.ndarray) -> "Columns":
        """The rows with the numbers `order`, copied; in files if these are."""
        if not any(in_files(matrix) for matrix in self.features.values()):
            return Columns({name: matrix[order] for name, matrix in self.features.items()}, self.labels[order])
        spool = Spool(budget=0)
        for start in range(0, len(order), BATCH_ROWS):
            spool.add({name: matrix[order[start : start + BATCH_ROWS]] for name, matrix in self.features.items()})
        return Columns(spool.matrices(), self.labels[order])


def expand(patterns: Iterable[str]) -> list[str]:
    """The files that match, pattern by pattern, each pattern's by name: that is the order of time."""
    return [file for pattern in patterns for file in sorted(tf.io.gfile.glob(pattern))]


def read_columns(
    patterns: Iterable[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    transform: tft.TFTransformOutput,
    budget: int = IN_MEMORY,
    time: str = "",
) -> Columns:
    """All labelled rows of the files, transformed, in the order of the files; or of `time`, a column of the examples.

    Rows without a time come first, and of one time in the order of the files.

    Rows without a label (NaN, or class -1) are left out: there is nothing to learn from them. Labels are always in
    memory; features that take more than `budget` bytes are read-only arrays of files.

    Raises:
      InputError: When nothing is left.
      PlumblineError: When files or rows are not those that ingest wrote.
      UsageError: When there is no place for the files.
    """
    patterns = list(patterns)
    files = expand(patterns)
    for folder in dict.fromkeys(os.path.dirname(pattern) for pattern in patterns):
        check_files(folder, (file for file in files if os.path.dirname(file) == folder))
    if (matrices := load_matrices(transform)) is not None:
        batches = _by_matrices(files, record_batches, schema, matrices, time)
    else:
        batches = _by_layer(files, record_batches, schema, transform, time)
    spool, labels, times = Spool(budget), [], []
    for batch in batches:
        labelled = batch[LABEL] >= 0 if batch[LABEL].dtype.kind == "i" else np.isfinite(batch[LABEL])
        labels.append(_narrow(batch.pop(LABEL))[labelled])
        times.append(batch.pop(TIME)[labelled])
        # By name: the layer's own order changes from process to process.
        spool.add({name: _narrow(batch[name])[labelled] for name in sorted(batch)})
    if not any(map(len, labels)):
        raise InputError(f"{', '.join(patterns)}: no labelled rows to train on; check the label column")
    rows = Columns(spool.matrices(), np.concatenate(labels))
    moments = np.concatenate(times)
    if (moments[1:] >= moments[:-1]).all():
        return rows
    return rows.taken(np.argsort(moments, kind="stable"))


def _times(batch: pa.RecordBatch, time: str) -> np.ndarray:
    """The row's own time, int64 [N], the smallest where missing; all equal without a column."""
    cells = first_values(batch, time) if time else pa.nulls(batch.num_rows)
    if not pa.types.is_integer(cells.type):
        return np.zeros(batch.num_rows, np.int64)
    found: np.ndarray = cells.fill_null(-(2**63)).to_numpy(zero_copy_only=False)
    return found


def _narrow(matrix: np.ndarray) -> np.ndarray:
    """Ids need no 64 bits."""
    return matrix.astype(np.int32) if matrix.dtype == np.int64 else matrix


def _by_matrices(
    files: list[str], record_batches: RecordBatchFactory, schema: schema_pb2.Schema, matrices: Matrices, time: str
) -> Iterator[dict[str, np.ndarray]]:
    """Transformed batches by the matrices' graph, whose inputs do not grow in number with the columns."""
    for file in files:
        copied, rows = read_copy(file, BATCH_ROWS), 0
        for batch in record_batches([file], _options(), schema) if copied is None else copied:
            rows += batch.num_rows
            yield {**matrices.transformed(batch), LABEL: matrices.labels(batch), TIME: _times(batch, time)}
        check_rows(file, rows)


def _by_layer(
    files: list[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    transform: tft.TFTransformOutput,
    time: str,
) -> Iterator[dict[str, np.ndarray]]:
    """Transformed batches by the graph that TFX's own executor wrote, whose inputs are the raw columns."""
    layer = transform.transform_features_layer()
    apply = tf.function(lambda raw: layer(raw), reduce_retracing=True)
    representations = tensor_representation_util.GetTensorRepresentationsFromSchema(schema)
    if representations is None:
        representations = tensor_representation_util.InferTensorRepresentationsFromSchema(schema)
    adapter = None
    for file in files:  # one at a time: given several, the reader interleaves them and the order of time is lost
        rows = 0
        for batch in record_batches([file], _options(), schema):
            rows += batch.num_rows
            if adapter is None:
                config = tensor_adapter.TensorAdapterConfig(batch.schema, representations)
                adapter = tensor_adapter.TensorAdapter(config)
            found = {name: tensor.numpy() for name, tensor in apply(adapter.ToBatchTensors(batch)).items()}
            yield {**found, TIME: _times(batch, time)}
        check_rows(file, rows)


def _options() -> dataset_options.RecordBatchesOptions:
    return dataset_options.RecordBatchesOptions(
        batch_size=BATCH_ROWS, drop_final_batch=False, num_epochs=1, shuffle=False
    )
