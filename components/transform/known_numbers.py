"""What an analysis found of numbers, as constants of a graph: a part of an Analysis, see preprocessing.py."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.transform.analysis import Facts


class KnownNumbers:
    """Offsets and quantiles from facts; `numeric` are the columns of facts.quantiles, in that order."""

    def __init__(self, facts: Facts, numeric: Sequence[str]) -> None:
        self._large = facts.large
        self._quantiles = dict(zip(numeric, facts.quantiles, strict=True))

    def is_large(self, name: str, dtype: tf.DType) -> bool:
        """See Analysis."""
        return name in self._large

    def offsets(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        return tf.constant([self._large[name].offset for name in names], tf.int64)

    def quantiles(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        rows = [self._large[name].quantiles if name in self._large else self._quantiles[name] for name in names]
        return tf.constant(np.array(rows), values.dtype)
