"""A random sample of a column's texts with their labels, in bounded memory."""

import numpy as np
import pyarrow as pa

MAX_BYTES = 1 << 27
"""Maximum bytes of the sample; it has fewer texts if they are long."""


class TextSample:
    """A uniform sample of at most `most` non-empty texts with the labels of their rows."""

    def __init__(self, most: int, size: int, seed: int) -> None:
        """Creates an empty sample.

        Args:
          most: Maximum number of texts.
          size: Bytes of a text that are kept; the model reads no more.
          seed: Seed of the sample.
        """
        self._most, self._bytes = most, size
        self._draw = np.random.default_rng(seed)
        self._parts: list[tuple[np.ndarray, np.ndarray, pa.Array]] = []
        self._waiting = self._size = 0

    def add(self, texts: pa.Array, labels: np.ndarray) -> None:
        """Adds a batch: texts, binary, null where missing; labels [N], NaN or -1 where missing."""
        keys = self._draw.random(len(texts))
        if pa.types.is_null(texts.type):
            return
        texts = texts.cast(pa.large_binary())
        there = texts.is_valid().to_numpy(zero_copy_only=False)
        there &= np.isfinite(labels) if labels.dtype.kind == "f" else labels >= 0
        there = np.flatnonzero(there)
        kept = [text[: self._bytes] for text in texts.take(pa.array(there)).to_pylist()]
        filled = np.array([bool(text) for text in kept], bool)
        own = pa.array([text for text in kept if text], pa.large_binary())
        self._parts.append((keys[there][filled], labels[there][filled], own))
        self._waiting += len(own)
        self._size += own.nbytes
        if self._waiting > 2 * self._most or self._size > 2 * MAX_BYTES:
            self._shrink()

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns texts, bytes [N], and labels [N], in their original order."""
        if not self._parts:
            return np.empty(0, object), np.empty(0, np.float32)
        self._shrink()
        ((_, labels, texts),) = self._parts
        return np.array(texts.to_pylist(), object), labels

    def _shrink(self) -> None:
        keys = np.concatenate([part[0] for part in self._parts])
        labels = np.concatenate([part[1] for part in self._parts])
        texts = pa.concat_arrays([part[2] for part in self._parts])
        sizes = np.diff(np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1])
        order = np.argsort(keys, kind="stable")[: self._most]
        fitting = int(np.searchsorted(np.cumsum(sizes[order]), MAX_BYTES, side="right"))
        if fitting < len(order):
            # Texts with greater keys than a dropped one must stay out, too; otherwise long texts would be favoured.
            order = order[: max(fitting, 1)]
            self._most = len(order)
        chosen = np.sort(order)
        self._parts = [(keys[chosen], labels[chosen], texts.take(pa.array(chosen)))]
        self._waiting, self._size = len(chosen), int(sizes[chosen].sum())
