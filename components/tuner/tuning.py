"""Hyperparameter search: trains and validates every trial as the Trainer does, on one common validation split."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.shared.errors import PlumblineError
from components.shared.progress import progress_scope, report_progress
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from components.trainer.candidates import TaskSpec
from components.trainer.class_balancing import DataSteps
from components.trainer.fitting import fit
from components.trainer.signatures import predictor
from components.trainer.small_data import fitted_to
from components.trainer.training import label_scale, scaled, with_hyperparameters
from components.trainer.training_columns import TrainingColumns
from components.trainer.validation_split import hold_out
from components.tuner.acceptance import decide_acceptance, score_of
from components.tuner.search import search
from components.tuner.search_space import Hyperparameter, around, nested, setting, space_of
from components.tuner.settings import TunerSettings
from components.tuner.trial_store import Trial, TrialStore, attempted

ANSWER = {"binary": "probability", "multiclass": "probabilities", "regression": "prediction"}
"""Output of a task from which the metric is computed."""


@dataclass(frozen=True)
class TuningData:
    """Training data of the search.

    Attributes:
      rows: Labelled rows, ordered in time.
      classes: Names of a multiclass label by index; empty for other tasks.
      ids: Size of the joint vocabulary.
    """

    rows: TrainingColumns
    classes: Sequence[str]
    ids: int


def tune(data: TuningData, tables: Mapping[str, Any], settings: TunerSettings, notebook: TrialStore) -> dict[str, Any]:
    """Searches settings and tests whether the best ones are better.

    The validation split is the newest rows, the same share as for early stopping: they resemble future rows most, and a
    shuffled split would favour settings that overfit this window. Above `settings.max_rows` rows a random sample is
    taken that keeps their order, so that the newest rows still validate.

    Args:
      data: Training data.
      tables: Sections `dataset`, `training`, `balance` and `augmentation` of pipeline.toml, and `ordered`.
      settings: Settings of the search.
      notebook: Stores finished trials.

    Returns:
      The content of best_settings.json: `settings`, the changes to section [training], empty if none is adopted;
      `adopted`; `metric`, its value `before` (None if training fails with the current settings) and `after`, and the
      `best` of any trial; `p_value` of the gain and `alpha`, the significance level; `rows`, `trials`, `ended` (by
      trials, time or space), `seconds`.

    Raises:
      PlumblineError: All trials failed.
      InputError: The rows cannot be trained on.
    """
    task, training = tables["dataset"]["task"], tables["training"]
    metric = settings.metric_of(task)
    evaluation = TrialEvaluation(data, tables, settings)
    space = around(searched(settings.space, training, len(data.rows)), training)
    done: list[Trial] = []

    def attempt(number: int, values: Mapping[str, Any]) -> Trial:
        best = best_of(done, metric)
        so_far = "" if best is None else f", best {metric} {best.score:.4g}"
        text = f"trial {number + 1} of {settings.trials}{so_far}: "
        with progress_scope(text, number, settings.trials, at_most=True):  # [tune] minutes may end it
            report_progress("begins")
            found = notebook.trial(values, lambda: attempted(values, lambda: evaluation.train(values)))
        keras.backend.clear_session()
        done.append(found)
        print(f"trial {number + 1} of {settings.trials}: {found.to_json()}", file=sys.stderr, flush=True)
        return found

    start = {knob.name: setting(training, knob.name) for knob in space}
    search(
        space,
        start,
        attempt,
        trials=settings.trials,
        seconds=60 * settings.minutes,
        rising=metric not in LOWER_IS_BETTER,
        method=settings.method,
        seed=settings.seed,
    )
    report_progress("")
    best = best_of(done, metric)
    if best is None:
        raise PlumblineError(_all_failed(done))
    present, p_value = done[0], None
    adopted = best is not present
    if adopted and present.answer is not None and best.answer is not None:
        looks = sum(trial.score is not None for trial in done[1:])
        labels = evaluation.validation.labels
        p_value = decide_acceptance(task, labels, present.answer, best.answer, metric, looks, settings.seed).p_value
        adopted = settings.alpha >= 1 if p_value is None else p_value <= settings.alpha
    spent = sum(trial.seconds for trial in done)
    late = bool(settings.minutes) and spent >= 60 * settings.minutes
    return {
        "settings": nested(
            {name: value for name, value in best.values.items() if value != start[name]} if adopted else {}
        ),
        "adopted": adopted,
        "metric": metric,
        "before": present.score,
        "after": best.score if adopted else present.score,
        "best": best.score,
        "p_value": p_value,
        "alpha": settings.alpha,
        "rows": {"train": len(evaluation.training), "validation": len(evaluation.validation), "of": len(data.rows)},
        "trials": [trial.to_json() for trial in done],
        "ended": "trials" if len(done) >= settings.trials else "time" if late else "space",
        "seconds": round(spent, 3),
    }


class TrialEvaluation:
    """Trains trials on the older rows and validates them on the newest, as the Trainer does before its final fit."""

    def __init__(self, data: TuningData, tables: Mapping[str, Any], settings: TunerSettings) -> None:
        self._data, self._tables = data, tables
        self._task = tables["dataset"]["task"]
        self._metric = settings.metric_of(self._task)
        rows = subsample(data.rows, settings.max_rows, settings.seed)
        share = fitted_to(tables["training"], len(data.rows))[0]["validation_share"]
        (fold,) = hold_out(len(rows), share)
        self._rows, self._share = rows, share
        self.training, self.validation = (rows.rows(slice(*part)) for part in (fold.training[0], fold.validation))
        self._center, self._spread = label_scale(rows.labels, self._task)

    def train(self, values: Mapping[str, Any]) -> tuple[float, np.ndarray]:
        """Returns score and predictions, [V] or [V, K], of these settings on the validation rows."""
        task, classes, tables = self._task, list(self._data.classes), self._tables
        training = with_hyperparameters(tables["training"], nested(values))
        settings, _ = fitted_to(training, len(self._data.rows))  # for the number of rows that the Trainer will have
        steps = DataSteps(tables.get("balance", {}), tables.get("augmentation", {}), task, classes, settings["seed"])
        fitted = fit(
            scaled(self._rows, self._center, self._spread),
            TaskSpec(task, len(classes), self._data.ids, tables["ordered"]),
            {**settings, "refit": False, "validation_share": self._share},
            steps,
        )
        predict = predictor(task, classes, self._center, self._spread)
        answer = predict(tf.constant(fitted.answer, tf.float32))[ANSWER[task]].numpy()
        return score_of(task, self.validation.labels, answer, self._metric), answer


def searched(overrides: Mapping[str, Any], training: Mapping[str, Any], rows: int) -> tuple[Hyperparameter, ...]:
    """Returns the space without settings that small_data.py overrides for few rows, such as the batch size.

    Args:
      overrides: Section [tune.space].
      training: Section [training].
      rows: Number of training rows.
    """

    def counts(knob: Hyperparameter) -> bool:
        if knob.name not in training:
            return True
        return len({fitted_to({**training, knob.name: end}, rows)[0][knob.name] for end in knob.ends}) > 1

    space = space_of(overrides, training["model"])
    return tuple(knob for knob in space if counts(knob)) or space


def subsample(rows: TrainingColumns, most: int, seed: int) -> TrainingColumns:
    """Returns a random sample of at most `most` rows, in their original order."""
    if len(rows) <= most:
        return rows
    at = np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))
    return TrainingColumns({name: matrix[at] for name, matrix in rows.features.items()}, rows.labels[at])


def best_of(trials: Sequence[Trial], metric: str) -> Trial | None:
    """Returns the trial with the best score, the earliest of ties; None if all failed."""
    scored = [trial for trial in trials if trial.score is not None]
    sign = 1.0 if metric in LOWER_IS_BETTER else -1.0
    return min(scored, key=lambda trial: sign * (trial.score or 0.0), default=None)


def _all_failed(trials: Sequence[Trial]) -> str:
    reasons = [trial.failed for trial in trials]
    most = max(set(reasons), key=reasons.count)
    return f"[tune] none of the {len(trials)} trials could be trained; most frequent reason: {most}"
