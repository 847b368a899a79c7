"""keras-tuner's oracles on a synthetic objective."""

import math

import pytest

from components.tuner.search import search
from components.tuner.search_space import Hyperparameter
from components.tuner.trial_store import Trial

pytestmark = pytest.mark.slow  # imports TensorFlow

SPACE = (
    Hyperparameter("rate", 1e-4, 1.0, log=True),
    Hyperparameter("units", choices=((8,), (8, 8), (16,))),
    Hyperparameter("leaves", 2, 64, whole=True, log=True),
)
START = {"rate": 0.5, "units": (8, 8), "leaves": 100}


def loss(values) -> float:
    """0 at rate 0.01, units (16,), leaves 8; larger elsewhere."""
    settings = {**START, **values}
    worse = 0.0 if settings["units"] == (16,) else 0.3
    return worse + math.log10(settings["rate"] / 0.01) ** 2 + math.log2(settings["leaves"] / 8) ** 2 / 10


def searched(attempt, **options) -> list[Trial]:
    return search(SPACE, START, attempt, **{"trials": 8, "method": "random", **options})


def scored(number, values, seconds: float = 1.0) -> Trial:
    return Trial(values, loss(values), seconds)


@pytest.mark.parametrize("method", ["bayesian", "random"])
def test_current_settings_come_first_and_better_ones_are_found(method: str) -> None:
    asked = []
    trials = searched(lambda number, values: asked.append(number) or scored(number, values), method=method)
    assert asked == list(range(8))
    assert trials[0].values == {}
    assert trials[0].score == pytest.approx(loss({}))
    assert min(trial.score for trial in trials) < 0.5 * trials[0].score
    for trial in trials[1:]:
        assert set(trial.values) == {"rate", "units", "leaves"}
        assert 1e-4 <= trial.values["rate"] <= 1.0
        assert trial.values["units"] in SPACE[1].choices
        assert type(trial.values["leaves"]) is int and 2 <= trial.values["leaves"] <= 64


def test_higher_is_better_if_rising() -> None:
    trials = searched(lambda _, values: Trial(values, -loss(values), 1.0), rising=True, method="bayesian")
    same = searched(scored, method="bayesian")
    assert [trial.values for trial in trials] == [trial.values for trial in same]


def test_same_seed_proposes_the_same_settings() -> None:
    first = [trial.values for trial in searched(scored, trials=10)]
    assert [trial.values for trial in searched(scored, trials=10)] == first
    assert [trial.values for trial in searched(scored, trials=10, seed=14)] != first


def test_failed_trials_are_skipped() -> None:
    def attempt(number, values) -> Trial:
        return Trial(values, None, 1.0, "no") if number % 2 else scored(number, values)

    trials = searched(attempt, method="bayesian")
    assert [trial.failed for trial in trials] == ["", "no"] * 4
    everything = searched(lambda _, values: Trial(values, None, 1.0, "no"), trials=6)
    assert len(everything) == 6


def test_no_trial_starts_when_the_time_is_up() -> None:
    assert len(searched(scored, seconds=4.5)) == 5
    assert len(searched(scored, seconds=0.5)) == 1  # the present settings always have theirs


def test_bug_ends_the_search() -> None:
    def attempt(number, values) -> Trial:
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        searched(attempt)


def test_single_value_is_fixed() -> None:
    space = (Hyperparameter("rate", 0.1, 0.1), Hyperparameter("leaves", 2, 64, whole=True))
    trials = search(space, {"rate": 0.5, "leaves": 8}, scored, trials=3)
    assert [trial.values["rate"] for trial in trials[1:]] == [0.1, 0.1]
