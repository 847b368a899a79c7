"""Nested activities have the text of the outer one as a prefix, until the outer one ends."""

import pytest

from components.shared.progress import latest_progress, progress_scope, report_progress


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
