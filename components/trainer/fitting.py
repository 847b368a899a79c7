"""From rows to a blended model: the members learn apart, the newest rows say what each counts for, then all rows teach.

The members are first fitted without the validation rows, which then choose when to stop, the blend, the temperature and
the decision threshold. After that they are fitted again on all rows, for as long as was found best: the newest rows are
those most like what comes next, and holding them out costs more than any choice made on them gains.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from components.progress import note
from components.trainer.balancing import Learned, as_they_are
from components.trainer.blending import Blend, choose
from components.trainer.boosting import Boosted, Problem, fit_rounds, fit_until_best
from components.trainer.ensemble import Ensemble, Member, network_answer
from components.trainer.examples import Columns
from components.trainer.forest import Forest, trees_of
from components.trainer.model import Shape
from components.trainer.network import PREDICTED_ROWS, Trained, fit_network
from components.trainer.table import TreeTable


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
      kind: binary, multiclass or regression.
      classes: Of a multiclass label, else 0.
      ids: In the vocabulary.
      ordered: Whether the rows come in an order of time, and the model will be asked of later ones.
    """

    kind: str
    classes: int
    ids: int
    ordered: bool = False

    def shape(self, rows: Columns) -> Shape:
        """What the network has to fit."""
        widths = {name: matrix.shape[1] for name, matrix in rows.features.items()}
        return Shape(widths, self.ids, max(self.classes, 1))


@dataclass
class Fitted:
    """The model, what it answers for the validation rows [V, outputs] before it saw them, and how it came about."""

    model: Ensemble
    validation_answer: np.ndarray
    report: dict[str, Any] = field(default_factory=dict)


def fit(
    training: Columns,
    validation: Columns,
    task: Task,
    settings: Mapping[str, Any],
    prepare: Callable[[Columns], Learned] = as_they_are,
    logs: str = "",
) -> Fitted:
    """Fits what `settings["model"]` names: "network", "trees", or "blend", which is both.

    Args:
      training: Rows, in the order of time if they have one; a regression's labels in units of their spread.
      validation: The newest rows.
      task: What is learned.
      settings: pipeline.toml's table `training`.
      prepare: What is done to rows before they are learned from (see balancing.DataSteps); never to those that judge.
      logs: Folder for TensorBoard; "" is none.
    """
    members: list[_NetworkMember | _TreesMember] = []
    if settings["model"] in ("blend", "trees"):
        members.append(_TreesMember(task, settings))
    if settings["model"] in ("blend", "network"):
        members.append(_NetworkMember(task, settings, logs))
    answers, seconds = [], {}
    learned = prepare(training)
    for member in members:
        began = time.monotonic()
        answers.append(_shifted(member.first(learned, validation), learned.shift))
        seconds[member.name] = time.monotonic() - began
    blend = choose(answers, validation.labels, task.kind, task.ordered)
    kept = [number for number, weight in enumerate(blend.weights) if weight > 0]
    chosen = Blend(tuple(blend.weights[number] for number in kept), blend.temperature)
    whole = prepare(training.and_then(validation)) if settings["refit"] else None
    parts = []
    for number in kept:
        began = time.monotonic()
        parts.append(members[number].last(whole))
        seconds[members[number].name] += time.monotonic() - began
    note("")
    report: dict[str, Any] = {
        "blend": {member.name: weight for member, weight in zip(members, blend.weights, strict=True)},
        "temperature": blend.temperature,
        "refitted": bool(settings["refit"]),
        "member_seconds": seconds,
    }
    for member in members:
        report |= member.report()
    shift = (learned if whole is None else whole).shift
    return Fitted(Ensemble(parts, chosen, task.kind, shift), blend(answers), report)


def _shifted(answer: np.ndarray, shift: np.ndarray | None) -> np.ndarray:
    return answer if shift is None else answer + shift


class _NetworkMember:
    name = "network"

    def __init__(self, task: Task, settings: Mapping[str, Any], logs: str) -> None:
        self._task, self._settings, self._logs = task, settings, logs
        self._found: Trained | None = None

    def first(self, learned: Learned, validation: Columns) -> np.ndarray:
        training = learned.rows
        shape = self._task.shape(training)
        logs = f"{self._logs}/first" if self._logs else ""
        self._found = fit_network(
            training, validation, shape, self._task.kind, self._settings, learned.weights, logs, learned.shift
        )
        outputs = self._found.model.predict(validation.features, batch_size=PREDICTED_ROWS, verbose=0)
        return network_answer(tf.constant(outputs), self._task.kind).numpy()

    def last(self, learned: Learned | None) -> Member:
        assert self._found is not None
        if learned is None:
            return Member(network=self._found.model)
        whole, weights = learned.rows, learned.weights
        settings = {**self._settings, "epochs": self._found.best_epoch}
        logs = f"{self._logs}/all_rows" if self._logs else ""
        again = fit_network(whole, None, self._task.shape(whole), self._task.kind, settings, weights, logs)
        return Member(network=again.model)

    def report(self) -> dict[str, Any]:
        assert self._found is not None
        return {
            "epochs": self._found.epochs,
            "best_epoch": self._found.best_epoch,
            "examples_per_second": self._found.examples_per_second,
            "bound_by": self._found.bound_by,
        }


class _TreesMember:
    name = "trees"

    def __init__(self, task: Task, settings: Mapping[str, Any]) -> None:
        self._task, self._settings = task, settings
        self._found: Boosted | None = None

    def first(self, learned: Learned, validation: Columns) -> np.ndarray:
        note("trees")
        training = learned.rows
        table, problem = self._table(training)
        judged = table(validation.features).numpy(), validation.labels
        found = fit_until_best(
            table(training.features).numpy(), training.labels, judged, problem, learned.weights, learned.shift
        )
        self._found, self._fitted_table = found, table
        forest = Forest(trees_of(found.booster, found.rounds))
        return Member(table=table, forest=forest).answer(validation.features, self._task.kind).numpy()

    def last(self, learned: Learned | None) -> Member:
        assert self._found is not None
        if learned is None:
            return Member(table=self._fitted_table, forest=Forest(trees_of(self._found.booster, self._found.rounds)))
        note("trees, all rows")
        whole, weights = learned.rows, learned.weights
        table, problem = self._table(whole)
        again = fit_rounds(table(whole.features).numpy(), whole.labels, self._found.rounds, problem, weights)
        return Member(table=table, forest=Forest(trees_of(again.booster)))

    def report(self) -> dict[str, Any]:
        assert self._found is not None
        return {"rounds": self._found.rounds}

    def _table(self, rows: Columns) -> tuple[TreeTable, Problem]:
        table = TreeTable(rows.features, self._task.ids)
        settings = self._settings["trees"]
        return table, Problem(self._task.kind, self._task.classes, table.categorical, settings, self._settings["seed"])
