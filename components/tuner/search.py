"""The search strategy: keras-tuner's oracles propose the settings of each trial.

KerasTuner's model and project folder are not used: the model consists of trees and a network, and trial_store.py keeps
the trials. The same seed and scores give the same proposals. A search that was killed therefore repeats its proposals
and reads their scores from the trial store until it reaches the first unfinished trial.
"""

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.base_tuner import BaseTuner
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from components.tuner.search_space import Hyperparameter
from components.tuner.trial_store import Trial

AS_THEY_ARE: Mapping[str, Any] = {}
"""Settings of the first trial: the current ones, unchanged."""

FIRST_POINTS = 3
"""Minimum random trials before the Bayesian search uses their scores; a third of all trials if that is more."""

NOISE = 0.01
"""Variance of a score over repeated trainings, relative to the variance between trials."""

RESTARTS = 2
"""Restarts when fitting the length scale of the Gaussian process; keras-tuner's 20 take seconds per trial."""


def search(
    knobs: Sequence[Hyperparameter],
    start: Mapping[str, Any],
    attempt: Callable[[int, Mapping[str, Any]], Trial],
    *,
    trials: int,
    seconds: float = 0.0,
    rising: bool = False,
    method: str = "bayesian",
    seed: int = 13,
) -> list[Trial]:
    """Runs trials, the first one with the current settings.

    Args:
      knobs: The search space.
      start: Current value of each setting; a value outside of the space is represented by its nearest edge.
      attempt: Runs a trial, given its number and its settings by dotted name.
      trials: Maximum number of trials.
      seconds: Total seconds of trials after which no further trial is started; 0 for no limit.
      rising: Whether a higher score is better.
      method: "bayesian", a Gaussian process with an upper confidence bound (keras-tuner's BayesianOptimization), or
        "random".
      seed: Seed of the search.

    Returns:
      The trials in order; fewer than `trials` if the time or the space is exhausted.
    """
    tuner = _Tuner(_oracle(knobs, start, trials, seconds, rising, method, seed), knobs, attempt)
    try:
        tuner.search()
    except kt.errors.FatalError as exc:  # raised by run_trial
        raise (exc.__cause__ or exc) from None
    finally:
        tuner.forget()
    return tuner.done


class _Tuner(BaseTuner):
    """Runs `attempt` for the settings of each trial."""

    def __init__(
        self, oracle: Any, knobs: Sequence[Hyperparameter], attempt: Callable[[int, Mapping[str, Any]], Trial]
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="plumbline-tuner-")
        super().__init__(oracle, directory=self._scratch.name, project_name="search", overwrite=True)
        self._knobs, self._attempt = knobs, attempt
        self.done: list[Trial] = oracle.done

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
        """Runs one trial and returns its score, lower is better."""
        number = int(trial.trial_id)
        values = trial.hyperparameters.values
        settings = AS_THEY_ARE if number == 0 else {knob.name: knob.value(values[knob.name]) for knob in self._knobs}
        try:
            found = self._attempt(number, settings)
        except Exception as exc:
            # keras-tuner would count any other exception as a failed trial, and so hide bugs.
            raise kt.errors.FatalError(str(exc)) from exc
        self.done.append(found)
        if found.score is None:
            raise kt.errors.FailedTrialError(found.failed)
        return found.score if not self.oracle.rising else -found.score

    def forget(self) -> None:
        """Deletes keras-tuner's own files."""
        self._scratch.cleanup()


def _oracle(
    knobs: Sequence[Hyperparameter],
    start: Mapping[str, Any],
    trials: int,
    seconds: float,
    rising: bool,
    method: str,
    seed: int,
) -> Any:
    space = kt.HyperParameters()
    for knob in knobs:
        _declare(space, knob)
    first = {knob.name: knob.nearest(start[knob.name]) for knob in knobs}
    options: dict[str, Any] = {}
    kind = kt.oracles.RandomSearchOracle
    if method == "bayesian":
        options = {"num_initial_points": max(FIRST_POINTS, trials // 3), "alpha": NOISE}
        kind = kt.oracles.BayesianOptimizationOracle

    class Oracle(kind):  # type: ignore[misc, valid-type]
        """Proposes the current settings first, and stops when the time is up."""

        def __init__(self) -> None:
            super().__init__(
                objective=kt.Objective("score", "min"),
                max_trials=trials,
                hyperparameters=space,
                seed=seed or 1,  # keras-tuner treats 0 as no seed
                max_consecutive_failed_trials=trials + 1,
                **options,
            )
            if method == "bayesian":
                self.gpr.set_params(n_restarts_optimizer=RESTARTS)
            self.verbose = 0
            self.rising = rising
            self.done: list[Trial] = []

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            """Returns the settings of the next trial."""
            if not self.done:
                return {"status": "RUNNING", "values": dict(first)}
            if seconds and sum(trial.seconds for trial in self.done) >= seconds:
                return {"status": "STOPPED", "values": None}
            with threadpool_limits(1), warnings.catch_warnings():
                # Threads do not pay for matrices of a few rows, and a length scale at its bound is acceptable.
                warnings.simplefilter("ignore", ConvergenceWarning)
                found: dict[str, Any] = super().populate_space(trial_id)
            return found

    return Oracle()


def _declare(space: Any, knob: Hyperparameter) -> None:
    """Declares a setting to keras-tuner; a choice by its index, because keras-tuner has no array values."""
    sampling = "log" if knob.log else "linear"
    if knob.choices:
        space.Choice(knob.name, list(range(len(knob.choices))), ordered=True)
    elif knob.low == knob.high:
        space.Fixed(knob.name, int(knob.low) if knob.whole else knob.low)
    elif knob.whole:
        space.Int(knob.name, int(knob.low), int(knob.high), sampling=sampling)
    else:
        space.Float(knob.name, knob.low, knob.high, sampling=sampling)
