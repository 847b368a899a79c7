"""Boosted trees as a TensorFlow graph: matrix products and comparisons only, so that any server can run them.

A tree of I inner nodes and L leaves is evaluated without walking it (the GEMM strategy of Nakandala et al.: A Tensor
Compiler for Unified Machine Learning Prediction Serving, OSDI 2020). Every node is asked at once whether a row goes
left; the answers times a matrix [I, L], which holds 1 where the leaf hangs left of the node, -1 where right of it, 0
elsewhere, count for every leaf the turns that were taken towards it. Only the leaf that is reached gets as many as it
has left turns above it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

MISSING = 256
"""Code of a missing category, after the 256 that a tree can tell apart."""
BLOCK_ROWS = 128
"""Rows evaluated at once: the answers of 300 trees of 63 leaves take 10 MB."""
NEVER = 127
"""More left turns than any leaf has: a leaf that only fills up the matrix is never reached."""


@dataclass(frozen=True)
class Trees:
    """T trees of at most I inner nodes and L leaves, D features; a split that is not there has no leaf below it.

    Attributes:
      feature: int32 [T, I], the column that a node asks about.
      threshold: float32 [T, I]; a number up to this goes left.
      missing_left: bool [T, I], where a missing number goes.
      categorical: int32 [M], the nodes that ask about categories, as positions in [T * I].
      member: bool [M, 257], whether a category goes left; the last is the missing one.
      path: int8 [T, I, L], see the head of this file.
      turns: int8 [T, L], left turns above each leaf.
      value: float32 [T, L], what a leaf adds.
      baseline: float32 [K], what every row begins with; tree t adds to output t % K.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    categorical: np.ndarray
    member: np.ndarray
    path: np.ndarray
    turns: np.ndarray
    value: np.ndarray
    baseline: np.ndarray


def trees_of(booster: Any, iterations: int | None = None) -> Trees:
    """The trees of a fitted HistGradientBoosting classifier or regressor.

    It keeps them in `_predictors`, for which there is no public name; tests/components/trainer/test_forest.py compares
    every answer with the booster's own, so that a release that changes them is noticed.

    Args:
      booster: Fitted on float32 numbers; its first columns are the categorical ones and hold 0 .. 255 or NaN.
      iterations: How many rounds to take; None is all.
    """
    rounds = booster._predictors[:iterations]
    flat = [tree for each in rounds for tree in each]
    codes = _codes(booster)
    inner = max(1, *((~tree.nodes["is_leaf"].astype(bool)).sum() for tree in flat))
    leaves = inner + 1
    count = len(flat)
    feature = np.zeros((count, inner), np.int32)
    threshold = np.zeros((count, inner), np.float32)
    missing_left = np.zeros((count, inner), bool)
    path = np.zeros((count, inner, leaves), np.int8)
    turns = np.full((count, leaves), NEVER, np.int8)
    value = np.zeros((count, leaves), np.float32)
    categorical, member = [], []
    for number, tree in enumerate(flat):
        nodes = tree.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        place = np.where(is_leaf, np.cumsum(is_leaf), np.cumsum(~is_leaf)) - 1
        for node in np.flatnonzero(~is_leaf):
            entry, at = nodes[node], place[node]
            feature[number, at] = entry["feature_idx"]
            missing_left[number, at] = entry["missing_go_to_left"]
            if entry["is_categorical"]:
                left = np.full(MISSING + 1, bool(entry["missing_go_to_left"]))
                seen = codes[entry["feature_idx"]]
                left[seen] = _bits(tree.raw_left_cat_bitsets[entry["bitset_idx"]])[: len(seen)]
                categorical.append(number * inner + at)
                member.append(left)
            else:
                threshold[number, at] = _rounded_down(entry["num_threshold"])
        for leaf, ancestors in _ways(nodes):
            for above, goes_left in ancestors:
                path[number, place[above], place[leaf]] = 1 if goes_left else -1
            turns[number, place[leaf]] = sum(goes_left for _, goes_left in ancestors)
            value[number, place[leaf]] = nodes[leaf]["value"]
    return Trees(
        feature,
        threshold,
        missing_left,
        np.array(categorical, np.int32),
        np.array(member, bool).reshape(-1, MISSING + 1),
        path,
        turns,
        value,
        np.asarray(booster._baseline_prediction, np.float32).reshape(-1),
    )


def _codes(booster: Any) -> list[np.ndarray]:
    """What the booster saw in each categorical column, in its own order; it takes all else for missing."""
    if booster._preprocessor is None:
        return []
    seen = booster._preprocessor.named_transformers_["encoder"].categories_
    return [column[~np.isnan(column)].astype(np.intp) for column in seen]


def _ways(nodes: np.ndarray) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Every leaf with the nodes above it and whether it lies to their left."""
    found: list[tuple[int, list[tuple[int, bool]]]] = []
    open_: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
    while open_:
        node, above = open_.pop()
        if nodes[node]["is_leaf"]:
            found.append((node, above))
            continue
        open_.append((int(nodes[node]["left"]), [*above, (node, True)]))
        open_.append((int(nodes[node]["right"]), [*above, (node, False)]))
    return found


def _bits(words: np.ndarray) -> np.ndarray:
    """Eight words of 32 bits as bool [256]."""
    return np.unpackbits(np.asarray(words, "<u4").view(np.uint8), bitorder="little").astype(bool)


def _rounded_down(threshold: float) -> np.float32:
    """The largest float32 up to a float64: every float32 compares with both alike."""
    narrow = np.float32(threshold)
    return np.nextafter(narrow, np.float32(-np.inf)) if float(narrow) > threshold else narrow


class Forest(tf.Module):
    """Trees that answer float32 [N, D] with float32 [N, K]: the sum of their leaves and the baseline."""

    def __init__(self, trees: Trees) -> None:
        super().__init__()
        self._count, self._inner = trees.feature.shape
        self._outputs = len(trees.baseline)
        flat = trees.feature.reshape(-1)
        is_category = np.zeros(len(flat), bool)
        is_category[trees.categorical] = True
        # The nodes that ask about the same column are asked together: a comparison of a row of values with a column of
        # thresholds, where looking up every node's own column would cost more than all else.
        self._numeric = tuple(int(column) for column in np.unique(flat[~is_category]))
        self._categorical = tuple(int(column) for column in np.unique(flat[is_category]))
        self._threshold, self._missing_left, self._member, asked = [], [], [], []
        for column in self._numeric:
            nodes = np.flatnonzero((flat == column) & ~is_category)
            asked.append(nodes)
            self._threshold.append(_kept(trees.threshold.reshape(-1)[nodes, None]))
            self._missing_left.append(_kept(trees.missing_left.reshape(-1)[nodes, None]))
        for column in self._categorical:
            among = flat[trees.categorical] == column
            asked.append(trees.categorical[among])
            self._member.append(_kept(trees.member[among].T))
        self._order = _kept(np.argsort(np.concatenate(asked)).astype(np.int32))
        self._path = _kept(trees.path.transpose(0, 2, 1))
        self._turns = _kept(trees.turns[:, :, None])
        self._value = _kept(trees.value[:, None, :])
        self._baseline = _kept(trees.baseline)

    def __call__(self, matrix: tf.Tensor) -> tf.Tensor:
        """The trees' answer, block by block so that memory does not grow with the rows."""
        rows = tf.shape(matrix)[0]
        block = tf.clip_by_value(rows, 1, BLOCK_ROWS)
        blocks = tf.maximum((rows + block - 1) // block, 1)  # of no rows, too: map_fn cannot stack nothing
        padded = tf.pad(matrix, [[0, blocks * block - rows], [0, 0]])
        parts = tf.map_fn(
            self._answer,
            tf.reshape(padded, [blocks, block, matrix.shape[1]]),
            fn_output_signature=tf.TensorSpec([None, self._outputs], tf.float32),
            parallel_iterations=2,
        )
        return tf.reshape(parts, [-1, self._outputs])[:rows]

    def _answer(self, matrix: tf.Tensor) -> tf.Tensor:
        """[B, D] to [B, K]."""
        asked = []
        for column, threshold, missing_left in zip(self._numeric, self._threshold, self._missing_left, strict=True):
            number = matrix[None, :, column]
            asked.append(tf.where(tf.math.is_nan(number), missing_left, number <= threshold))
        for column, member in zip(self._categorical, self._member, strict=True):
            category = matrix[:, column]
            code = tf.where(tf.math.is_nan(category), float(MISSING), tf.clip_by_value(category, 0.0, float(MISSING)))
            asked.append(tf.transpose(tf.gather(member, tf.cast(code, tf.int32))))
        left = tf.gather(tf.concat(asked, axis=0), self._order)  # [T * I, B]
        left = tf.reshape(tf.cast(left, tf.float32), [self._count, self._inner, -1])
        taken = tf.matmul(tf.cast(self._path, tf.float32), left)  # [T, L, B]
        # Half a turn short is still short: the counts are whole numbers.
        reached = tf.cast(taken > tf.cast(self._turns, tf.float32) - 0.5, tf.float32)
        added = tf.matmul(self._value, reached)  # [T, 1, B]
        by_output = tf.reduce_sum(tf.reshape(added, [-1, self._outputs, tf.shape(matrix)[0]]), axis=0)
        return tf.transpose(by_output) + self._baseline


def _kept(values: np.ndarray) -> tf.Variable:
    """A variable that no training changes: constants would swell the graph itself."""
    return tf.Variable(values, trainable=False)
