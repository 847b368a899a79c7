"""Clocks that were set back or forward, and files with times in the future."""

import json
import os
import time

import pytest

from tests.faults.invariants import assert_ending, assert_result, assert_root
from tests.faults.recovery import assert_recovers, prepared
from tests.faults.trials import Trials
from tests.faults.workplace import DATASET, SECOND, Workplace

YEAR = 365 * 86_400


@pytest.mark.faults
@pytest.mark.kind("clock and times")
@pytest.mark.parametrize("offset", [-YEAR, -3600, 20 * YEAR])
def test_a_run_by_another_clock(place: Workplace, trials: Trials, offset: int) -> None:
    """Then one by the true clock, then gc: what the live version needs is not taken for old."""
    with trials.one(f"one: the clock differs by {offset:,} s"):
        before = prepared(place, "one")
        ended = place.run(SECOND, env=place.layer.arm(place.root, clock=offset).environment)
        assert_ending(ended, 0)
        assert_root(place, before)
        assert_result(place, ended.json, place.reference(SECOND))
        labels = json.loads((place.registry / "labels.json").read_text())
        assert labels["live"] == ended.json["pushed"] == 2
        collected = place.plumbline("gc", "--dataset", DATASET, "--root", str(place.root), "--keep", "1", "--apply")
        assert_ending(collected, 0)
        lineage = place.plumbline("lineage", "--dataset", DATASET, "--root", str(place.root), "live")
        assert_ending(lineage, 0)
        assert_recovers(place, "one", before)


@pytest.mark.kind("clock and times")
@pytest.mark.parametrize("offset", [-YEAR, pytest.param(YEAR, marks=pytest.mark.faults)])
def test_a_cached_run_by_another_clock(place: Workplace, trials: Trials, offset: int) -> None:
    with trials.one(f"two: the clock differs by {offset:,} s"):
        before = prepared(place, "two")
        ended = place.run(SECOND, env=place.layer.arm(place.root, clock=offset).environment)
        assert_ending(ended, 0)
        assert_root(place, before)
        assert_result(place, ended.json, place.reference(SECOND))


@pytest.mark.faults
@pytest.mark.kind("clock and times")
@pytest.mark.parametrize("offset", [-3 * YEAR, YEAR])
def test_files_of_another_time(place: Workplace, trials: Trials, offset: int) -> None:
    """As after a copy that does not keep times, or from a machine whose clock was wrong."""
    with trials.one(f"two: all files' times differ by {offset:,} s"):
        before = prepared(place, "two")
        when = time.time() + offset
        for folder in (place.root, place.schemas, place.project / "spans"):
            for path in folder.rglob("*"):
                os.utime(path, (when, when))
        assert_recovers(place, "two", before)
