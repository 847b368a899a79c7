"""The trained model: a weighted sum of its members' predictions, in one TensorFlow graph.

All members predict on the same scale: a logit (binary), K log-probabilities (multiclass), or the standardised label
(regression), float32 [N, outputs].
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.trainer.feature_matrix import FeatureMatrix
from components.trainer.linear import Linear
from components.trainer.tree_graph import TreeGraph

SURE = 1e-7
"""Probabilities are clipped to [SURE, 1 - SURE], which bounds logits at 16 nats."""


class PriorMember(tf.Module):
    """Predicts the same value for every row: the class shares, or the mean."""

    def __init__(self, answer: np.ndarray) -> None:
        """Stores the constant prediction, [outputs]."""
        super().__init__()
        self._answer = np.asarray(answer, np.float32)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the prediction, [N, outputs]."""
        rows = tf.shape(next(iter(features.values())))[0]
        return tf.tile(self._answer[None, :], [rows, 1])


class LinearMember(tf.Module):
    """The linear model."""

    def __init__(self, linear: Linear, task: str) -> None:
        super().__init__()
        self.linear, self._task = linear, task

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the prediction, [N, outputs]."""
        return _normalized(self.linear(features), self._task)


class TreesMember(tf.Module):
    """Boosted trees, alone or added to the raw score of a linear model."""

    def __init__(self, table: FeatureMatrix, forest: TreeGraph, task: str, linear: Linear | None = None) -> None:
        super().__init__()
        self.table, self.forest, self.linear, self._task = table, forest, linear, task

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the prediction, [N, outputs]."""
        raw = self.forest(self.table(features))
        return _normalized(raw if self.linear is None else raw + self.linear(features), self._task)


class NetworkMember(tf.Module):
    """The neural network of network_layers.py."""

    def __init__(self, network: Any, task: str) -> None:
        super().__init__()
        self.network, self._task = network, task

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the prediction, [N, outputs]."""
        inputs = {name: features[name] for name in self.network.input}
        return network_answer(self.network(inputs, training=False), self._task)


Member = PriorMember | LinearMember | TreesMember | NetworkMember


def _normalized(raw: tf.Tensor, task: str) -> tf.Tensor:
    return tf.nn.log_softmax(raw) if task == "multiclass" else raw


def network_answer(outputs: tf.Tensor, task: str) -> tf.Tensor:
    """Averages the network's k perceptrons, [N, k, outputs], into one prediction, [N, outputs].

    Probabilities are averaged, not logits (TabM, arXiv 2410.24210); the result is on the scale of the members.
    """
    if task == "regression":
        return tf.reduce_mean(outputs, axis=1)
    if task == "multiclass":
        return tf.math.log(tf.maximum(tf.reduce_mean(tf.nn.softmax(outputs), axis=1), SURE))
    probability = tf.clip_by_value(tf.reduce_mean(tf.sigmoid(outputs), axis=1), SURE, 1 - SURE)
    return tf.math.log(probability) - tf.math.log1p(-probability)


class Ensemble(tf.Module):
    """Maps transformed features by name to predictions, float32 [N, outputs]."""

    def __init__(
        self,
        members: Sequence[Member],
        weights: Sequence[float],
        temperature: float = 1.0,
        shift: np.ndarray | None = None,
    ) -> None:
        """Combines fitted members.

        Args:
          members: Fitted members.
          weights: Weights of the members, with sum 1.
          temperature: Divides the blended prediction (temperature scaling).
          shift: Prior correction, [outputs], added to the blend; see class_balancing.BalancedRows.
        """
        super().__init__()
        self.members = list(members)
        self.networks = [member.network for member in members if isinstance(member, NetworkMember)]
        self._weights, self._temperature = tuple(weights), temperature
        self._shift = 0.0 if shift is None else np.asarray(shift, np.float32)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the blended prediction; `features` needs only the matrices that the members read."""
        predictions = [member(features) * weight for member, weight in zip(self.members, self._weights, strict=True)]
        return (tf.add_n(predictions) + self._shift) / self._temperature
