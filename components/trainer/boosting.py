"""Gradient-boosted trees, stopped in time: scikit-learn's histogram boosting (Ke et al.: LightGBM, NeurIPS 2017)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.trainer.blending import loss

ROUNDS = 25
"""Rounds between two looks at the validation loss."""
PATIENCE = 3
"""Looks without a better loss before it stops."""
LEAST_ROWS = 20
"""Rows of a leaf; fewer where there are few rows at all."""


@dataclass(frozen=True)
class Boosted:
    """A fitted booster, of which the first `rounds` rounds are the model; `loss` is their validation loss."""

    booster: Any
    rounds: int
    loss: float | None = None


def fit_until_best(
    table: np.ndarray,
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    problem: "Problem",
    weights: np.ndarray | None = None,
    shift: np.ndarray | None = None,
) -> Boosted:
    """Boosts until the validation loss has not fallen for a while.

    Args:
      table: Training rows, float32 [N, D], see table.TreeTable.
      labels: 0 and 1, class indices, or numbers, [N].
      validation: The same of the rows to stop by.
      problem: What is to be learned, and how.
      weights: Of the training rows, [N]; None is all alike.
      shift: Added to the answers before they are judged, see balancing.Learned.
    """
    booster = problem.booster(len(table), warm_start=True)
    best, rounds, since = float("inf"), 0, 0
    most = problem.settings["rounds"]
    for stop in [*range(ROUNDS, most, ROUNDS), most]:
        booster.set_params(max_iter=stop)
        if stop > ROUNDS:
            # A continued fit would draw the same columns for its trees as the first one did.
            booster._feature_subsample_seed = problem.seed + stop
        with _alone():
            booster.fit(table, labels, sample_weight=weights)
            answer = booster._raw_predict(validation[0])
        found = loss(answer if shift is None else answer + shift, validation[1], problem.task)
        if found < best:
            best, rounds, since = found, stop, 0
        elif (since := since + 1) >= PATIENCE:
            break
    return Boosted(booster, rounds, best)


def fit_rounds(
    table: np.ndarray, labels: np.ndarray, rounds: int, problem: "Problem", weights: np.ndarray | None = None
) -> Boosted:
    """Boosts for so many rounds; the arguments are those of `fit_until_best`."""
    booster = problem.booster(len(table)).set_params(max_iter=rounds)
    with _alone():
        return Boosted(booster.fit(table, labels, sample_weight=weights), rounds)


def _alone() -> Any:
    """One thread: threads meet for every node, and beside other work on two cores each waits for the slowest.

    75 rounds on 82,599 flights then took 1.7 s with one thread, and 24 and 122 s with two.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


@dataclass(frozen=True)
class Problem:
    """A task with K classes (0 for other tasks), its categorical columns (the first ones), settings and seed.

    `settings` is pipeline.toml's table `training.trees`.
    """

    task: str
    classes: int
    categorical: int
    settings: Mapping[str, Any]
    seed: int

    def booster(self, rows: int, warm_start: bool = False) -> Any:
        """An unfitted booster for so many rows."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingRegressor if self.task == "regression" else HistGradientBoostingClassifier
        return kind(
            learning_rate=self.settings["learning_rate"],
            max_leaf_nodes=self.settings["leaves"],
            min_samples_leaf=int(np.clip(rows // 100, 2, LEAST_ROWS)),
            l2_regularization=self.settings["l2"],
            max_features=self.settings["columns"],
            categorical_features=list(range(self.categorical)) or None,
            early_stopping=False,
            warm_start=warm_start,
            random_state=self.seed,
        )
