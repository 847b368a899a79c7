"""The trained model: a network and boosted trees, blended, in one graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from components.trainer.blending import Blend
from components.trainer.forest import Forest
from components.trainer.table import TreeTable

SURE = 1e-7
"""Probabilities this close to 0 and 1 are as far as a logit goes: 16 nats."""


@dataclass(frozen=True)
class Member:
    """One model of the ensemble: `forest` on `table`, or `network`."""

    network: keras.Model | None = None
    table: TreeTable | None = None
    forest: Forest | None = None

    def answer(self, features: Mapping[str, tf.Tensor], task: str) -> tf.Tensor:
        """Float32 [N, outputs]: a logit, K log-probabilities, or a value in units of the label's spread."""
        if self.network is not None:
            inputs = {name: features[name] for name in self.network.input}
            return network_answer(self.network(inputs, training=False), task)
        assert self.table is not None and self.forest is not None
        raw = self.forest(self.table(features))
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
    """Transformed features by name to an answer float32 [N, outputs], see Member.answer."""

    def __init__(self, members: Sequence[Member], blend: Blend, task: str, shift: np.ndarray | None = None) -> None:
        """`shift` [outputs] is added to every member's answer, see balancing.Learned."""
        super().__init__()
        # Attributes of their own: TensorFlow saves the variables of what a module holds, not of what dataclasses hold.
        self.networks = [member.network for member in members if member.network is not None]
        self.tables = [member.table for member in members if member.table is not None]
        self.forests = [member.forest for member in members if member.forest is not None]
        self.members, self.blend, self.task = tuple(members), blend, task
        self._shift = 0.0 if shift is None else shift

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The blend of the members' answers; only the matrices that a member reads need to be there."""
        answers = [member.answer(features, self.task) for member in self.members]
        mean = tf.add_n([answer * weight for answer, weight in zip(answers, self.blend.weights, strict=True)])
        return (mean + self._shift) / self.blend.temperature
