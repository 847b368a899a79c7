"""Random numbers of the steel sheets: a stream of its own for each span and quantity, and for each image.

A stream depends on seed, span, name and number only. So a photograph is the same however many spans or photographs are
made, and in whatever order; and one more quantity changes none of the others.
"""

import zlib
from collections.abc import Iterable

import numpy as np


def stream(seed: int, span: int, name: str, number: int = 0) -> np.random.Generator:
    """Returns the generator of a quantity.

    Args:
      seed: 0 or more.
      span: 1 or more.
      name: Names the quantity; a checksum of it selects the stream.
      number: The photograph or sheet in the span, from 0.
    """
    return np.random.default_rng([seed, span, zlib.crc32(name.encode()), number])


def uniform(seed: int, span: int, name: str, count: int) -> np.ndarray:
    """Returns (count,) numbers in [0, 1); a larger count begins with the same numbers."""
    return stream(seed, span, name).random(count)


def normal(seed: int, span: int, name: str, count: int) -> np.ndarray:
    """Returns (count,) standard normal numbers; a larger count begins with the same numbers."""
    return stream(seed, span, name).standard_normal(count)


def white_noise(seed: int, span: int, name: str, numbers: Iterable[int], size: int) -> np.ndarray:
    """Returns (images, size, size) independent standard normal numbers, float32, a stream per image number."""
    fields = [stream(seed, span, name, number).standard_normal((size, size), np.float32) for number in numbers]
    return np.stack(fields)


def details(seed: int, span: int, numbers: Iterable[int], count: int) -> np.ndarray:
    """Returns (images, count) numbers in [0, 1), float32, a stream per image number."""
    rows = [stream(seed, span, "details", number).random(count, np.float32) for number in numbers]
    return np.stack(rows)
