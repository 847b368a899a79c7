"""Boosted trees as a TensorFlow graph of gathers, comparisons and bitwise ANDs, which every model server can run."""

import numpy as np
import tensorflow as tf

from components.trainer.tree_tables import CODES, TreeTables

BLOCK_ROWS = 8192
"""Rows evaluated at once; for 600 trees of 31 leaves their bit vectors take 20 MB."""


class TreeGraph(tf.Module):
    """Maps a feature matrix float32 [N, D], NaN where missing, to the trees' raw scores float32 [N, K]."""

    def __init__(self, tables: TreeTables) -> None:
        super().__init__()
        self.words = tables.bits.shape[1]
        self.outputs = tables.outputs
        self._bits, self._value = _kept(tables.bits), _kept(tables.value.reshape(-1))
        self._thresholds, self._code_ranks = _kept(tables.thresholds), _kept(tables.code_ranks)
        self._columns, self._codes = tables.columns, len(tables.code_ranks)
        self._missing, self._stride = tables.missing[:, None], tables.stride[:, None]
        self._group, self._offset = tables.group, tables.offset
        self._leaf_of_word = np.arange(self.words, dtype=np.int32) * tables.value.shape[1]
        # One function that both branches and all signatures call: with hundreds of groups it is most of the graph.
        ranks = tf.TensorSpec([len(tables.offset), None], tf.int32)
        self._scores = tf.function(self._scores_of, input_signature=[ranks], autograph=False)

    def __call__(self, table: tf.Tensor) -> tf.Tensor:
        """Returns the raw scores."""
        ranks = self._ranks(table)
        rows = tf.shape(table)[0]
        scores = tf.cond(rows <= BLOCK_ROWS, lambda: self._scores(ranks), lambda: self._by_blocks(ranks))
        return tf.ensure_shape(scores, [table.shape[0], self.outputs])

    def _ranks(self, table: tf.Tensor) -> tf.Tensor:
        """Row indices into `bits`, int32 [G, N]."""
        values = tf.gather(tf.transpose(table), self._columns)  # [C, N]
        codes, numbers = values[: self._codes], values[self._codes :]
        ranks = []
        if self._codes:
            inside = (codes >= 0) & (codes < CODES)  # NaN is not
            code = tf.where(inside, tf.cast(tf.where(inside, codes, 0.0), tf.int32), CODES)
            ranks.append(tf.gather(self._code_ranks, code, batch_dims=1))
        if self._codes < len(self._columns):
            rank = tf.searchsorted(self._thresholds, numbers, side="left")
            ranks.append(tf.where(tf.math.is_nan(numbers), self._missing, rank))
        combined = tf.concat(ranks, axis=0) * self._stride
        return tf.math.segment_sum(combined, self._group) + self._offset[:, None]

    def _scores_of(self, ranks: tf.Tensor) -> tf.Tensor:
        first, *others = tf.unstack(ranks, num=len(self._offset))
        reachable = tf.gather(self._bits, first)  # [N, T]
        for group in others:
            reachable = tf.bitwise.bitwise_and(reachable, tf.gather(self._bits, group))
        # The lowest set bit is the leaf. For a power of two, x - 1 has as many bits set as the leaf's number; for a
        # word without a reachable leaf (0) all bits are set.
        leaf = tf.cast(tf.raw_ops.PopulationCount(x=reachable - 1), tf.int32)
        added = tf.gather(self._value, leaf + self._leaf_of_word)
        return tf.reduce_sum(tf.reshape(added, [-1, self.words // self.outputs, self.outputs]), axis=1)

    def _by_blocks(self, ranks: tf.Tensor) -> tf.Tensor:
        """Scores in blocks of rows, so that memory does not grow with the number of rows."""
        rows = tf.shape(ranks)[1]
        count = (rows + BLOCK_ROWS - 1) // BLOCK_ROWS
        scores = tf.TensorArray(
            tf.float32, count, infer_shape=False, element_shape=tf.TensorShape([None, self.outputs])
        )

        def step(number: tf.Tensor, scores: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            begin = number * BLOCK_ROWS
            return number + 1, scores.write(number, self._scores(ranks[:, begin : begin + BLOCK_ROWS]))

        _, scores = tf.while_loop(lambda number, _: number < count, step, [0, scores])
        return scores.concat()


def _kept(values: np.ndarray) -> tf.Variable:
    """A variable that is not trained; constants would be stored in the graph itself and enlarge it."""
    return tf.Variable(values, trainable=False)
