"""What members of an ensemble count for, and how sure its answer is: chosen on the validation rows.

Members answer in one currency: a logit (binary), K log-probabilities (multiclass), or a value in units of the
label's spread (regression). The blend is their weighted mean; a classifier's is divided by a temperature, which
changes how sure it is and not how it ranks (Guo et al.: On Calibration of Modern Neural Networks, arXiv 1706.04599).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

STEP = 0.05
"""Of the weights that are tried."""
FEW_ROWS = 500
"""Fewer validation rows than these do not tell weights apart: members then count alike, and are taken at their word."""
TEMPERATURES = (0.25, 4.0)


@dataclass(frozen=True)
class Blend:
    """Weights of the members, which sum to 1, and the temperature of what they say together."""

    weights: tuple[float, ...]
    temperature: float = 1.0

    def __call__(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """The blend of answers [N, outputs] of the members."""
        mean = sum(weight * answer for weight, answer in zip(self.weights, answers, strict=True))
        return np.asarray(mean / self.temperature)


def choose(answers: Sequence[np.ndarray], labels: np.ndarray, task: str) -> Blend:
    """The blend with the least loss on rows that no member has learned from.

    Args:
      answers: Of one or two members, [N, outputs] each.
      labels: [N], as `loss` takes them.
      task: binary, multiclass or regression.
    """
    count = len(answers)
    if len(labels) < FEW_ROWS:
        return Blend((1 / count,) * count)
    choices = [(1.0,)] if count == 1 else [(round(w, 2), round(1 - w, 2)) for w in np.arange(0, 1 + STEP / 2, STEP)]
    weights = min(choices, key=lambda chosen: loss(Blend(chosen)(answers), labels, task))
    if task == "regression":
        return Blend(weights)
    mean = Blend(weights)(answers)
    found = minimize_scalar(
        lambda power: loss(mean / 2.0**power, labels, task), bounds=tuple(np.log2(TEMPERATURES)), method="bounded"
    )
    return Blend(weights, float(2.0**found.x))


def loss(answer: np.ndarray, labels: np.ndarray, task: str) -> float:
    """Mean cross-entropy in nats of labels 0 and 1 or class indices, or mean squared error."""
    if task == "regression":
        return float(np.mean((answer[:, 0] - labels) ** 2))
    if task == "binary":
        return float(np.mean(np.logaddexp(0, np.where(labels > 0.5, -answer[:, 0], answer[:, 0]))))
    return float(-np.mean(log_softmax(answer, axis=1)[np.arange(len(labels)), labels]))
