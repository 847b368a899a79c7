"""Which members make the model: from simple to complex, each enters only if it is better beyond chance. Pure.

Forward selection on out-of-sample answers. The current model is first the prior. A candidate replaces it if its loss is
lower beyond chance, and joins it if a blend of the two is. Otherwise the simpler model stays: among ties it costs less
to train, to serve and to explain.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.trainer.ensemble_loss import gain, losses

SHARES = (0.25, 0.5, 0.75)
"""Of the new member in a blend. Finer steps would fit the validation rows, not the rows that come."""
LOSS = {"binary": "log loss", "multiclass": "log loss", "regression": "squared error"}


@dataclass(frozen=True)
class Selection:
    """Weight of each candidate, 0 if it is not in the model; and why, in a clause."""

    weights: Mapping[str, float]
    reasons: Mapping[str, str]

    def blend(self, answers: Mapping[str, np.ndarray]) -> np.ndarray:
        """The weighted mean of the members' answers, [V, outputs]."""
        return np.asarray(sum(weight * answers[name] for name, weight in self.weights.items() if weight))


def select(
    answers: Mapping[str, np.ndarray], labels: np.ndarray, task: str, blocks: np.ndarray | None = None
) -> Selection:
    """Selects among candidates.

    Args:
      answers: Candidate -> its answers to rows that it was not trained on, [V, outputs]; the simplest first.
      labels: [V], as `losses` takes them.
      task: binary, multiclass or regression.
      blocks: See `gain`.
    """
    names = list(answers)
    current = {names[0]: 1.0}
    reasons = {names[0]: "the simplest candidate"}

    def losses_of(weights: Mapping[str, float]) -> np.ndarray:
        return losses(np.asarray(sum(weight * answers[one] for one, weight in weights.items())), labels, task)

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
        if alone.beyond_chance:
            for one in current:
                reasons[one] = follows
            current, before = {name: 1.0}, now
        best = min(mixed, key=lambda weights: float(losses_of(weights).mean()), default=None)
        if best is not None and (together := gain(losses_of(best), before, blocks)).beyond_chance:
            current = best
            reasons[name] += f"; blended, {together}"
            for one in current:
                if reasons[one] == follows:
                    reasons[one] = f"blended with {name}"
        elif name not in current:
            reasons[name] += ": not better beyond chance"
    weights = {name: round(current.get(name, 0.0), 6) for name in names}
    return Selection(weights, reasons)


def _named(weights: Mapping[str, float]) -> str:
    return " + ".join(weights)
