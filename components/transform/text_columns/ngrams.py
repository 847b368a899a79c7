"""Splits texts into n-grams in the TensorFlow graph; the same for analysis, training and serving, in any language.

A text is truncated to a number of bytes and split at whitespace into chunks; chunks are decoded as UTF-8 (U+FFFD for
invalid bytes) and converted to lower case. Words are runs of two or more letters, marks, digits and `_` within a chunk;
in scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each character is a word. Word n-grams are
words and pairs of adjacent words; character n-grams lie within a chunk that is padded with a space on both sides. On
plain text they equal those of scikit-learn's TfidfVectorizer with `analyzer="word"` and `"char_wb"`.

Strings are processed once per distinct chunk of a block; an n-gram is represented by its 64-bit hash.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

BUCKETS = (1 << 63) - 1
MIX = -7046029254386353131
"""2^64 divided by the golden ratio, odd, as int64."""
_BLANKS = r"[\x{85}\x{A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]+"
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"


class Parts(NamedTuple):
    """The chunks of a block of texts.

    Attributes:
      row: Index of each chunk's text, int64 [T], ascending.
      at: Index of each chunk among the distinct chunks, int64 [T].
      words: Words of each distinct chunk, ragged string [U, w].
      grams: Character n-grams of each distinct chunk, ragged string [U, g].
    """

    row: tf.Tensor
    at: tf.Tensor
    words: tf.RaggedTensor
    grams: tf.RaggedTensor


def parts(texts: tf.Tensor, characters: Sequence[int], most: int) -> Parts:
    """Splits texts into chunks, words and character n-grams.

    Args:
      texts: String [N].
      characters: Shortest and longest character n-gram; empty for none.
      most: Bytes of a text that are read.
    """
    cut = tf.strings.regex_replace(tf.strings.substr(texts, 0, most), _BLANKS, " ")
    chunks = tf.strings.split(cut)
    different, at = tf.unique(chunks.flat_values, out_idx=tf.int64)
    different = tf.strings.lower(tf.strings.unicode_transcode(different, "UTF-8", "UTF-8"), encoding="utf-8")
    spaced = tf.strings.regex_replace(different, f"([{_UNSPACED}])", r" \1 ")
    words = tf.strings.split(tf.strings.regex_replace(spaced, r"[^\p{L}\p{M}\p{N}_]+", " "))
    long_enough = tf.strings.regex_full_match(words.flat_values, rf"(?s)[{_UNSPACED}]|..+")
    words = tf.ragged.boolean_mask(words, words.with_flat_values(long_enough))
    if characters:
        shortest, longest = characters
        letters = tf.strings.unicode_split(tf.strings.join([" ", different, " "]), "UTF-8")
        grams = tf.strings.ngrams(letters, tuple(range(shortest, longest + 1)), separator="")
    else:
        grams = words[:, :0]
    return Parts(chunks.value_rowids(), at, words, grams)


def hashed(strings: tf.Tensor) -> tf.Tensor:
    """Returns 64-bit hashes, int64, of the same shape."""
    return tf.strings.to_hash_bucket_fast(strings, BUCKETS)


def pair_hash(first: Any, second: Any) -> Any:
    """Returns the hash of a word pair, int64, from the hashes of both words, in NumPy or TensorFlow.

    It depends on the order and can be inverted: pair_hash(a, pair_hash(a, b)) is b.
    """
    if isinstance(first, np.ndarray):
        return (first * np.int64(MIX)) ^ second
    return tf.bitwise.bitwise_xor(first * tf.constant(MIX, tf.int64), second)


def words_of(found: Parts) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the hash of each word in the order of the texts, int64 [W], and the index of its text."""
    hashes = tf.gather(found.words.with_flat_values(hashed(found.words.flat_values)), found.at)
    return hashes.flat_values, tf.gather(found.row, hashes.value_rowids())


def word_grams(hashes: tf.Tensor, row: tf.Tensor, longest: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the hash of each word n-gram up to `longest` (1 or 2), int64 [W], and the index of its text.

    Args:
      hashes: Hashes of the words, see `words_of`.
      row: Index of each word's text.
      longest: Maximum words in an n-gram.
    """
    if longest < 2:
        return hashes, row
    neighbours = row[1:] == row[:-1]
    pairs = tf.boolean_mask(pair_hash(hashes[:-1], hashes[1:]), neighbours)
    return tf.concat([hashes, pairs], axis=0), tf.concat([row, tf.boolean_mask(row[1:], neighbours)], axis=0)
