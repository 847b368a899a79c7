"""The fitted model of a text column, and the graph that converts its texts to numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from components.shared.features.block_loop import in_blocks
from components.transform.text_columns.ngrams import MIX, Parts, hashed, parts, word_grams, words_of

BLOCK_CHARACTERS = 1 << 18
"""Bytes of text that are processed at once, or one longer text; bounds memory for any input."""


@dataclass(frozen=True, eq=False)
class Ngrams:
    """A vocabulary of n-grams.

    Attributes:
      hashes: Int64 [V], ascending.
      idf: Inverse document frequencies, float32 [V].
      names: Text of some n-grams by hash.
    """

    hashes: np.ndarray
    idf: np.ndarray
    names: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TextModel:
    """A fitted text column; V is the number of word and character n-grams, words first.

    Attributes:
      words: Vocabulary of word n-grams.
      characters: Vocabulary of character n-grams.
      directions: Float32 [V, D], SVD components: right singular vectors of the TF-IDF matrix.
      weights: Float32 [K, V, S], a linear model of S scores per fold, fitted without the texts of the fold.
      intercepts: Float32 [K, S].
      columns: Names of the D + S numeric columns.
      quantiles: Float32 [D + S, buckets - 1], quantiles of these columns in the training rows.
      longest: Maximum words in a word n-gram.
      lengths: Shortest and longest character n-gram; empty for none.
      most: Bytes of a text that are read.
    """

    words: Ngrams
    characters: Ngrams
    directions: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    columns: tuple[str, ...]
    quantiles: np.ndarray
    longest: int
    lengths: tuple[int, ...]
    most: int


class TextColumn(tf.Module):
    """Maps texts, string [N], to the numeric columns of a TextModel, float32 [N, D + S], NaN where the text is empty.

    A text is scored by the linear model of its fold, which is a hash of its words. A text of the training rows is
    therefore never scored by a model that was fitted to its label, and training and serving give equal scores.
    """

    def __init__(self, model: TextModel, variables: bool = True) -> None:
        """Stores the arrays of `model` as variables or, with `variables` off, as constants of the calling graph."""
        super().__init__()
        self.columns = tuple(model.columns)
        self._longest, self._lengths, self._most = model.longest, tuple(model.lengths), model.most
        self._folds, self._terms, self._scores = model.weights.shape
        keep: Any = (lambda array: tf.Variable(array, trainable=False)) if variables else (lambda array: array)
        self._hashes = [keep(one.hashes) for one in (model.words, model.characters)]
        self._idf = [keep(one.idf.astype(np.float32)) for one in (model.words, model.characters)]
        self._sizes = tuple(len(one.hashes) for one in (model.words, model.characters))
        self._directions = keep(model.directions.astype(np.float32))
        self._weights = keep(model.weights.reshape(self._folds * self._terms, self._scores).astype(np.float32))
        self._intercepts = keep(model.intercepts.astype(np.float32))

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns the numeric columns."""
        lengths = tf.cast(tf.minimum(tf.strings.length(texts), self._most), tf.int64)
        ends = tf.cumsum(lengths)
        count = tf.size(texts)

        def end_of(begin: tf.Tensor) -> tf.Tensor:
            before = tf.where(begin > 0, ends[tf.maximum(begin - 1, 0)], 0)
            end = tf.searchsorted(ends, [before + BLOCK_CHARACTERS], side="right")[0]
            return tf.minimum(tf.maximum(end, begin + 1), count)

        return in_blocks(texts, len(self.columns), end_of, self._block)

    def _block(self, texts: tf.Tensor) -> tf.Tensor:
        row, column, value, fold = self.weighted(texts)
        rows, found = tf.size(texts, tf.int64), []

        def product(matrix: Any, place: tf.Tensor) -> tf.Tensor:
            return tf.math.unsorted_segment_sum(tf.gather(matrix, place) * value[:, None], row, rows)

        if self._directions.shape[1]:
            found.append(product(self._directions, column))
        if self._scores:
            own = tf.gather(fold, row) * self._terms + column
            found.append(product(self._weights, own) + tf.gather(self._intercepts, fold))
        return tf.where((texts == "")[:, None], tf.constant(float("nan")), tf.concat(found, axis=1))

    def weighted(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Computes TF-IDF of texts, string [N], and their folds.

        Returns:
          Row int64 [nnz], column int64 [nnz], value float32 [nnz]: (1 + ln tf) idf, scaled to L2 norm 1 for words and
          for characters separately (scikit-learn's sublinear_tf and smooth_idf); fold int64 [N] in 0 .. K-1, a hash of
          the word counts, which does not depend on order, case and punctuation.
        """
        found, rows = parts(texts, self._lengths, self._most), tf.size(texts, tf.int64)
        hashes, row = words_of(found)
        sums = tf.math.unsorted_segment_sum(hashes, row, rows)
        mixed = tf.bitwise.right_shift(sums * tf.constant(MIX, tf.int64), tf.constant(32, tf.int64))
        fold = tf.math.floormod(mixed, tf.constant(self._folds, tf.int64))
        cut = []
        if self._longest and self._sizes[0]:
            hashes, row = word_grams(hashes, row, self._longest)
            place = _places(self._hashes[0], hashes)
            known = place >= 0
            cut.append(_tf_idf(tf.boolean_mask(row, known), tf.boolean_mask(place, known), self._idf[0], rows))
        if self._lengths and self._sizes[1]:
            row, place = _characters(found, self._hashes[1])
            row, place, value = _tf_idf(row, place, self._idf[1], rows)
            cut.append((row, place + self._sizes[0], value))
        if not cut:
            nothing = tf.zeros([0], tf.int64)
            return nothing, nothing, tf.zeros([0], tf.float32), fold
        row, place, value = (tf.concat(one, axis=0) for one in zip(*cut, strict=True))
        return row, place, value, fold


def _characters(found: Parts, hashes: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Row and vocabulary index of each known character n-gram."""
    place = _places(hashes, hashed(found.grams.flat_values))
    known = tf.ragged.boolean_mask(found.grams.with_flat_values(place), found.grams.with_flat_values(place >= 0))
    every = tf.gather(known, found.at)
    return tf.gather(found.row, every.value_rowids()), every.flat_values


def _places(vocabulary: Any, hashes: tf.Tensor) -> tf.Tensor:
    """Indices of hashes in a vocabulary, int64; -1 where not in it."""
    vocabulary = tf.convert_to_tensor(vocabulary)
    at = tf.searchsorted(vocabulary, hashes, out_type=tf.int64)
    at = tf.minimum(at, tf.size(vocabulary, tf.int64) - 1)
    return tf.where(tf.gather(vocabulary, at) == hashes, at, -1)


def _tf_idf(row: tf.Tensor, place: tf.Tensor, idf: Any, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    size = tf.constant(int(idf.shape[0]), tf.int64)
    key, _, count = tf.unique_with_counts(row * size + place)
    row, place = key // size, key % size
    value = (1 + tf.math.log(tf.cast(count, tf.float32))) * tf.gather(idf, place)
    norm = tf.sqrt(tf.math.unsorted_segment_sum(value * value, row, rows))
    return row, place, value / tf.gather(norm, row)
