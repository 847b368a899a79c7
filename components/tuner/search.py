"""Which settings to try next: keras-tuner's oracles, asked trial after trial.

Neither a KerasTuner model nor its project folder is used: the model is trees and a network, and the trials are kept by
trials.Notebook. The same seed and scores give the same questions, so a search that was killed asks the same again and
is answered from the notebook until it comes to where it was.
"""

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.base_tuner import BaseTuner
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from components.tuner.search_space import Knob
from components.tuner.trial_store import Trial

AS_THEY_ARE: Mapping[str, Any] = {}
"""The first trial changes nothing."""

FIRST_POINTS = 3
"""Trials before the Bayesian search begins to use what it has seen, at least; a third of all if that is more."""

NOISE = 0.01
"""Variance of a score that trains anew with other weights, in units of the scores' variance."""

RESTARTS = 2
"""Of the search for the Gaussian process' length; keras-tuner's 20 cost seconds a trial."""


def search(
    knobs: Sequence[Knob],
    start: Mapping[str, Any],
    attempt: Callable[[int, Mapping[str, Any]], Trial],
    *,
    trials: int,
    seconds: float = 0.0,
    rising: bool = False,
    method: str = "bayesian",
    seed: int = 13,
) -> list[Trial]:
    """Tries settings, the present ones first.

    Args:
      knobs: The space.
      start: Present value of each knob; one that lies outside of the space stands at its edge for the search.
      attempt: Number of the trial and settings by dotted name -> how it went.
      trials: At most.
      seconds: After so many, of all trials together, none is begun; 0 is no limit.
      rising: Whether more is better.
      method: "bayesian", a Gaussian process and its confidence bound (keras-tuner's BayesianOptimization), or "random".
      seed: Of the search.

    Returns:
      The trials in their order; fewer if time or the space ran out.
    """
    tuner = _Tuner(_oracle(knobs, start, trials, seconds, rising, method, seed), knobs, attempt)
    try:
        tuner.search()
    except kt.errors.FatalError as exc:  # of ours: see run_trial
        raise (exc.__cause__ or exc) from None
    finally:
        tuner.forget()
    return tuner.done


class _Tuner(BaseTuner):
    """Hands a trial's values to `attempt`."""

    def __init__(self, oracle: Any, knobs: Sequence[Knob], attempt: Callable[[int, Mapping[str, Any]], Trial]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="plumbline-tuner-")
        super().__init__(oracle, directory=self._scratch.name, project_name="search", overwrite=True)
        self._knobs, self._attempt = knobs, attempt
        self.done: list[Trial] = oracle.done

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
        """The score of one trial."""
        number = int(trial.trial_id)
        values = trial.hyperparameters.values
        settings = AS_THEY_ARE if number == 0 else {knob.name: knob.value(values[knob.name]) for knob in self._knobs}
        try:
            found = self._attempt(number, settings)
        except Exception as exc:
            # keras-tuner takes any other exception for a failed trial, and a bug is none.
            raise kt.errors.FatalError(str(exc)) from exc
        self.done.append(found)
        if found.score is None:
            raise kt.errors.FailedTrialError(found.failed)
        return found.score if not self.oracle.rising else -found.score

    def forget(self) -> None:
        """Deletes keras-tuner's own records."""
        self._scratch.cleanup()


def _oracle(
    knobs: Sequence[Knob], start: Mapping[str, Any], trials: int, seconds: float, rising: bool, method: str, seed: int
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
        """Asks for the present settings first, and for nothing when the time is up."""

        def __init__(self) -> None:
            super().__init__(
                objective=kt.Objective("score", "min"),
                max_trials=trials,
                hyperparameters=space,
                seed=seed or 1,  # 0 is none, there
                max_consecutive_failed_trials=trials + 1,
                **options,
            )
            if method == "bayesian":
                self.gpr.set_params(n_restarts_optimizer=RESTARTS)
            self.verbose = 0
            self.rising = rising
            self.done: list[Trial] = []

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            """Values of the next trial."""
            if not self.done:
                return {"status": "RUNNING", "values": dict(first)}
            if seconds and sum(trial.seconds for trial in self.done) >= seconds:
                return {"status": "STOPPED", "values": None}
            with threadpool_limits(1), warnings.catch_warnings():
                # Matrices of a few rows: threads only wait for each other, and a length that ends at its bound is fine.
                warnings.simplefilter("ignore", ConvergenceWarning)
                found: dict[str, Any] = super().populate_space(trial_id)
            return found

    return Oracle()


def _declare(space: Any, knob: Knob) -> None:
    """Tells keras-tuner of a knob; a choice by its index, since it knows no arrays."""
    sampling = "log" if knob.log else "linear"
    if knob.choices:
        space.Choice(knob.name, list(range(len(knob.choices))), ordered=True)
    elif knob.low == knob.high:
        space.Fixed(knob.name, int(knob.low) if knob.whole else knob.low)
    elif knob.whole:
        space.Int(knob.name, int(knob.low), int(knob.high), sampling=sampling)
    else:
        space.Float(knob.name, knob.low, knob.high, sampling=sampling)
