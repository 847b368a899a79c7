"""Combines the transformed matrices into the one matrix that boosted trees read."""

from collections.abc import Mapping
from math import pi

import numpy as np
import tensorflow as tf

MAX_CODES = 255
"""Maximum categories of a column for trees: 254 frequent ones, and one for all rare ones."""


class FeatureMatrix(tf.Module):
    """Maps transformed matrices (see transform/preprocessing.py) to float32 [N, C + F + K], NaN where missing.

    Categorical columns come first. Each has its own codes: 1 to 254 for the most frequent values of the training rows,
    0 for rare and unknown values. Numeric columns keep their scaled values; scaling is monotonic, so it does not
    change the splits. For a cyclical column the phase in [0, 1) is recovered, so that a split separates hours and not
    heights of a sine.

    Training and serving use the same graph, so that both apply the same splits.
    """

    def __init__(self, features: Mapping[str, np.ndarray], ids: int) -> None:
        """Assigns the codes of the categories.

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
                frequent = values[np.argsort(-counts, kind="stable")][: MAX_CODES - 1]
                codes[np.sort(frequent)] = np.arange(1, len(frequent) + 1)
        self._codes = tf.Variable(codes, trainable=False)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the matrix for trees, [N, C + F + K]."""
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
