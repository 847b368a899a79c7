"""The candidates for the model: each answers the validation rows of all folds, then is trained once for the model."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from components.shared.progress import note
from components.trainer.class_balancing import Learned
from components.trainer.ensemble import LinearMember, Member, PriorMember, TreesMember
from components.trainer.feature_matrix import TreeTable
from components.trainer.gradient_boosting import Problem, Rows, Validated, fit_rounds, validate
from components.trainer.lightgbm_text import read_trees
from components.trainer.linear import Linear, LinearWeights, fit_linear
from components.trainer.network_layers import Shape
from components.trainer.training_columns import Columns
from components.trainer.tree_graph import Forest
from components.trainer.tree_tables import tables_of

LINEAR_ONLY = "standardized"
"""The matrix that the linear model alone reads: ranks say more to the others."""


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
      kind: binary, multiclass or regression.
      classes: Of a multiclass label, else 0.
      ids: In the vocabulary.
      ordered: Whether the rows are ordered in time, and the model will be asked about later ones.
    """

    kind: str
    classes: int
    ids: int
    ordered: bool = False

    @property
    def outputs(self) -> int:
        """Columns of an answer."""
        return max(self.classes, 1)

    def shape(self, rows: Columns) -> Shape:
        """What the network has to fit."""
        widths = {name: matrix.shape[1] for name, matrix in rows.features.items() if name != LINEAR_ONLY}
        return Shape(widths, self.ids, self.outputs)


@dataclass(frozen=True)
class FoldRows:
    """Rows of a fold: to train on, after the data steps, and to validate on, as they came."""

    learned: Learned
    validation: Columns


@dataclass
class Clock:
    """Seconds spent, by candidate, and the deadline.

    The deadline is of this process's CPU time: other processes on the machine may slow a training down, but not change
    the model that comes of it.

    Attributes:
      deadline: CPU seconds of this process.
      spent: Seconds by the clock on the wall.
    """

    deadline: float
    spent: dict[str, float] = field(default_factory=dict)

    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.process_time() > self.deadline

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """What `work` returns."""
        began = time.monotonic()
        note(name)
        try:
            return work()
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.monotonic() - began


class Candidate(Protocol):
    """One kind of model."""

    name: str

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """Answers to each fold's validation rows, [V, outputs], not shifted; None where it cannot be trained."""

    def fit(self, learned: Learned | None) -> Member:
        """The member, trained on these rows as the validation found best; None takes that of the last fold."""

    def report(self) -> Mapping[str, Any]:
        """What training.json says of it."""


class Prior:
    """The share of the positive class, of each class, or the mean."""

    name = "prior"

    def __init__(self, task: Task) -> None:
        self._task = task

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """See Candidate."""
        self._answers = [self._answer(fold.learned) for fold in folds]
        return [np.tile(answer, (len(fold.validation), 1)) for answer, fold in zip(self._answers, folds, strict=True)]

    def _answer(self, learned: Learned) -> np.ndarray:
        labels, weights = learned.rows.labels, learned.weights
        if self._task.kind == "regression":
            return np.array([np.average(labels, weights=weights)])
        classes = max(self._task.classes, 2)
        # Half a row more of each class, so that no logarithm is infinite.
        shares = np.bincount(labels.astype(np.int64), weights, classes) + 0.5
        logs = np.log(shares / shares.sum())
        return logs if self._task.kind == "multiclass" else logs[1:] - logs[:1]

    def fit(self, learned: Learned | None) -> Member:
        """See Candidate."""
        return PriorMember(self._answers[-1] if learned is None else self._answer(learned))

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        return {}


class LinearCandidate:
    """The linear model, see linear.py."""

    name = "linear"

    def __init__(self, task: Task, seed: int) -> None:
        self._task, self._seed = task, seed
        self.weights: list[LinearWeights] = []
        """Of each fold."""
        self.last: LinearWeights | None = None
        """Of the final fit."""

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """See Candidate."""
        found = [self._fit(fold.learned) for fold in folds]
        if any(weights is None for weights in found):
            return None
        self.weights = [weights for weights in found if weights is not None]
        raw = [weights.raw(fold.validation.features) for weights, fold in zip(self.weights, folds, strict=True)]
        return [normalized(each, self._task.kind) for each in raw]

    def _fit(self, learned: Learned) -> LinearWeights | None:
        task = self._task
        return fit_linear(learned.rows, task.kind, task.classes, task.ids, self._seed, learned.weights)

    def fit_weights(self, learned: Learned | None) -> LinearWeights:
        """The weights of the member; fitted once, however many members use them."""
        if self.last is None:
            self.last = (None if learned is None else self._fit(learned)) or self.weights[-1]
        return self.last

    def fit(self, learned: Learned | None) -> Member:
        """See Candidate."""
        return LinearMember(Linear(self.fit_weights(learned)), self._task.kind)

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        return {}


class TreesCandidate:
    """Boosted trees, see boosting.py; with `base` they are added to the linear model's raw score."""

    def __init__(
        self,
        task: Task,
        settings: Mapping[str, Any],
        rounds: int,
        clock: Clock,
        base: LinearCandidate | None = None,
    ) -> None:
        self.name = "trees" if base is None else "trees on linear residuals"
        self._task, self._settings, self._rounds, self._clock, self._base = task, settings, rounds, clock, base
        self._found: Validated | None = None
        self._trained_on, self.rounds = 0.0, 0
        self._table: TreeTable | None = None

    def validate(self, folds: Sequence[FoldRows]) -> list[np.ndarray] | None:
        """See Candidate."""
        # Codes follow frequencies alone and no label, so one table serves all folds: the last fold's rows are most.
        self._table = TreeTable(folds[-1].learned.rows.features, self._task.ids)
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
        return [normalized(answer, self._task.kind) for answer in self._found.answers]

    def fit(self, learned: Learned | None) -> Member:
        """See Candidate."""
        assert self._found is not None and self._table is not None
        line = None if self._base is None else self._base.fit_weights(learned)
        table, booster = self._table, self._found.boosters[-1]
        if learned is not None:
            table = TreeTable(learned.rows.features, self._task.ids)
            rows = self._rows(learned.rows, line, learned.weights, table)
            # The best number of rounds grows with the rows, and the folds were trained on fewer.
            self.rounds = min(self._rounds, round(self._found.rounds * len(learned.rows) / self._trained_on))
            booster = fit_rounds(rows, self._problem(), self.rounds)
        trees = read_trees(booster.booster, self.rounds)
        forest = Forest(tables_of(trees, self._task.outputs, table.categorical))
        return TreesMember(table, forest, self._task.kind, None if line is None else Linear(line))

    def report(self) -> Mapping[str, Any]:
        """See Candidate."""
        if self._found is None:
            return {}
        return {"rounds": self.rounds, **({"stopped_by_clock": True} if self._found.stopped else {})}

    def _rows(
        self,
        rows: Columns,
        line: LinearWeights | None,
        weights: np.ndarray | None = None,
        table: TreeTable | None = None,
    ) -> Rows:
        table = table or self._table
        assert table is not None
        base = None if line is None else line.raw(rows.features)
        return Rows(table(rows.features).numpy(), rows.labels, weights, base)

    def _problem(self) -> Problem:
        assert self._table is not None
        task, settings = self._task, self._settings
        return Problem(task.kind, task.classes, self._table.categorical, settings["trees"], settings["seed"])


def normalized(raw: np.ndarray, task: str) -> np.ndarray:
    """Raw scores as answers: of several classes log-probabilities."""
    if task != "multiclass":
        return raw
    return np.asarray(tf.nn.log_softmax(raw).numpy())
