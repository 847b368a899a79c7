"""Progress: nested activities have the text of the outer one as a prefix; the time left is estimated from the steps."""

import pytest

from components.shared import progress
from components.shared.progress import duration_text, latest_progress, progress_scope, report_progress, seconds_left


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(progress, "_meters", [progress._Meter()])
    return clock


def test_activities_have_the_prefix_of_the_outer_one() -> None:
    with progress_scope("trial 2 of 3: "):
        report_progress("begins")
        assert latest_progress() == "trial 2 of 3: begins"
        with progress_scope("network, "):
            report_progress("epoch 1")
            assert latest_progress() == "trial 2 of 3: network, epoch 1"
        report_progress("")
        assert latest_progress() == ""  # over, whatever it was a part of
    report_progress("trees")
    assert latest_progress() == "trees"
    report_progress("")


def test_prefix_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), progress_scope("trial 1 of 3: "):
        raise KeyError("bug")
    report_progress("next")
    assert latest_progress() == "next"
    report_progress("")


@pytest.mark.parametrize(
    ("elapsed", "fraction", "left"),
    [
        (10, 0.25, 30),  # 10 s for a quarter: 40 s in total
        (60, 0.5, 60),
        (9, 0.9, 1),
        (10, 1, 0),
        (10, 0, None),  # nothing is finished
        (1, 0.5, None),  # too early
        (10, 1.5, None),  # more than all of it
    ],
)
def test_time_left_follows_from_the_elapsed_time_and_the_finished_share(
    elapsed: float, fraction: float, left: float | None
) -> None:
    assert seconds_left(elapsed, fraction) == (None if left is None else pytest.approx(left))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (7.4, "7 s"),
        (23, "25 s"),
        (57, "55 s"),
        (58, "1 min"),
        (150, "2 min"),
        (3600, "1 h"),
        (4210, "1 h 10 min"),
    ],
)
def test_durations_have_the_precision_of_an_estimate(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_an_estimate_follows_the_steps_and_counts_down(clock: Clock) -> None:
    report_progress("fold 1 of 3", 0, 3)
    assert latest_progress() == "fold 1 of 3"
    clock.now += 10
    report_progress("fold 2 of 3", 1, 3)
    assert latest_progress() == "fold 2 of 3, about 20 s left"
    clock.now += 5
    assert latest_progress() == "fold 2 of 3, about 15 s left"
    report_progress("network, epoch 1 of 5", 0, 5, at_most=True)  # another loop begins
    assert latest_progress() == "network, epoch 1 of 5"
    clock.now += 4
    report_progress("network, epoch 2 of 5", 1, 5, at_most=True)
    assert latest_progress() == "network, epoch 2 of 5, at most 15 s left"
    report_progress("writing")
    assert latest_progress() == "writing"


def test_a_loop_that_begins_again_is_estimated_anew(clock: Clock) -> None:
    report_progress("fold 1", 0, 2)
    clock.now += 100
    report_progress("fold 2", 1, 2)
    report_progress("fold 1", 0, 2)
    clock.now += 7
    report_progress("fold 2", 1, 2)
    assert latest_progress() == "fold 2, about 7 s left"


def test_time_left_is_that_of_the_outer_loop(clock: Clock) -> None:
    with progress_scope("trial 1 of 3: ", 0, 3):
        report_progress("epoch 1", 0, 2)
        clock.now += 30
        report_progress("epoch 2", 1, 2)
        assert latest_progress() == "trial 1 of 3: epoch 2"  # no trial has ended
        clock.now += 30
    with progress_scope("trial 2 of 3: ", 1, 3):
        report_progress("epoch 1", 0, 2)
        assert latest_progress() == "trial 2 of 3: epoch 1, about 2 min left"
    report_progress("")
    assert latest_progress() == ""
