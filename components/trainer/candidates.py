"""Candidate models: each predicts the validation rows of all folds, then is fitted once more as an ensemble member."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from components.shared.images.pixels import PIXELS
from components.shared.progress import report_progress
from components.trainer.class_balancing import BalancedRows
from components.trainer.ensemble import LinearMember, Member, PriorMember, TreesMember
from components.trainer.feature_matrix import FeatureMatrix
from components.trainer.gradient_boosting import BoostingProblem, BoostingRows, BoostingValidation, fit_rounds, validate
from components.trainer.lightgbm_text import read_trees
from components.trainer.linear import Linear, LinearWeights, fit_linear
from components.trainer.network_layers import Shape
from components.trainer.training_columns import TrainingColumns
from components.trainer.tree_graph import TreeGraph
from components.trainer.tree_tables import tables_of

LINEAR_ONLY = "standardized"
"""Matrix of standardised numbers, read by the linear model only; the other models do better on quantile ranks."""


@dataclass(frozen=True)
class TaskSpec:
    """The learning task.

    Attributes:
      kind: binary, multiclass or regression.
      classes: Number of classes of a multiclass label; 0 for other tasks.
      ids: Size of the joint vocabulary of the categorical columns.
      ordered: Whether the rows are ordered in time, so that the model will predict later rows.
    """

    kind: str
    classes: int
    ids: int
    ordered: bool = False

    @property
    def outputs(self) -> int:
        """Number of columns of a prediction: K for K classes, else 1."""
        return max(self.classes, 1)

    def shape(self, rows: TrainingColumns) -> Shape:
        """Returns the input and output sizes of a network for these rows."""
        widths, images = {}, {}
        for name, matrix in rows.features.items():
            if name.startswith(PIXELS):
                images[name] = (matrix.shape[1], matrix.shape[2], matrix.shape[3])
            elif name != LINEAR_ONLY:
                widths[name] = matrix.shape[1]
        return Shape(widths, self.ids, self.outputs, images)


@dataclass(frozen=True)
class FoldRows:
    """Training rows of a fold, after class balancing and augmentation, and its unchanged validation rows."""

    learned: BalancedRows
    validation: TrainingColumns


@dataclass
class Clock:
    """Deadline of the fit, and wall-clock seconds by candidate.

    The deadline is in CPU time of this process, so that other processes on the machine slow training down without
    changing the resulting model.

    Attributes:
      deadline: CPU seconds of this process (`time.process_time`).
      spent: Wall-clock seconds by candidate name.
    """

    deadline: float
    spent: dict[str, float] = field(default_factory=dict)

    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.process_time() > self.deadline

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """Calls `work`, adds its wall-clock time to `spent[name]` and returns its result."""
        began = time.monotonic()
        report_progress(name)
        try:
            return work()
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.monotonic() - began


class Candidate(Protocol):
    """A kind of model that can be validated on folds and fitted as a member of the ensemble."""

    name: str

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """Fits on each fold and returns the predictions of its validation rows.

        Returns:
          [V, outputs] for each fold, before the prior correction of class_balancing.py; None if the candidate cannot be
          trained on these rows.
        """

    def fit(self, learned: BalancedRows | None) -> Member:
        """Returns the member, fitted on `learned` with what validation selected; None reuses the last fold's model."""

    def report(self) -> Mapping[str, Any]:
        """Returns the entries that the candidate adds to training.json."""


class Prior:
    """The baseline that predicts the share of each class, or the mean."""

    name = "prior"

    def __init__(self, task: TaskSpec) -> None:
        self._task = task

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """See Candidate."""
        self._predictions = [self._answer(fold.learned) for fold in folds]
        return [
            np.tile(prediction, (len(fold.validation), 1))
            for prediction, fold in zip(self._predictions, folds, strict=True)
        ]

    def _answer(self, learned: BalancedRows) -> np.ndarray:
        labels, weights = learned.rows.labels, learned.weights
        if self._task.kind == "regression":
            return np.array([np.average(labels, weights=weights)])
        classes = max(self._task.classes, 2)
        # Half a row is added to each class, so that no logarithm is infinite.
        shares = np.bincount(labels.astype(np.int64), weights, classes) + 0.5
        logs = np.log(shares / shares.sum())
        return logs if self._task.kind == "multiclass" else logs[1:] - logs[:1]

    def fit(self, learned: BalancedRows | None) -> Member:
        """See Candidate."""
        return PriorMember(self._predictions[-1] if learned is None else self._answer(learned))

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        return {}


class LinearCandidate:
    """The linear model of linear.py."""

    name = "linear"

    def __init__(self, task: TaskSpec, seed: int) -> None:
        self._task, self._seed = task, seed
        self.weights: list[LinearWeights] = []
        """Weights of each fold."""
        self.last: LinearWeights | None = None
        """Weights of the final fit."""

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """See Candidate."""
        found = [self._fit(fold.learned) for fold in folds]
        if any(weights is None for weights in found):
            return None
        self.weights = [weights for weights in found if weights is not None]
        raw = [weights.raw(fold.validation.features) for weights, fold in zip(self.weights, folds, strict=True)]
        return [normalized(each, self._task.kind) for each in raw]

    def _fit(self, learned: BalancedRows) -> LinearWeights | None:
        task = self._task
        return fit_linear(learned.rows, task.kind, task.classes, task.ids, self._seed, learned.weights)

    def fit_weights(self, learned: BalancedRows | None) -> LinearWeights:
        """Returns the final weights; they are fitted once and shared by all members that use them."""
        if self.last is None:
            self.last = (None if learned is None else self._fit(learned)) or self.weights[-1]
        return self.last

    def fit(self, learned: BalancedRows | None) -> Member:
        """See Candidate."""
        return LinearMember(Linear(self.fit_weights(learned)), self._task.kind)

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        return {}


class TreesCandidate:
    """Gradient-boosted trees, see gradient_boosting.py; with `base` they fit the residuals of the linear model."""

    def __init__(
        self,
        task: TaskSpec,
        settings: Mapping[str, Any],
        rounds: int,
        clock: Clock,
        base: LinearCandidate | None = None,
    ) -> None:
        self.name = "trees" if base is None else "trees on linear residuals"
        self._task, self._settings, self._rounds, self._clock, self._base = task, settings, rounds, clock, base
        self._found: BoostingValidation | None = None
        self._trained_on, self.rounds = 0.0, 0
        self._table: FeatureMatrix | None = None

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """See Candidate."""
        # The codes depend on category frequencies and not on labels, so one table can serve all folds. The last fold
        # has the most rows.
        self._table = FeatureMatrix(folds[-1].learned.rows.features, self._task.ids)
        lines = [None] * len(folds) if self._base is None else self._base.weights
        if not lines:  # the linear model cannot be trained on these rows
            return None
        training, validation = [], []
        for fold, line in zip(folds, lines, strict=True):
            training.append(self._rows(fold.learned.rows, line, fold.learned.weights))
            validation.append(self._rows(fold.validation, line))
        shifts = [fold.learned.shift for fold in folds]
        self._trained_on = float(np.mean([len(fold.learned.rows) for fold in folds]))
        self._found = validate(training, validation, self._problem(), shifts, self._rounds, self._clock.late)
        self.rounds = self._found.rounds
        return [normalized(prediction, self._task.kind) for prediction in self._found.predictions]

    def fit(self, learned: BalancedRows | None) -> Member:
        """See Candidate."""
        assert self._found is not None and self._table is not None
        line = None if self._base is None else self._base.fit_weights(learned)
        table, booster = self._table, self._found.boosters[-1]
        if learned is not None:
            table = FeatureMatrix(learned.rows.features, self._task.ids)
            rows = self._rows(learned.rows, line, learned.weights, table)
            # The best number of rounds grows with the number of rows, and the folds had fewer.
            self.rounds = min(self._rounds, round(self._found.rounds * len(learned.rows) / self._trained_on))
            booster = fit_rounds(rows, self._problem(), self.rounds)
        trees = read_trees(booster.booster, self.rounds)
        forest = TreeGraph(tables_of(trees, self._task.outputs, table.categorical))
        return TreesMember(table, forest, self._task.kind, None if line is None else Linear(line))

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        if self._found is None:
            return {}
        return {"rounds": self.rounds, **({"stopped_by_clock": True} if self._found.stopped else {})}

    def _rows(
        self,
        rows: TrainingColumns,
        line: LinearWeights | None,
        weights: np.ndarray | None = None,
        table: FeatureMatrix | None = None,
    ) -> BoostingRows:
        table = table or self._table
        assert table is not None
        base = None if line is None else line.raw(rows.features)
        return BoostingRows(table(rows.features).numpy(), rows.labels, weights, base)

    def _problem(self) -> BoostingProblem:
        assert self._table is not None
        task, settings = self._task, self._settings
        return BoostingProblem(task.kind, task.classes, self._table.categorical, settings["trees"], settings["seed"])


def normalized(raw: np.ndarray, task: str) -> np.ndarray:
    """Returns raw scores as predictions: log-probabilities for a multiclass task, else the scores unchanged."""
    if task != "multiclass":
        return raw
    return np.asarray(tf.nn.log_softmax(raw).numpy())
