"""Losses of the members' answers, and the temperature that calibrates their blend. Pure.

Members answer in one currency: a logit (binary), K log-probabilities (multiclass), or a value in units of the label's
spread (regression). A classifier's blend is divided by a temperature, which changes how sure it is and not how it ranks
(Guo et al.: On Calibration of Modern Neural Networks, arXiv 1706.04599).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, stdtrit

FEW_ROWS = 500
"""Fewer validation rows than these do not tell a temperature."""
TEMPERATURES = (0.25, 4.0)
ALPHA = 0.025
"""One-sided significance level at which a mean gain is beyond chance."""


@dataclass(frozen=True)
class Gain:
    """How much lower one model's loss is than another's on the same rows.

    Attributes:
      mean: Over the rows.
      error: Standard error of it; infinite where there is a single block.
      count: Rows, or blocks of them, that the standard error is of.
    """

    mean: float
    error: float
    count: int

    @property
    def beyond_chance(self) -> bool:
        """Whether a one-sided t-test of no gain rejects at ALPHA."""
        return self.count > 1 and self.mean > float(stdtrit(self.count - 1, 1 - ALPHA)) * self.error

    def __str__(self) -> str:
        return f"{abs(self.mean):.2g} ± {self.error:.1g} {'below' if self.mean > 0 else 'above'}"


def gain(found: np.ndarray, other: np.ndarray, blocks: np.ndarray | None = None) -> Gain:
    """How much lower losses `found` [V] are than `other` [V].

    Args:
      found: Loss of each validation row.
      other: Of the model that is compared with.
      blocks: Number of the block of each row, from 0, [V]; the standard error is then that of the mean over blocks,
        because rows of one day have their weather in common. None takes rows for independent.
    """
    apart = other - found
    if blocks is not None:
        counts = np.bincount(blocks)
        apart = np.bincount(blocks, apart)[counts > 0] / counts[counts > 0]
    if len(apart) < 2:
        return Gain(float(apart.mean()), float("inf"), len(apart))
    return Gain(float((other - found).mean()), float(apart.std(ddof=1) / np.sqrt(len(apart))), len(apart))


def choose_temperature(
    answer: np.ndarray, labels: np.ndarray, task: str, ordered: bool, blocks: np.ndarray | None = None
) -> float:
    """The temperature with the lowest loss, or 1 where its gain is within chance.

    Args:
      answer: Of the blend to rows that no member was trained on, [V, outputs].
      labels: [V], as `losses` takes them.
      task: binary, multiclass or regression; a regression has none.
      ordered: Whether rows are ordered in time. The temperature may then only be raised: how confident answers should
        be varies from month to month, and overconfidence costs more than underconfidence.
      blocks: See `gain`.
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
    return tempered if better.beyond_chance else 1.0


def loss(answer: np.ndarray, labels: np.ndarray, task: str) -> float:
    """Mean of `losses`."""
    return float(losses(answer, labels, task).mean())


def losses(answer: np.ndarray, labels: np.ndarray, task: str) -> np.ndarray:
    """Cross-entropy in nats of labels 0 and 1 or class indices, or squared error, of each row, [V]."""
    if task == "regression":
        return np.asarray((answer[:, 0] - labels) ** 2)
    if task == "binary":
        return np.asarray(np.logaddexp(0, np.where(labels > 0.5, -answer[:, 0], answer[:, 0])))
    return np.asarray(-log_softmax(answer, axis=1)[np.arange(len(labels)), labels])
