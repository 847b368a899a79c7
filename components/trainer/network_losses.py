"""Losses and validation metrics of the network by task, on the members' outputs [N, k, outputs]."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn import metrics

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(labels [N], outputs [N, k, outputs]) -> loss of each row [N]."""


def member_loss(task: str) -> Loss:
    """Returns the training loss, the mean of the members' losses: cross-entropy in nats, or squared error."""

    def loss(labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        each = tf.repeat(tf.reshape(labels, [-1, 1]), outputs.shape[1], axis=1)  # [N, k]
        if task == "multiclass":
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(each, tf.int32), logits=outputs), axis=1
            )
        each, outputs = tf.cast(each, tf.float32), outputs[:, :, 0]
        if task == "binary":
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=each, logits=outputs), axis=1)
        return tf.reduce_mean(tf.square(each - outputs), axis=1)

    return loss


def ensemble_loss(task: str, shift: np.ndarray | None = None) -> Loss:
    """Returns the loss of the members' mean prediction, which is served; the loss for early stopping.

    Args:
      task: binary, multiclass or regression.
      shift: Prior correction, [outputs], added to the logit or the log-probabilities, see class_balancing.BalancedRows.
    """
    odds = None if shift is None else np.exp(shift)

    def loss(labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        labels = tf.reshape(labels, [-1])
        if task == "multiclass":
            chance = tf.reduce_mean(tf.nn.softmax(outputs), axis=1)
            if odds is not None:
                chance = chance * odds / tf.reduce_sum(chance * odds, axis=1, keepdims=True)
            chance = tf.gather(chance, tf.cast(labels, tf.int32), batch_dims=1)
            return -tf.math.log(tf.maximum(chance, 1e-7))
        labels = tf.cast(labels, tf.float32)
        if task == "binary":
            chance = tf.reduce_mean(tf.sigmoid(outputs[:, :, 0]), axis=1)
            if odds is not None:
                chance = chance * odds[0] / (chance * odds[0] + 1 - chance)
            return -tf.math.log(tf.maximum(tf.where(labels > 0.5, chance, 1 - chance), 1e-7))
        return tf.square(labels - tf.reduce_mean(outputs[:, :, 0], axis=1))

    return loss


def validation_metrics(task: str, labels: np.ndarray, answer: dict[str, Any]) -> dict[str, float | None]:
    """Computes the metrics of a validation split, by their names in pipeline.toml.

    Args:
      task: binary, multiclass or regression.
      labels: 0 and 1, class indices, or values in the label's unit, [N].
      answer: Predictions as a served model returns them, see signatures.py.

    Returns:
      Metric name -> value. `auc` and `average_precision` are None, undefined, if only one class occurs.
    """
    if task == "binary":
        probability = np.asarray(answer["probability"], np.float64)
        both = len(np.unique(labels)) == 2
        return {
            "auc": float(metrics.roc_auc_score(labels, probability)) if both else None,
            "average_precision": float(metrics.average_precision_score(labels, probability)) if both else None,
            "log_loss": float(metrics.log_loss(labels, probability, labels=[0, 1])),
        }
    if task == "multiclass":
        probabilities = np.asarray(answer["probabilities"], np.float64)
        chance = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        return {"accuracy": accuracy, "log_loss": float(-np.log(chance).mean())}
    error = np.asarray(answer["prediction"], np.float64) - labels
    return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}
