"""Stable 64-bit hashes of values, independent of machine and run."""

import hashlib

import numpy as np
import pyarrow as pa

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LONG = 4096


def mix(bits: np.ndarray) -> np.ndarray:
    """Mixes bits by the finaliser of SplitMix64, a bijection of uint64 (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = bits ^ (bits >> np.uint64(30))
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def random_bits(positions: np.ndarray, seed: int) -> np.ndarray:
    """Generates 64 pseudo-random bits for each position by SplitMix64; distinct positions give distinct bits.

    Args:
      positions: Non-negative integers [N].
      seed: Random seed.
    """
    start = mix(np.array([seed % 2**64], np.uint64) * _GOLDEN + _GOLDEN)
    return mix(positions.astype(np.uint64) * _GOLDEN + start)


def number_bits(numbers: np.ndarray) -> np.ndarray:
    """Maps numbers to 64 bits, equal for equal numbers of any type: 1, 1.0 and True; 0.0 and -0.0.

    From 2**53 on, where float64 does not represent all integers, integers are equal to integers only. The result is not
    mixed yet, see `mix`.

    Args:
      numbers: Numbers or booleans [N].
    """
    if numbers.dtype.kind in "iu":
        as_float = numbers.astype(np.float64)
        bits = as_float.view(np.uint64)
        if numbers.dtype.itemsize == 8:
            large = np.abs(as_float) >= 2.0**53
            if large.any():
                bits = np.where(large, bits ^ mix(numbers.astype(np.uint64)), bits)
        return bits
    return (numbers.astype(np.float64, copy=False) + 0.0).view(np.uint64)


def hash_texts(texts: pa.Array) -> np.ndarray:
    """Hashes strings or binaries by their bytes; dictionaries by their values.

    Args:
      texts: Array without nulls, [N].

    Returns:
      uint64 [N].
    """
    if pa.types.is_dictionary(texts.type):
        return hash_texts(texts.dictionary)[texts.indices.to_numpy(zero_copy_only=False)]
    values = texts.cast(pa.large_binary())
    _, offsets, data = values.buffers()
    if len(values) == 0:
        return np.empty(0, np.uint64)
    edges = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    lengths = np.diff(edges)
    begin, end = int(edges[0]), int(edges[-1])
    padded = np.zeros(end - begin + 8, np.uint8)
    if data is not None:
        padded[: end - begin] = np.frombuffer(data, np.uint8)[begin:end]
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # the eight bytes from each position
    hashes = mix(lengths.astype(np.uint64) + _GOLDEN)
    active = np.flatnonzero((lengths > 0) & (lengths <= _LONG))
    at = edges[active] - begin
    left = lengths[active]
    while len(active):
        beyond = (8 * np.maximum(8 - left, 0)).astype(np.uint64)  # bits of the next text, to shift out
        hashes[active] = mix(hashes[active] * _GOLDEN ^ (words[at] << beyond))
        more = left > 8
        active, at, left = active[more], at[more] + 8, left[more] - 8
    for row in np.flatnonzero(lengths > _LONG):
        digest = hashlib.blake2b(values[int(row)].as_py(), digest_size=8).digest()
        hashes[row] = int.from_bytes(digest, "little")
    return hashes
