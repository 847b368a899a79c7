"""What is noted inside of something is told as a part of it, and no longer once that is over."""

import pytest

from components.shared.progress import latest, note, within


def test_notes_say_what_they_are_a_part_of() -> None:
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


def test_what_fails_is_over_too() -> None:
    with pytest.raises(KeyError), within("trial 1 of 3: "):
        raise KeyError("bug")
    note("next")
    assert latest() == "next"
    note("")
