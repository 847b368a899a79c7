"""Trials are stored when they end; failed trials are distinguished from errors."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.shared.errors import InputError, PlumblineError
from components.tuner.trial_store import Trial, TrialStore, attempted

VALUES = {"dropout": 0.1, "hidden_units": (8, 4)}


def done(values=VALUES) -> Trial:
    return Trial(values, 0.5, 1.25, answer=np.array([0.25, 0.75]))


def never() -> Trial:
    raise AssertionError("trained again")


def test_trial_is_trained_once(tmp_path) -> None:
    kept = TrialStore(tmp_path / "here").trial(VALUES, done)
    again = TrialStore(tmp_path / "here").trial(dict(reversed(VALUES.items())), never)
    assert again == kept == done()
    assert again.answer is not None
    assert again.answer.tolist() == [0.25, 0.75]
    other = TrialStore(tmp_path / "here").trial({"dropout": 0.2}, lambda: done({"dropout": 0.2}))
    assert other.values == {"dropout": 0.2}


def test_failures_are_stored(tmp_path) -> None:
    def fails() -> Trial:
        return Trial(VALUES, None, 2.0, "out of memory")

    TrialStore(tmp_path).trial(VALUES, fails)
    again = TrialStore(tmp_path).trial(VALUES, never)
    assert (again.score, again.failed, again.answer) == (None, "out of memory", None)


def killed(folder: Path) -> None:
    """Ends the process as the system does when memory runs out."""
    code = (
        "import os, pathlib, sys; from components.tuner.trial_store import TrialStore; "
        f"TrialStore(pathlib.Path(sys.argv[1])).trial({VALUES!r}, lambda: os.kill(os.getpid(), 9))"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=Path(__file__).parents[3], check=False)
    assert ended.returncode == -signal.SIGKILL


def test_trial_that_ends_the_process_twice_has_failed(tmp_path) -> None:
    killed(tmp_path)
    killed(tmp_path)
    assert TrialStore(tmp_path).trial(VALUES, never).failed.startswith("the process ended 2 times")


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), InputError("a single class"), KeyError("a bug")])
def test_exceptions_do_not_count_as_process_deaths(tmp_path, raised) -> None:
    def train() -> Trial:
        raise raised

    killed(tmp_path)
    for _ in range(3):
        with pytest.raises(type(raised)):
            TrialStore(tmp_path).trial(VALUES, train)
    assert TrialStore(tmp_path).trial(VALUES, done) == done()


def test_closing_deletes_only_its_own_trials(tmp_path) -> None:
    one, other = TrialStore(tmp_path / "all" / "one"), TrialStore(tmp_path / "all" / "other")
    one.trial(VALUES, done)
    other.trial(VALUES, done)
    one.close()
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["other"]
    other.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (MemoryError(), "out of memory"),
        (MemoryError("Unable to allocate 9 GiB"), "out of memory (Unable to allocate 9 GiB)"),
        (PlumblineError("the loss is not a number"), "the loss is not a number"),
    ],
)
def test_settings_that_cannot_be_trained_fail(raised, said) -> None:
    def train() -> tuple[float, np.ndarray]:
        raise raised

    trial = attempted(VALUES, train)
    assert (trial.score, trial.failed) == (None, said)
    assert trial.to_json()["failed"] == said


@pytest.mark.parametrize("raised", [InputError("label late has a single class"), KeyError("a bug")])
def test_bad_rows_and_bugs_are_not_failed_trials(raised) -> None:
    def train() -> tuple[float, np.ndarray]:
        raise raised

    with pytest.raises(type(raised)):
        attempted(VALUES, train)


def test_score_that_is_not_finite_fails() -> None:
    assert attempted(VALUES, lambda: (float("nan"), np.zeros(2))).score is None
    assert attempted(VALUES, lambda: (0.5, np.array([0.1, np.inf]))).score is None
    assert attempted(VALUES, lambda: (0.5, np.zeros(2))).score == 0.5
