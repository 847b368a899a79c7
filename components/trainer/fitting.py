"""Fits the model: validates the candidates, selects and weights members, and refits the members on all rows.

Candidates are first fitted without the validation split, which selects members, boosting rounds, epochs, the
temperature and the decision threshold. The members are then refitted on all rows with the selected rounds and epochs,
because the newest rows resemble the rows to be predicted most: leaving them out costs more than the selection gains.
The network, whose fit is expensive, is refitted only if it is a member.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np

from components.shared.images.pixels import PIXELS
from components.shared.progress import report_progress
from components.trainer.candidates import (
    Candidate,
    Clock,
    FoldRows,
    LinearCandidate,
    Prior,
    TaskSpec,
    TreesCandidate,
)
from components.trainer.class_balancing import BalancedRows, as_they_are
from components.trainer.cross_validation import CrossValidation
from components.trainer.ensemble import Ensemble
from components.trainer.ensemble_loss import choose_temperature
from components.trainer.network_candidate import NetworkCandidate
from components.trainer.time_budget import OVERTIME, Size, TrainingPlan, plan_training
from components.trainer.training_columns import TrainingColumns
from components.trainer.validation_split import Fold, folds_of, hold_out

FORCED = {"linear": ("linear",), "trees": ("trees",), "network": ("network",), "blend": ("trees", "network")}
"""Candidates by value of the setting [training] model; "auto" allows all."""


@dataclass
class Fitted:
    """A fitted model and its out-of-sample predictions.

    Attributes:
      model: The ensemble, fitted on all rows.
      labels: Labels of the validation rows of all folds, [V].
      answer: Out-of-sample predictions of the blend for these rows, [V, outputs].
      folds: Fold number of each validation row, [V].
      report: Members, weights, temperature and times, for training.json.
    """

    model: Ensemble
    labels: np.ndarray
    answer: np.ndarray
    folds: np.ndarray
    report: dict[str, Any] = field(default_factory=dict)


def fit(
    rows: TrainingColumns,
    task: TaskSpec,
    settings: Mapping[str, Any],
    prepare: Callable[[TrainingColumns], BalancedRows] = as_they_are,
    logs: str = "",
) -> Fitted:
    """Fits the model on all rows, or without the validation split if `settings["refit"]` is off.

    Args:
      rows: At least two rows, ordered in time if they have an order, else shuffled; labels of a regression are
        standardised.
      task: The learning task.
      settings: Section `training` of pipeline.toml.
      prepare: Applied to the training rows of each fit (see class_balancing.DataSteps), never to validation rows.
      logs: Folder for TensorBoard; "" for none.

    Returns:
      The fitted model.
    """
    began = time.monotonic()
    share, refit = settings["validation_share"], settings["refit"]
    columns = sum(
        rows.features[name].shape[1] for name in ("categorical", "numeric", "cyclical") if name in rows.features
    )
    pixels = sum(prod(matrix.shape[1:]) for name, matrix in rows.features.items() if name.startswith(PIXELS))
    size = Size(len(rows), max(columns, 1), task.outputs, pixels)
    folds = folds_of(len(rows), share, task.ordered) if refit else hold_out(len(rows), share)
    fits = sum(end - begin for fold in folds for begin, end in fold.training) / len(rows) + refit
    planned = plan_training(settings["time_budget"], size, settings, fits)
    if planned.cheap:
        folds = hold_out(len(rows), share)
    clock = Clock(time.process_time() + OVERTIME * planned.seconds)
    parts = [_fold_rows(rows, fold, prepare) for fold in folds]
    validated = CrossValidation(task, parts)
    candidates = _candidates(task, settings, planned, clock)
    for candidate in candidates:
        validated.add(candidate, clock)
    network = _network(task, settings, planned, logs)
    selection = validated.selection(planned.reasons)
    if network is None and not selection.weights:
        candidates = [Prior(task)]  # no candidate of the setting can be trained on these rows
        selection = validated.fallback(candidates[0], selection, clock)
    if network is not None:
        selection = validated.with_network(network, selection, settings, planned, clock)
        candidates.append(network)
    whole = prepare(rows) if refit else None
    members, weights = [], []
    for candidate in candidates:
        if weight := selection.weights.get(candidate.name):
            members.append(clock.timed(candidate.name, partial(candidate.fit, whole)))
            weights.append(weight)
    report_progress("")
    temperature = choose_temperature(
        validated.blend(selection),
        validated.labels_of(selection),
        task.kind,
        task.ordered,
        validated.blocks_of(selection),
    )
    shift = (parts[-1].learned if whole is None else whole).shift
    report = {
        "members": [
            {
                "name": name,
                "weight": selection.weights.get(name, 0.0),
                "seconds": round(clock.spent.get(name, 0.0), 3),
                "reason": reason,
            }
            for name, reason in selection.reasons.items()
        ],
        "blend": {name: weight for name, weight in selection.weights.items() if name != "prior" or weight},
        "temperature": temperature,
        "time_budget": planned.seconds,
        "validation_folds": len(folds),
        "refitted": bool(refit),
        "member_seconds": {name: round(seconds, 3) for name, seconds in clock.spent.items()},
        "fit_seconds": round(time.monotonic() - began, 3),
    }
    for candidate in candidates:
        if selection.weights.get(candidate.name) or candidate.name == "trees":
            report |= candidate.report()
    return Fitted(
        Ensemble(members, weights, temperature, shift),
        validated.labels_of(selection),
        validated.blend(selection) / temperature,
        validated.folds_of(selection),
        report,
    )


def _fold_rows(rows: TrainingColumns, fold: Fold, prepare: Callable[[TrainingColumns], BalancedRows]) -> FoldRows:
    (first, *others) = (rows.rows(slice(*stretch)) for stretch in fold.training)
    for other in others:
        first = first.and_then(other)
    return FoldRows(prepare(first), rows.rows(slice(*fold.validation)))


def _candidates(task: TaskSpec, settings: Mapping[str, Any], planned: TrainingPlan, clock: Clock) -> list[Candidate]:
    """All candidates except the network, the simplest first."""
    linear = LinearCandidate(task, settings["seed"])
    found: list[Candidate] = [Prior(task), linear]
    if planned.rounds:
        found.append(TreesCandidate(task, settings, planned.rounds, clock))
    if planned.rounds and task.kind == "regression":
        # Trees cannot extrapolate a trend; fitted on the residuals of a linear model they need not.
        found.append(TreesCandidate(task, settings, planned.rounds, clock, linear))
    wanted = FORCED.get(settings["model"])
    return found if wanted is None else [one for one in found if one.name in wanted]


def _network(task: TaskSpec, settings: Mapping[str, Any], planned: TrainingPlan, logs: str) -> NetworkCandidate | None:
    wanted = FORCED.get(settings["model"])
    if wanted is not None:
        return NetworkCandidate(task, settings, logs) if "network" in wanted else None
    return NetworkCandidate(task, settings, logs)
