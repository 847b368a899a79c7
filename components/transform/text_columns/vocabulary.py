"""Counts in how many texts each n-gram occurs, in bounded memory, and builds the vocabularies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from components.transform.text_columns.model import Ngrams
from components.transform.text_columns.ngrams import hashed, pair_hash, parts

MAX_COUNTED = 1_000_000
"""Maximum n-grams that are counted; beyond twice as many, the rarest are dropped (lossy counting)."""


class Counts:
    """Document frequencies of n-grams by hash, and the texts of some of them."""

    def __init__(self, most: int = MAX_COUNTED) -> None:
        self.hashes, self.counts = np.empty(0, np.int64), np.empty(0, np.int64)
        self.names: dict[int, bytes] = {}
        self._most = most

    def add(self, hashes: np.ndarray, counts: np.ndarray) -> None:
        """Adds distinct hashes with the number of texts that contain them."""
        self.hashes, at = np.unique(np.concatenate([self.hashes, hashes]), return_inverse=True)
        self.counts = np.bincount(at, np.concatenate([self.counts, counts]), len(self.hashes)).astype(np.int64)
        if len(self.hashes) > 2 * self._most:
            kept = np.sort(np.lexsort((self.hashes, -self.counts))[: self._most])
            self.hashes, self.counts = self.hashes[kept], self.counts[kept]
            known = set(self.hashes.tolist())
            self.names = {one: name for one, name in self.names.items() if one in known}

    def name(self, hashes: np.ndarray, names: np.ndarray) -> None:
        """Stores the texts of hashes."""
        different, first = np.unique(hashes, return_index=True)
        for one, name in zip(different.tolist(), names[first].tolist(), strict=True):
            self.names.setdefault(one, name)

    def vocabulary(self, texts: int, least: int, most: int) -> Ngrams:
        """Returns the `most` n-grams with the highest document frequencies.

        idf = ln((1 + N) / (1 + df)) + 1, as in scikit-learn.

        Args:
          texts: Number of texts N.
          least: Minimum document frequency.
          most: Maximum size of the vocabulary.
        """
        kept = np.flatnonzero(self.counts >= least)
        kept = np.sort(kept[np.lexsort((self.hashes[kept], -self.counts[kept]))[:most]])
        hashes = self.hashes[kept]
        idf = np.log((1 + texts) / (1 + self.counts[kept])) + 1
        names = {one: self.names[one] for one in hashes.tolist() if one in self.names}
        return Ngrams(hashes, idf.astype(np.float32), names)


@dataclass(frozen=True)
class Cutting:
    """How texts are split.

    Attributes:
      longest: Maximum words in a word n-gram: 0, 1 or 2.
      lengths: Shortest and longest character n-gram; empty for none.
      most: Bytes of a text that are read.
    """

    longest: int
    lengths: tuple[int, ...]
    most: int


def count_ngrams(blocks: Iterable[np.ndarray], cutting: Cutting) -> tuple[Counts, Counts]:
    """Counts word n-grams and character n-grams of blocks of texts, bytes [N] each."""
    import tensorflow as tf

    words, characters = Counts(), Counts()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def cut(texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = parts(texts, cutting.lengths, cutting.most)
        word, gram = found.words, found.grams
        return (
            found.row, found.at, word.row_splits, word.flat_values, hashed(word.flat_values),
            gram.row_splits, gram.flat_values, hashed(gram.flat_values),
        )  # fmt: skip

    for texts in blocks:
        given = cut(tf.constant(texts, tf.string))
        row, at, word_splits, word_names, word_hashes, splits, names, hashes = (one.numpy() for one in given)
        if cutting.longest:
            _count_words(words, cutting.longest, row, at, word_splits, word_names, word_hashes)
        if cutting.lengths and len(hashes):
            _count_characters(characters, len(texts), row, at, splits, names, hashes)
    return words, characters


def _count_words(
    counts: Counts, longest: int, row: np.ndarray, at: np.ndarray, splits: np.ndarray, *known: np.ndarray
) -> None:
    names, hashes = known
    if not len(hashes):
        return
    counts.name(hashes, names)
    length = np.diff(splits)[at]
    begin = splits[at]
    place = np.repeat(begin - (np.cumsum(length) - length), length) + np.arange(length.sum())
    flat, text = hashes[place], np.repeat(row, length)
    if longest > 1:
        neighbours = text[1:] == text[:-1]
        pairs = pair_hash(flat[:-1], flat[1:])[neighbours]
        flat, text = np.concatenate([flat, pairs]), np.concatenate([text, text[1:][neighbours]])
    counts.add(*_texts_with(flat, text))


def _texts_with(hashes: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    codes, different = pd.factorize(hashes)
    pairs = pd.unique(text * len(different) + codes)
    return np.asarray(different), np.bincount(pairs % len(different), minlength=len(different))


def _count_characters(
    counts: Counts,
    texts: int,
    row: np.ndarray,
    at: np.ndarray,
    splits: np.ndarray,
    names: np.ndarray,
    hashes: np.ndarray,
) -> None:
    """Counts by the product of the matrices texts x chunks and chunks x n-grams: chunks share many n-grams."""
    from scipy import sparse

    counts.name(hashes, names)
    different, code = np.unique(hashes, return_inverse=True)
    chunks = len(splits) - 1
    of_chunk = sparse.csr_matrix((np.ones(len(code), np.int32), code, splits), shape=(chunks, len(different)))
    of_text = sparse.csr_matrix((np.ones(len(row), np.int32), (row, at)), shape=(texts, chunks))
    counts.add(different, np.bincount((of_text @ of_chunk).indices, minlength=len(different)))


def names_of(vocabulary: Ngrams, wanted: Sequence[int]) -> list[str]:
    """Returns the texts of hashes of a vocabulary, also of pairs of known words; "" for other hashes."""
    known = np.array(list(vocabulary.names), np.int64)
    place = vocabulary.names
    found = []
    for one in wanted:
        name = place.get(one)
        if name is None and len(known):
            second = pair_hash(known, np.int64(one))  # hash of the second word for each possible first word
            hit = np.flatnonzero(np.isin(second, known))
            name = place[int(known[hit[0]])] + b" " + place[int(second[hit[0]])] if len(hit) else b""
        found.append((name or b"").decode("utf-8", "replace"))
    return found
