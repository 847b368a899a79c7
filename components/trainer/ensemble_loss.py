"""Losses of predictions, significance of a loss difference, and temperature scaling of the ensemble. No TensorFlow.

Predictions are logits (binary), K log-probabilities (multiclass), or the standardised label (regression). Dividing
a classifier's prediction by a temperature changes its confidence and not its ranking (Guo et al.: On Calibration of
Modern Neural Networks, arXiv 1706.04599).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, stdtrit

FEW_ROWS = 500
"""With fewer validation rows no temperature is fitted."""
TEMPERATURES = (0.25, 4.0)
ALPHA = 0.025
"""One-sided significance level of the test that a mean gain is positive."""


@dataclass(frozen=True)
class LossGain:
    """Difference of the mean losses of two models on the same rows.

    Attributes:
      mean: Mean over rows of the other model's loss minus this model's; positive if this model is better.
      error: Standard error of `mean`; infinite for a single block.
      count: Number of rows, or of blocks, from which the standard error is estimated.
    """

    mean: float
    error: float
    count: int

    @property
    def significant(self) -> bool:
        """Whether a one-sided t-test rejects "no gain" at ALPHA."""
        return self.count > 1 and self.mean > float(stdtrit(self.count - 1, 1 - ALPHA)) * self.error

    def __str__(self) -> str:
        return f"{abs(self.mean):.2g} ± {self.error:.1g} {'below' if self.mean > 0 else 'above'}"


def gain(found: np.ndarray, other: np.ndarray, blocks: np.ndarray | None = None) -> LossGain:
    """Estimates by how much the losses `found` are below the losses `other`.

    Args:
      found: Loss of each validation row, [V].
      other: Loss of the compared model on the same rows, [V].
      blocks: Block number of each row, from 0, [V]. The standard error is then estimated from block means, because
        neighbouring rows are correlated (flights of one day share their weather). None for independent rows.
    """
    apart = other - found
    if blocks is not None:
        counts = np.bincount(blocks)
        apart = np.bincount(blocks, apart)[counts > 0] / counts[counts > 0]
    if len(apart) < 2:
        return LossGain(float(apart.mean()), float("inf"), len(apart))
    return LossGain(float((other - found).mean()), float(apart.std(ddof=1) / np.sqrt(len(apart))), len(apart))


def choose_temperature(
    answer: np.ndarray, labels: np.ndarray, task: str, ordered: bool, blocks: np.ndarray | None = None
) -> float:
    """Fits the temperature that minimises the loss on the validation split; 1 if its gain is not significant.

    Args:
      answer: Out-of-sample predictions of the blend, [V, outputs].
      labels: 0 and 1, or class indices, [V].
      task: binary, multiclass or regression; a regression has temperature 1.
      ordered: Whether rows are ordered in time. The temperature may then only increase: the best temperature varies
        from month to month, and overconfidence costs more than underconfidence.
      blocks: See `gain`.

    Returns:
      A temperature within TEMPERATURES, at least 1 for time-ordered rows.
    """
    if task == "regression" or len(labels) < FEW_ROWS:
        return 1.0
    lowest, highest = np.log2(TEMPERATURES)
    found = minimize_scalar(
        lambda power: loss(answer / 2.0**power, labels, task),
        bounds=(0.0 if ordered else lowest, highest),
        method="bounded",
    )
    tempered = float(2.0**found.x)
    better = gain(losses(answer / tempered, labels, task), losses(answer, labels, task), blocks)
    return tempered if better.significant else 1.0


def loss(answer: np.ndarray, labels: np.ndarray, task: str) -> float:
    """Returns the mean of `losses`."""
    return float(losses(answer, labels, task).mean())


def losses(answer: np.ndarray, labels: np.ndarray, task: str) -> np.ndarray:
    """Returns the loss of each row, [V]: cross-entropy in nats, or squared error for a regression.

    Args:
      answer: Logits [V, 1], log-probabilities [V, K], or values [V, 1].
      labels: 0 and 1, class indices, or values, [V].
      task: binary, multiclass or regression.
    """
    if task == "regression":
        return np.asarray((answer[:, 0] - labels) ** 2)
    if task == "binary":
        return np.asarray(np.logaddexp(0, np.where(labels > 0.5, -answer[:, 0], answer[:, 0])))
    return np.asarray(-log_softmax(answer, axis=1)[np.arange(len(labels)), labels])
