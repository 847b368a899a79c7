"""Gradient-boosted trees by LightGBM (Ke et al.: LightGBM, NeurIPS 2017), stopped by the validation loss.

LightGBM, because on the flights it needs less than half the CPU time of scikit-learn's histogram boosting for the same
trees, its wheel is 3.5 MB under the MIT licence, and its model has a documented text format. One thread: threads meet
for every node, and beside other work on two cores each waits for the slowest; 300 rounds on 218,000 flights took 8 s of
CPU time with one thread and 89 s with two. One thread also makes the same rows, settings and seed give the same trees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.trainer.ensemble_loss import loss

EARLY_STEP, STEP, EARLY = 10, 25, 100
"""Rounds between two evaluations of the validation loss, up to the first 100 rounds and after them."""
PATIENCE = 4
"""Evaluations without a lower validation loss before boosting stops."""
LEAST_ROWS = 20
"""Rows of a leaf; fewer where there are few rows at all."""
CATEGORY_SMOOTHING, CATEGORY_L2 = 50.0, 30.0
"""LightGBM's cat_smooth and cat_l2. Its defaults (10, 10) overfit categories of few rows: on a random third of the
flights these raise AUC from 0.7839 to 0.7860."""
FEW_ROWS = 50_000
"""Below that, columns of up to ONE_HOT categories are split one category against the rest, else one of up to 4 (as in
LightGBM's defaults). Splits of sorted categories leave out those of fewer rows than CATEGORY_SMOOTHING: in a leaf of a
small table, most. On 1,429 leaves of 32 species the log loss is 0.008 instead of 0.123, on 11,418 tests AUC is 0.523
instead of 0.513; on 218,000 flights one against the rest up to 32 would cost 0.001 of AUC."""
ONE_HOT = 32


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

    def parameters(self, rows: int) -> dict[str, Any]:
        """LightGBM's parameters for so many rows."""
        objective = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}[self.task]
        return {
            "objective": objective,
            **({"num_class": self.classes} if self.task == "multiclass" else {}),
            "learning_rate": self.settings["learning_rate"],
            "num_leaves": self.settings["leaves"],
            "min_data_in_leaf": int(np.clip(rows // 100, 2, LEAST_ROWS)),
            "min_sum_hessian_in_leaf": 1e-3,
            "lambda_l2": self.settings["l2"] * self._hessian(),
            "feature_fraction": self.settings["columns"],
            "cat_smooth": CATEGORY_SMOOTHING,
            "cat_l2": CATEGORY_L2,
            "max_cat_to_onehot": ONE_HOT if rows < FEW_ROWS else 4,
            "max_bin": 255,
            "num_threads": 1,
            "deterministic": True,
            "force_col_wise": True,
            "seed": self.seed,
            "verbose": -1,
        }

    def _hessian(self) -> float:
        """Second derivative of a row's loss, as a multiple of a binary label's (1/4): with K classes about 4/K.

        L2 regularisation is added to the sum of these in a leaf. Unscaled, it would outweigh all rows of a leaf where
        there are many classes.
        """
        return min(1.0, 4.0 / self.classes) if self.task == "multiclass" else 1.0


@dataclass(frozen=True)
class Rows:
    """What boosting learns from.

    Attributes:
      table: float32 [N, D], NaN where missing, see table.TreeTable.
      labels: 0 and 1, class indices, or numbers, [N].
      weights: Of the rows, [N]; None is all alike.
      base: Raw scores [N, outputs] that the trees are added to; None is none, and the trees begin with the mean.
    """

    table: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
    base: np.ndarray | None = None


class Boosting:
    """A booster that grows; one for each fold of a validation."""

    def __init__(self, rows: Rows, problem: Problem) -> None:
        import lightgbm

        parameters = problem.parameters(len(rows.table))
        data = lightgbm.Dataset(
            rows.table,
            rows.labels,
            weight=rows.weights,
            init_score=None if rows.base is None else rows.base.reshape(-1, order="F"),
            categorical_feature=list(range(problem.categorical)),
            params=parameters,
        )
        self.booster = lightgbm.Booster(parameters, data)
        self.rounds = 0
        self.finished = False
        """Whether no further split was found."""

    def grow(self, rounds: int) -> None:
        """So many rounds more, fewer if no split can be found any more."""
        for _ in range(rounds):
            if self.finished:
                break
            self.finished = bool(self.booster.update())
        # Not counted here: where not even the first round finds a split, LightGBM still keeps its constant trees.
        self.rounds = self.booster.num_trees() // self.booster.num_model_per_iteration()

    def raw(self, table: np.ndarray, start: int) -> np.ndarray:
        """What the rounds from `start` on add to the raw score of other rows, [N, outputs]."""
        if start >= self.rounds:
            return np.zeros((len(table), self.booster.num_model_per_iteration()))
        found = self.booster.predict(
            table, raw_score=True, start_iteration=start, num_iteration=self.rounds - start, num_threads=1
        )
        return np.asarray(found).reshape(len(table), -1)


@dataclass(frozen=True)
class Validated:
    """What boosting is worth on validation rows.

    Attributes:
      rounds: With the lowest loss over all folds.
      answers: Of each fold's validation rows with so many rounds, [V, outputs].
      boosters: Of each fold.
      stopped: Whether the deadline ended it.
    """

    rounds: int
    answers: list[np.ndarray]
    boosters: list[Boosting]
    stopped: bool


def validate(
    training: Sequence[Rows],
    validation: Sequence[Rows],
    problem: Problem,
    shifts: Sequence[np.ndarray | None],
    rounds: int,
    late: Callable[[], bool] = lambda: False,
) -> Validated:
    """Boosts on all folds at once until their common validation loss has stopped falling.

    Args:
      training: Of each fold.
      validation: Of each fold; their `base` is added to the answers.
      problem: What is to be learned, and how.
      shifts: Added to each fold's answers before they are judged, see balancing.Learned.
      rounds: At most.
      late: Whether the deadline has passed; asked between evaluations.
    """
    boosters = [Boosting(rows, problem) for rows in training]
    answers = [np.zeros(1) if rows.base is None else rows.base for rows in validation]
    weights = np.array([len(rows.labels) for rows in validation], float)
    best, chosen, kept, since, stopped = float("inf"), 0, answers, 0, False
    for stop in evaluations(rounds):
        answers = [
            _grown(booster, rows, answer, stop)
            for booster, rows, answer in zip(boosters, validation, answers, strict=True)
        ]
        shifted = [answer if shift is None else answer + shift for answer, shift in zip(answers, shifts, strict=True)]
        each = [loss(answer, rows.labels, problem.task) for answer, rows in zip(shifted, validation, strict=True)]
        found = float(np.average(each, weights=weights))
        if found < best:
            best, chosen, kept, since = found, stop, answers, 0
        elif (since := since + 1) >= PATIENCE:
            break
        stopped = late()
        if stopped or all(booster.finished for booster in boosters):
            break
    return Validated(chosen, kept, boosters, stopped)


def evaluations(rounds: int) -> list[int]:
    """Numbers of rounds after which the validation loss is evaluated; the last one is `rounds`."""
    return [*range(EARLY_STEP, min(rounds, EARLY), EARLY_STEP), *range(EARLY, rounds, STEP), rounds]


def _grown(booster: Boosting, rows: Rows, answer: np.ndarray, stop: int) -> np.ndarray:
    before = booster.rounds
    booster.grow(stop - before)
    return np.asarray(answer + booster.raw(rows.table, before))


def fit_rounds(rows: Rows, problem: Problem, rounds: int) -> Boosting:
    """Boosts for so many rounds."""
    found = Boosting(rows, problem)
    found.grow(rounds)
    return found
