"""Assertions on recovery: after a fault the next run gives the same result as without the fault."""

from typing import Any

from tests.faults.invariants import Files, assert_ending, assert_result, assert_root, files_below
from tests.faults.workplace import FIRST, SECOND, Ended, Workplace

SPAN_AFTER = {"empty": FIRST, "one": SECOND, "two": SECOND}
"""State of the root -> the eval span of the run that a trial disturbs."""


def prepared(place: Workplace, state: str) -> dict[str, bytes]:
    """Puts a state back; returns its registry's files. The undisturbed run is made first where it is not there."""
    place.reference(SPAN_AFTER[state])
    place.restore(state)
    return files_below(place.registry)


def assert_recovers(place: Workplace, state: str, before: Files) -> dict[str, Any]:
    """Runs again, asserts the result, and returns the summary.

    Args:
      place: The workplace after the fault.
      state: State of the root before the fault.
      before: The registry's files before the fault.
    """
    span = SPAN_AFTER[state]
    ended = place.run(span)
    assert_ending(ended, 0)
    assert_root(place, before)
    assert_result(place, ended.json, place.reference(span))
    return ended.json


def assert_ends_or_recovers(place: Workplace, state: str, before: Files, ended: Ended) -> None:
    """After a fault that a process could answer: one line and a documented code, or the right result; the next run."""
    assert_ending(ended, 0, 1, 2)
    assert_root(place, before)
    if ended.code == 0:
        assert_result(place, ended.json, place.reference(SPAN_AFTER[state]))
    assert_recovers(place, state, before)
