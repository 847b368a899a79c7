"""Shuffled batches for training the network.

With small batches, one Python call per batch costs more than the training step. A generator therefore gathers chunks of
many batches with NumPy, prefetched while the network trains, and tf.data splits the chunks into batches.

Rows in memory are shuffled over the whole data set. Rows in files (see row_buffer.py) are too many to be gathered one
by one: blocks of neighbouring rows are read in random order into a pool, and the rows of the pool are shuffled. In both
cases an epoch holds every row once, each epoch has another order, and the same seed gives the same orders.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from components.trainer.row_buffer import in_files
from components.trainer.training_columns import TrainingColumns

LABELS, WEIGHTS = TARGETS = ("labels of rows", "weights of rows")
"""Keys of labels and weights in the dictionary of arrays; no feature has these names."""
CHUNK_ROWS = 8192
"""Rows of a chunk, or one batch if a batch is larger."""
CHUNKS_AHEAD = 2
BLOCK_ROWS = 1024
POOL_ROWS = 1 << 18
"""Rows of files that are held in memory at once; with blocks of BLOCK_ROWS they come from 256 places of the data."""


class BatchDataset:
    """Batches (features, labels[, weights]) of `size` rows; the last batch of an epoch may be smaller.

    Attributes:
      rows: Number of rows of an epoch.
      size: Rows of a batch.
      seconds: Wall-clock seconds spent gathering so far. A thread gathers while the network trains, so training waits
        for batches only where this is close to the whole training time.
    """

    def __init__(
        self,
        rows: TrainingColumns,
        size: int,
        seed: int | None = None,
        weights: np.ndarray | None = None,
        pool: int = POOL_ROWS,
    ) -> None:
        """Prepares the batches; nothing is read yet.

        Args:
          rows: Training rows, in memory or in files.
          size: Rows of a batch.
          seed: Seed of the shuffling; None keeps the order of the rows.
          weights: Sample weights, [N]; None for unweighted rows.
          pool: Rows of files held in memory at once.
        """
        self.rows, self.size = len(rows), size
        self._seed, self._pool = seed, pool
        self._arrays = {**rows.features, LABELS: rows.labels}
        if weights is not None:
            self._arrays[WEIGHTS] = np.asarray(weights, np.float32)
        self._in_files = any(in_files(matrix) for matrix in rows.features.values())
        self._epoch = 0
        self.seconds = 0.0

    def dataset(self) -> tf.data.Dataset:
        """Returns one epoch as a dataset; each further iteration over it is another epoch."""
        spec = {
            name: tf.TensorSpec((None, None, *matrix.shape[1:]), tf.as_dtype(matrix.dtype))
            for name, matrix in self._arrays.items()
        }
        chunks = tf.data.Dataset.from_generator(self._timed, output_signature=self._paired(spec))
        steps = -(-self.rows // self.size)
        return chunks.prefetch(CHUNKS_AHEAD).unbatch().apply(tf.data.experimental.assert_cardinality(steps))

    def _paired(self, by_name: dict[str, Any]) -> tuple[Any, ...]:
        """The tuple that Keras expects: features by name, labels, and weights if there are any."""
        features = {name: by_name[name] for name in self._arrays if name not in TARGETS}
        return (features, *(by_name[name] for name in TARGETS if name in by_name))

    def _timed(self) -> Iterator[tuple[Any, ...]]:
        chunks = self._chunks()
        while True:
            began = time.monotonic()
            chunk = next(chunks, None)
            self.seconds += time.monotonic() - began
            if chunk is None:
                return
            yield self._paired(chunk)

    def _chunks(self) -> Iterator[dict[str, np.ndarray]]:
        """Matrices [batches, rows, ...] by name; a last, smaller batch is a chunk of its own."""
        per_chunk = max(CHUNK_ROWS // self.size, 1) * self.size
        for matrices in self._runs(per_chunk):
            rows = len(matrices[LABELS])
            whole = rows // self.size * self.size
            for start, stop, size in ((0, whole, self.size), (whole, rows, rows - whole)):
                if stop > start:
                    yield {name: m[start:stop].reshape(-1, size, *m.shape[1:]) for name, m in matrices.items()}

    def _runs(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """All rows in the order of this epoch, `count` at a time."""
        if self._seed is None:
            for start in range(0, self.rows, count):
                yield self._gathered(slice(start, start + count))
            return
        draw = np.random.default_rng([self._seed, self._epoch])
        self._epoch += 1
        if not self._in_files:
            order = draw.permutation(self.rows)
            for start in range(0, self.rows, count):
                yield self._gathered(order[start : start + count])
            return
        blocks = draw.permutation(-(-self.rows // BLOCK_ROWS))
        left: dict[str, np.ndarray] | None = None
        for group in np.array_split(blocks, min(-(-self.rows // self._pool), len(blocks))):
            parts = [self._gathered(slice(block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS)) for block in group]
            parts += [] if left is None else [left]
            pool = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            order = draw.permutation(len(pool[LABELS]))
            stop = len(order) // count * count
            for start in range(0, stop, count):
                yield {name: matrix[order[start : start + count]] for name, matrix in pool.items()}
            left = {name: matrix[order[stop:]] for name, matrix in pool.items()}
        if left is not None and len(left[LABELS]):
            yield left

    def _gathered(self, which: slice | np.ndarray) -> dict[str, np.ndarray]:
        return {name: matrix[which] for name, matrix in self._arrays.items()}
