"""The transformed matrices as the one table that trees read."""

from collections.abc import Mapping
from math import pi

import numpy as np
import tensorflow as tf

MOST_CODES = 255
"""Categories that a tree can tell apart in a column: one for all rare ones, 254 by name."""


class TreeTable(tf.Module):
    """Transformed matrices (components/transform/preprocessing.py) to float32 [N, C + F + K], NaN where missing.

    Categorical columns come first, each with codes of its own: 0 for rare and unknown values, 1 to 254 for the most
    frequent of the training rows. Numbers keep the scale in which they come, which has their order and so gives the
    same splits. Of a cycle the phase is recovered, 0 to 1, so that a split cuts out an hour and not a height of a sine.

    The same graph makes the table in training and in serving: no split can fall otherwise.
    """

    def __init__(self, features: Mapping[str, np.ndarray], ids: int) -> None:
        """Learns the codes.

        Args:
          features: Training matrices by name.
          ids: Size of the joint vocabulary, see Shape.ids.
        """
        super().__init__()
        self.columns = {name: int(matrix.shape[1]) for name, matrix in features.items()}
        self.categorical = self.columns.get("categorical", 0)
        codes = np.zeros(max(ids, 1), np.float32)
        codes[: self.categorical] = np.nan
        if self.categorical:
            for column in features["categorical"].T:
                values, counts = np.unique(column[column >= 2 * self.categorical], return_counts=True)
                frequent = values[np.argsort(-counts, kind="stable")][: MOST_CODES - 1]
                codes[np.sort(frequent)] = np.arange(1, len(frequent) + 1)
        self._codes = tf.Variable(codes, trainable=False)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The table."""
        parts = []
        numbers = self.columns.get("numeric", 0)
        if self.categorical:
            parts.append(tf.gather(self._codes, features["categorical"]))
        if numbers:
            missing = features["missing"][:, :numbers] > 0
            parts.append(tf.where(missing, float("nan"), features["numeric"]))
        if "cyclical" in self.columns:
            sine, cosine = features["cyclical"][:, 0::2], features["cyclical"][:, 1::2]
            missing = features["missing"][:, numbers:] > 0
            phase = tf.math.floormod(tf.math.atan2(sine, cosine) / (2 * pi), 1.0)
            parts.append(tf.where(missing, float("nan"), phase))
        return tf.concat(parts, axis=1)
