"""Limits on memory, threads, open files, file sizes and processes."""

import resource
import signal
from collections.abc import Callable

import pytest

from tests.faults.invariants import assert_ending, assert_root
from tests.faults.recovery import SPAN_AFTER, assert_ends_or_recovers, prepared
from tests.faults.trials import Trials
from tests.faults.workplace import DATASET, Workplace

MB = 1 << 20


def limit(which: int, value: int) -> Callable[[], None]:
    """For the process that is about to be started."""

    def before() -> None:
        if which == resource.RLIMIT_FSIZE:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(which, (value, value))

    return before


LIMITS = [
    *(
        pytest.param(resource.RLIMIT_AS, size * MB, id=f"{size} MB of memory")
        for size in (100, 300, 700, 1500, 3000, 5000)
    ),
    *(pytest.param(resource.RLIMIT_NOFILE, number, id=f"{number} open files") for number in (16, 40, 80)),
    *(pytest.param(resource.RLIMIT_FSIZE, size, id=f"files of {size:,} bytes") for size in (1000, 60_000, 400_000)),
]


@pytest.mark.faults
@pytest.mark.kind("limits")
@pytest.mark.parametrize(("which", "value"), LIMITS)
def test_a_run_within_limits(place: Workplace, trials: Trials, which: int, value: int) -> None:
    with trials.one(f"one: limit {which} of {value:,}"):
        before = prepared(place, "one")
        ended = place.run(SPAN_AFTER["one"], before=limit(which, value))
        assert_ends_or_recovers(place, "one", before, ended)


@pytest.mark.faults
@pytest.mark.kind("limits")
@pytest.mark.parametrize("threads", [0, 1, 3, 8, 20, 28])
def test_a_run_with_few_threads(place: Workplace, trials: Trials, threads: int) -> None:
    with trials.one(f"one: {threads} threads") as trial:
        before = prepared(place, "one")
        armed = place.layer.arm(place.root, threads=threads)
        ended = place.run(SPAN_AFTER["one"], env=armed.environment)
        trial.happened = armed.fired
        assert_ends_or_recovers(place, "one", before, ended)


@pytest.mark.kind("limits")
@pytest.mark.parametrize(
    ("which", "value"),
    [
        pytest.param(resource.RLIMIT_NOFILE, 12, id="12 open files"),
        pytest.param(resource.RLIMIT_AS, 120 * MB, id="120 MB of memory"),
        pytest.param(resource.RLIMIT_FSIZE, 100, id="files of 100 bytes"),
    ],
)
def test_a_cached_run_within_limits(place: Workplace, trials: Trials, which: int, value: int) -> None:
    with trials.one(f"two: limit {which} of {value:,}"):
        before = prepared(place, "two")
        ended = place.run(SPAN_AFTER["two"], before=limit(which, value))
        assert_ending(ended, 0, 1, 2)
        assert_root(place, before)


@pytest.mark.faults
@pytest.mark.kind("limits")
@pytest.mark.parametrize("command", ["init", "drift", "audit", "runs", "lineage", "gc"])
@pytest.mark.parametrize("megabytes", [60, 150, 400])
def test_another_command_with_little_memory(place: Workplace, trials: Trials, command: str, megabytes: int) -> None:
    where = ("--dataset", DATASET, "--root", str(place.root))
    arguments = {
        "init": ("init", "--data", "spans", "--label", "late", "--name", "other"),
        "drift": ("drift", "spans/span-1.csv", "spans/span-2.csv"),
        "audit": ("audit", "spans/span-1.csv", "--label", "late"),
        "runs": ("runs", *where),
        "lineage": ("lineage", *where, "live"),
        "gc": ("gc", *where),
    }[command]
    with trials.one(f"{command}: {megabytes} MB"):
        before = prepared(place, "two")
        ended = place.plumbline(*arguments, before=limit(resource.RLIMIT_AS, megabytes * MB))
        assert_ending(ended, 0, 1, 2)
        assert_root(place, before)
