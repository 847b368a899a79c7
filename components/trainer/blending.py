"""What members of an ensemble count for, and how sure its answer is: chosen on the validation rows.

Members answer in one currency: a logit (binary), K log-probabilities (multiclass), or a value in units of the
label's spread (regression). The blend is their weighted mean; a classifier's is divided by a temperature, which
changes how sure it is and not how it ranks (Guo et al.: On Calibration of Modern Neural Networks, arXiv 1706.04599).

Rows of one day have their weather in common: ten days of flights say less than their number, and weights chosen on
them fit those days. So members count alike and are taken at their word, unless the gain of anything else is beyond
chance from one stretch of the validation rows to the next. Where the rows have an order of time, the temperature may
only soften: how sure answers should be varies from month to month, and too sure costs more than too unsure.
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
BLOCKS = 10
"""Stretches of consecutive validation rows, between which the gain of a choice is seen to vary."""
SURE = 3.0
"""Standard errors of the mean over the blocks that a gain has to reach: by chance fewer than one in a hundred does."""


@dataclass(frozen=True)
class Blend:
    """Weights of the members, which sum to 1, and the temperature of what they say together."""

    weights: tuple[float, ...]
    temperature: float = 1.0

    def __call__(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """The blend of answers [N, outputs] of the members."""
        mean = sum(weight * answer for weight, answer in zip(self.weights, answers, strict=True))
        return np.asarray(mean / self.temperature)


def choose(answers: Sequence[np.ndarray], labels: np.ndarray, task: str, ordered: bool = False) -> Blend:
    """The blend with the least loss on rows that no member has learned from, or equal weights where that is chance.

    Args:
      answers: Of one or two members, [N, outputs] each.
      labels: [N], as `loss` takes them.
      task: binary, multiclass or regression.
      ordered: Whether the rows come in an order of time, and the model will be asked of later ones.
    """
    count = len(answers)
    alike = Blend((1 / count,) * count)
    if len(labels) < FEW_ROWS:
        return alike

    def better(one: Blend, other: Blend) -> bool:
        return _surely_less(losses(one(answers), labels, task), losses(other(answers), labels, task))

    choices = [] if count == 1 else [(round(w, 2), round(1 - w, 2)) for w in np.arange(0, 1 + STEP / 2, STEP).tolist()]
    best = min((Blend(each) for each in choices), key=lambda one: loss(one(answers), labels, task), default=alike)
    blend = best if better(best, alike) else alike
    if task == "regression":
        return blend
    mean = blend(answers)
    coldest, hottest = np.log2(TEMPERATURES)
    found = minimize_scalar(
        lambda power: loss(mean / 2.0**power, labels, task),
        bounds=(0.0 if ordered else coldest, hottest),
        method="bounded",
    )
    tempered = Blend(blend.weights, float(2.0**found.x))
    return tempered if better(tempered, blend) else blend


def _surely_less(found: np.ndarray, other: np.ndarray) -> bool:
    """Whether losses [N] are less than others of the same rows by more than chance from block to block explains."""
    gains = np.array([block.mean() for block in np.array_split(other - found, BLOCKS)])
    return bool(gains.mean() > SURE * gains.std(ddof=1) / np.sqrt(BLOCKS))


def loss(answer: np.ndarray, labels: np.ndarray, task: str) -> float:
    """Mean of `losses`."""
    return float(losses(answer, labels, task).mean())


def losses(answer: np.ndarray, labels: np.ndarray, task: str) -> np.ndarray:
    """Cross-entropy in nats of labels 0 and 1 or class indices, or squared error, of each row, [N]."""
    if task == "regression":
        return np.asarray((answer[:, 0] - labels) ** 2)
    if task == "binary":
        return np.asarray(np.logaddexp(0, np.where(labels > 0.5, -answer[:, 0], answer[:, 0])))
    return np.asarray(-log_softmax(answer, axis=1)[np.arange(len(labels)), labels])
