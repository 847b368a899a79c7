"""Forward selection of ensemble members on out-of-sample predictions. No TensorFlow.

Candidates are considered from simple to complex, starting with the prior. A candidate replaces the current model if its
loss is significantly lower, and is blended with it if a blend has a significantly lower loss. Otherwise the simpler
model stays: it costs less to train, serve and explain.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.trainer.ensemble_loss import gain, losses

SHARES = (0.25, 0.5, 0.75)
"""Weights of the new member in a blend. Finer steps would overfit the validation split."""
LOSS = {"binary": "log loss", "multiclass": "log loss", "regression": "squared error"}


@dataclass(frozen=True)
class Selection:
    """Result of a selection.

    Attributes:
      weights: Weight of each candidate, 0 if it is not a member.
      reasons: Why each candidate is or is not a member, as a clause.
    """

    weights: Mapping[str, float]
    reasons: Mapping[str, str]

    def blend(self, predictions: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the weighted mean of the candidates' predictions, [V, outputs]."""
        return np.asarray(sum(weight * predictions[name] for name, weight in self.weights.items() if weight))


def select(
    predictions: Mapping[str, np.ndarray], labels: np.ndarray, task: str, blocks: np.ndarray | None = None
) -> Selection:
    """Selects and weights members.

    Args:
      predictions: Out-of-sample predictions of each candidate, [V, outputs]; the simplest candidate first.
      labels: Labels, [V], as `losses` expects them.
      task: binary, multiclass or regression.
      blocks: See `gain`.
    """
    names = list(predictions)
    current = {names[0]: 1.0}
    reasons = {names[0]: "the simplest candidate"}

    def losses_of(weights: Mapping[str, float]) -> np.ndarray:
        return losses(np.asarray(sum(weight * predictions[one] for one, weight in weights.items())), labels, task)

    for name in names[1:]:
        before, now = losses_of(current), losses_of({name: 1.0})
        alone = gain(now, before, blocks)
        reasons[name] = f"{LOSS[task]} {now.mean():.4g}, {alone} {_named(current)}"
        follows = f"replaced by {name}"
        mixed = [
            {**{one: weight * (1 - share) for one, weight in current.items()}, name: share}
            for share in SHARES
            if names[0] not in current or len(names) == 1
        ]
        if alone.significant:
            for one in current:
                reasons[one] = follows
            current, before = {name: 1.0}, now
        best = min(mixed, key=lambda weights: float(losses_of(weights).mean()), default=None)
        if best is not None and (together := gain(losses_of(best), before, blocks)).significant:
            current = best
            reasons[name] += f"; blended, {together}"
            for one in current:
                if reasons[one] == follows:
                    reasons[one] = f"blended with {name}"
        elif name not in current:
            reasons[name] += ": not significantly better"
    weights = {name: round(current.get(name, 0.0), 6) for name in names}
    return Selection(weights, reasons)


def _named(weights: Mapping[str, float]) -> str:
    return " + ".join(weights)
