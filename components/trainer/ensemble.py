"""The trained model: a weighted sum of its members' answers, in one graph.

Members answer in one currency: a logit (binary), K log-probabilities (multiclass), or a value in units of the label's
spread (regression), float32 [N, outputs].
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.trainer.feature_matrix import TreeTable
from components.trainer.linear import Linear
from components.trainer.tree_graph import Forest

SURE = 1e-7
"""Probabilities this close to 0 and 1 are as far as a logit goes: 16 nats."""


class PriorMember(tf.Module):
    """The same answer for every row."""

    def __init__(self, answer: np.ndarray) -> None:
        """`answer` is [outputs]."""
        super().__init__()
        self._answer = np.asarray(answer, np.float32)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The answer."""
        rows = tf.shape(next(iter(features.values())))[0]
        return tf.tile(self._answer[None, :], [rows, 1])


class LinearMember(tf.Module):
    """The linear model."""

    def __init__(self, linear: Linear, task: str) -> None:
        super().__init__()
        self.linear, self._task = linear, task

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The answer."""
        return _normalized(self.linear(features), self._task)


class TreesMember(tf.Module):
    """Boosted trees, alone or added to the raw score of a linear model."""

    def __init__(self, table: TreeTable, forest: Forest, task: str, linear: Linear | None = None) -> None:
        super().__init__()
        self.table, self.forest, self.linear, self._task = table, forest, linear, task

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The answer."""
        raw = self.forest(self.table(features))
        return _normalized(raw if self.linear is None else raw + self.linear(features), self._task)


class NetworkMember(tf.Module):
    """The network of components/trainer/network_layers.py."""

    def __init__(self, network: Any, task: str) -> None:
        super().__init__()
        self.network, self._task = network, task

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The answer."""
        inputs = {name: features[name] for name in self.network.input}
        return network_answer(self.network(inputs, training=False), self._task)


Member = PriorMember | LinearMember | TreesMember | NetworkMember


def _normalized(raw: tf.Tensor, task: str) -> tf.Tensor:
    return tf.nn.log_softmax(raw) if task == "multiclass" else raw


def network_answer(outputs: tf.Tensor, task: str) -> tf.Tensor:
    """The perceptrons' outputs [N, k, outputs] as one answer; their probabilities are averaged (arXiv 2410.24210)."""
    if task == "regression":
        return tf.reduce_mean(outputs, axis=1)
    if task == "multiclass":
        return tf.math.log(tf.maximum(tf.reduce_mean(tf.nn.softmax(outputs), axis=1), SURE))
    probability = tf.clip_by_value(tf.reduce_mean(tf.sigmoid(outputs), axis=1), SURE, 1 - SURE)
    return tf.math.log(probability) - tf.math.log1p(-probability)


class Ensemble(tf.Module):
    """Transformed features by name to an answer float32 [N, outputs]."""

    def __init__(
        self,
        members: Sequence[Member],
        weights: Sequence[float],
        temperature: float = 1.0,
        shift: np.ndarray | None = None,
    ) -> None:
        """`weights` sum to 1; `shift` [outputs] is added to the members' answer, see balancing.Learned."""
        super().__init__()
        self.members = list(members)
        self.networks = [member.network for member in members if isinstance(member, NetworkMember)]
        self._weights, self._temperature = tuple(weights), temperature
        self._shift = 0.0 if shift is None else np.asarray(shift, np.float32)

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The blend of the members' answers; only the matrices that a member reads need to be there."""
        answers = [member(features) * weight for member, weight in zip(self.members, self._weights, strict=True)]
        return (tf.add_n(answers) + self._shift) / self._temperature
