"""Reads raw examples as columns, through the transform graph, into memory.

Record by record through tf.data costs more than the training itself. Here record batches of thousands of rows are
decoded by Arrow, pass through the transform graph at once, and are kept as NumPy matrices: about 300 bytes a row for
25 features, so ten million rows in 3 GB.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import dataset_options, tensor_adapter, tensor_representation_util

from components.errors import InputError

BATCH_ROWS = 8192
LABEL = "label"

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
        """These rows, then those."""
        features = {name: np.concatenate([matrix, other.features[name]]) for name, matrix in self.features.items()}
        return Columns(features, np.concatenate([self.labels, other.labels]))


def expand(patterns: Iterable[str]) -> list[str]:
    """The files that match, pattern by pattern, each pattern's by name: that is the order of time."""
    return [file for pattern in patterns for file in sorted(tf.io.gfile.glob(pattern))]


def read_columns(
    patterns: Iterable[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    transform: tft.TFTransformOutput,
) -> Columns:
    """All labelled rows of the files, transformed, in the order of the files.

    Rows without a label (NaN, or class -1) are left out: there is nothing to learn from them.
    Raises InputError when nothing is left.
    """
    patterns = list(patterns)
    layer = transform.transform_features_layer()
    apply = tf.function(lambda raw: layer(raw), reduce_retracing=True)
    parts: dict[str, list[np.ndarray]] = {}
    for raw in _raw_batches(expand(patterns), record_batches, schema):
        batch = {name: tensor.numpy() for name, tensor in apply(raw).items()}
        labelled = batch[LABEL] >= 0 if batch[LABEL].dtype.kind == "i" else np.isfinite(batch[LABEL])
        for name, matrix in batch.items():
            # Ids need no 64 bits in memory.
            narrow = matrix.astype(np.int32) if matrix.dtype == np.int64 else matrix
            parts.setdefault(name, []).append(narrow[labelled])
    matrices = {name: np.concatenate(part) for name, part in parts.items()}
    if not matrices or not len(matrices[LABEL]):
        raise InputError(f"{', '.join(patterns)}: no labelled rows to train on; check the label column")
    labels = matrices.pop(LABEL)
    return Columns(matrices, labels)


def _raw_batches(
    files: list[str], record_batches: RecordBatchFactory, schema: schema_pb2.Schema
) -> Iterator[dict[str, tf.Tensor | tf.SparseTensor]]:
    """Raw features by name, as the transform graph takes them."""
    options = dataset_options.RecordBatchesOptions(
        batch_size=BATCH_ROWS, drop_final_batch=False, num_epochs=1, shuffle=False
    )
    representations = tensor_representation_util.GetTensorRepresentationsFromSchema(schema)
    if representations is None:
        representations = tensor_representation_util.InferTensorRepresentationsFromSchema(schema)
    adapter = None
    for file in files:  # one at a time: given several, the reader interleaves them and the order of time is lost
        for batch in record_batches([file], options, schema):
            if adapter is None:
                config = tensor_adapter.TensorAdapterConfig(batch.schema, representations)
                adapter = tensor_adapter.TensorAdapter(config)
            yield adapter.ToBatchTensors(batch)
