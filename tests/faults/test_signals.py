"""SIGTERM, SIGHUP and SIGINT end a command within 10 s, with one line, the documented code and consistent metadata."""

import re
import signal
import time
from pathlib import Path

import pytest

from tests.faults.invariants import assert_ending, assert_root, running
from tests.faults.recovery import SPAN_AFTER, assert_recovers, prepared
from tests.faults.trials import Trials, count
from tests.faults.workplace import DATASET, Workplace

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WITHIN = 10
"""Seconds that are promised; on a busy machine a little more is let pass."""


def signalled(place: Workplace, trials: Trials, state: str, sent: signal.Signals, seconds: float, again: bool) -> None:
    """Sends a signal to a run after so many seconds; and then once more, as impatient people do."""
    with trials.one(f"{state}: {sent.name} after {seconds:.1f} s{', twice' * again}") as trial:
        before = prepared(place, state)
        under_way = place.start(*place.run_arguments(SPAN_AFTER[state]))
        time.sleep(seconds)
        trial.happened = under_way.process.poll() is None
        under_way.process.send_signal(sent)
        if again:
            time.sleep(0.5)
            under_way.process.send_signal(sent)
        began = time.monotonic()
        ended = under_way.end(timeout=60)
        if trial.happened:
            assert time.monotonic() - began < 3 * WITHIN, f"took {time.monotonic() - began:.0f} s to end"
            assert_ending(ended, CODES[sent], 0)
            database = place.home / "metadata.sqlite"
            assert not database.exists() or running(database) == [], "executions left under way"
        assert_root(place, before)
        assert_recovers(place, state, before)


@pytest.mark.kind("signals")
def test_a_run_is_told_to_end(place: Workplace, trials: Trials) -> None:
    """Once TensorFlow is loaded and steps have begun; the next run begins where it ended."""
    with trials.one("one: SIGTERM in a step"):
        before = prepared(place, "one")
        under_way = place.start(*place.run_arguments(SPAN_AFTER["one"]))
        reports = place.home / "artifacts" / "ArrowExampleGen" / "examples"
        was = len(list(reports.iterdir()))
        deadline = time.monotonic() + 120
        while len(list(reports.iterdir())) == was and time.monotonic() < deadline:
            time.sleep(0.05)
        under_way.process.send_signal(signal.SIGTERM)
        ended = under_way.end(timeout=60)
        assert_ending(ended, 143)
        assert running(place.home / "metadata.sqlite") == []
        assert_root(place, before)


@pytest.mark.faults
@pytest.mark.kind("signals")
@pytest.mark.parametrize("number", range(count(2)))
@pytest.mark.parametrize("sent", CODES)
def test_a_run_is_told_to_end_at_a_moment(place: Workplace, trials: Trials, sent: signal.Signals, number: int) -> None:
    state = trials.random.choice(["empty", "one"])
    longest = place.reference(SPAN_AFTER[state])["seconds"] + 6
    signalled(place, trials, state, sent, trials.random.uniform(0.5, longest), trials.random.random() < 0.3)


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; False if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


@pytest.mark.faults
@pytest.mark.kind("signals")
@pytest.mark.parametrize("sent", CODES)
@pytest.mark.parametrize("command", ["init", "drift", "audit", "gc", "runs"])
def test_another_command_is_told_to_end(place: Workplace, trials: Trials, command: str, sent: signal.Signals) -> None:
    where = ("--dataset", DATASET, "--root", str(place.root))
    arguments = {
        "init": ("init", "--data", "spans", "--label", "late", "--name", "other"),
        "drift": ("drift", "spans/span-1.csv", "spans/span-2.csv"),
        "audit": ("audit", "spans/span-1.csv", "--label", "late"),
        "gc": ("gc", *where, "--apply"),
        "runs": ("runs", *where),
    }[command]
    seconds = trials.random.uniform(0.3, 1.5)
    with trials.one(f"{command}: {sent.name} after {seconds:.2f} s") as trial:
        before = prepared(place, "two")
        under_way = place.start(*arguments)
        time.sleep(seconds)
        trial.happened = under_way.process.poll() is None
        is_handled = handles(under_way.process.pid, sent)
        under_way.process.send_signal(sent)
        ended = under_way.end(timeout=60)
        if not is_handled and ended.code == -sent:  # Python was still starting: nothing had been done
            assert not ended.err, ended
        elif trial.happened:
            assert_ending(ended, CODES[sent], 0)
        assert_root(place, before)
