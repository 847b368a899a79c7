"""Reads examples as columns and applies the transform graph once.

Reading record by record through tf.data would cost more than the training itself. Here Arrow decodes record batches of
thousands of rows, the transform graph processes each batch at once, and the results are kept as NumPy matrices: 168
bytes per row for the 23 features of the flights. Up to row_buffer.IN_MEMORY bytes stay in memory, the rest is mapped
from files.
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
from components.trainer.row_buffer import IN_MEMORY, RowBuffer, in_files, joined

BATCH_ROWS = 8192
LABEL, TIME = "label", "time of rows"
"""Keys of labels and times in the dictionary of matrices; no matrix of features has these names."""

RecordBatchFactory = Callable[
    [list[str], dataset_options.RecordBatchesOptions, schema_pb2.Schema], Iterator[pa.RecordBatch]
]


@dataclass(frozen=True)
class TrainingColumns:
    """Transformed rows.

    Attributes:
      features: Matrices [N, ...] by name.
      labels: Labels, [N].
    """

    features: dict[str, np.ndarray]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, selection: slice) -> "TrainingColumns":
        """Returns the selected rows as views."""
        return TrainingColumns(
            {name: matrix[selection] for name, matrix in self.features.items()}, self.labels[selection]
        )

    def and_then(self, other: "TrainingColumns") -> "TrainingColumns":
        """Concatenates two sets of rows; without a copy if `rows` cut both from neighbouring positions."""
        features = {name: joined(matrix, other.features[name]) for name, matrix in self.features.items()}
        return TrainingColumns(features, joined(self.labels, other.labels))

    def taken(self, order: np.ndarray) -> "TrainingColumns":
        """Returns copies of the rows with the indices `order`; in files if these rows are in files."""
        if not any(in_files(matrix) for matrix in self.features.values()):
            return TrainingColumns({name: matrix[order] for name, matrix in self.features.items()}, self.labels[order])
        spool = RowBuffer(budget=0)
        for start in range(0, len(order), BATCH_ROWS):
            spool.add({name: matrix[order[start : start + BATCH_ROWS]] for name, matrix in self.features.items()})
        return TrainingColumns(spool.matrices(), self.labels[order])


def expand(patterns: Iterable[str]) -> list[str]:
    """Returns the files matching each pattern in turn, sorted by name within a pattern; this is their order in time."""
    return [file for pattern in patterns for file in sorted(tf.io.gfile.glob(pattern))]


def read_columns(
    patterns: Iterable[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    transform: tft.TFTransformOutput,
    budget: int = IN_MEMORY,
    time: str = "",
) -> TrainingColumns:
    """Reads all labelled rows and transforms them.

    Rows are in the order of the files, or stably sorted by `time`, rows without a time first. Rows without a label
    (NaN, or class -1) are dropped. Labels are always in memory; features beyond the budget are read-only arrays that
    map files.

    Args:
      patterns: Patterns of the example files.
      record_batches: Opens them as record batches.
      schema: Schema of the examples.
      transform: Output of the Transform component.
      budget: Bytes of features held in memory.
      time: Column of the examples by which rows are sorted; "" for none.

    Raises:
      InputError: No row has a label.
      PlumblineError: Files or rows differ from those that ingest wrote.
      UsageError: There is no disk space for the files.
    """
    patterns = list(patterns)
    files = expand(patterns)
    for folder in dict.fromkeys(os.path.dirname(pattern) for pattern in patterns):
        check_files(folder, (file for file in files if os.path.dirname(file) == folder))
    if (matrices := load_matrices(transform)) is not None:
        batches = _by_matrices(files, record_batches, schema, matrices, time)
    else:
        batches = _by_layer(files, record_batches, schema, transform, time)
    spool, labels, times = RowBuffer(budget), [], []
    for batch in batches:
        labelled = batch[LABEL] >= 0 if batch[LABEL].dtype.kind == "i" else np.isfinite(batch[LABEL])
        labels.append(_narrow(batch.pop(LABEL))[labelled])
        times.append(batch.pop(TIME)[labelled])
        # Sorted by name, because the layer's own order differs from process to process.
        spool.add({name: _narrow(batch[name])[labelled] for name in sorted(batch)})
    if not any(map(len, labels)):
        raise InputError(f"{', '.join(patterns)}: no labelled rows to train on; check the label column")
    rows = TrainingColumns(spool.matrices(), np.concatenate(labels))
    moments = np.concatenate(times)
    if (moments[1:] >= moments[:-1]).all():
        return rows
    return rows.taken(np.argsort(moments, kind="stable"))


def _times(batch: pa.RecordBatch, time: str) -> np.ndarray:
    """Times of the rows, int64 [N], the smallest int64 where missing; all equal if there is no such column."""
    cells = first_values(batch, time) if time else pa.nulls(batch.num_rows)
    if not pa.types.is_integer(cells.type):
        return np.zeros(batch.num_rows, np.int64)
    found: np.ndarray = cells.fill_null(-(2**63)).to_numpy(zero_copy_only=False)
    return found


def _narrow(matrix: np.ndarray) -> np.ndarray:
    """Ids fit into 32 bits."""
    return matrix.astype(np.int32) if matrix.dtype == np.int64 else matrix


def _by_matrices(
    files: list[str], record_batches: RecordBatchFactory, schema: schema_pb2.Schema, matrices: Matrices, time: str
) -> Iterator[dict[str, np.ndarray]]:
    """Transformed batches by the graph of matrices, whose number of inputs does not depend on the number of columns."""
    for file in files:
        copied, rows = read_copy(file, BATCH_ROWS), 0
        for batch in record_batches([file], batch_options(), schema) if copied is None else copied:
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
    """Transformed batches by the graph of TFX's own executor, whose inputs are the raw columns."""
    layer = transform.transform_features_layer()
    apply = tf.function(lambda raw: layer(raw), reduce_retracing=True, autograph=False)
    representations = tensor_representation_util.GetTensorRepresentationsFromSchema(schema)
    if representations is None:
        representations = tensor_representation_util.InferTensorRepresentationsFromSchema(schema)
    adapter = None
    for file in files:  # one at a time: TFX's reader interleaves several files, which loses their order in time
        rows = 0
        for batch in record_batches([file], batch_options(), schema):
            rows += batch.num_rows
            if adapter is None:
                config = tensor_adapter.TensorAdapterConfig(batch.schema, representations)
                adapter = tensor_adapter.TensorAdapter(config)
            found = {name: tensor.numpy() for name, tensor in apply(adapter.ToBatchTensors(batch)).items()}
            yield {**found, TIME: _times(batch, time)}
        check_rows(file, rows)


def batch_options() -> dataset_options.RecordBatchesOptions:
    """Returns the options by which a file of examples is read once, in order."""
    return dataset_options.RecordBatchesOptions(
        batch_size=BATCH_ROWS, drop_final_batch=False, num_epochs=1, shuffle=False
    )
