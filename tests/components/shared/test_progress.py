"""Nested activities have the text of the outer one as a prefix, until the outer one ends."""

import pytest

from components.shared.progress import latest, note, within


def test_activities_have_the_prefix_of_the_outer_one() -> None:
    with within("trial 2 of 3: "):
        note("begins")
        assert latest() == "trial 2 of 3: begins"
        with within("network, "):
            note("epoch 1")
            assert latest() == "trial 2 of 3: network, epoch 1"
        note("")
        assert latest() == ""  # over, whatever it was a part of
    note("trees")
    assert latest() == "trees"
    note("")


def test_prefix_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), within("trial 1 of 3: "):
        raise KeyError("bug")
    note("next")
    assert latest() == "next"
    note("")
