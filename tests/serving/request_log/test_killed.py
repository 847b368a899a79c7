"""kill -9 while rows are appended and while segments are sealed: no acknowledged row is lost, none is there twice."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from serving.request_log.layout import Layout
from serving.request_log.sealing import seal_segments
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.faults.conftest import layer as layer
from tests.faults.file_layer import FileLayer
from tests.serving.request_log.made_up import HOUR, NOON, ids, request

PROJECT = Path(__file__).parents[3]
LASTING = "rename,sync,remove,mkdir"
"""Operations that change what a reader finds after a crash."""


def started(folder: Path, prefix: str, *more: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.request_log.appending", str(folder), prefix, *more],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    return process


def acknowledged(process: "subprocess.Popen[str]") -> set[str]:
    """Request ids that it printed; it has ended."""
    assert process.stdout is not None
    lines = process.stdout.read().split("\n")[:-1]  # the last one may be cut
    process.wait(60)
    return {line for line in lines if not line.startswith("-")}


def assert_nothing_lost(folder: Path, told: set[str]) -> None:
    found = Counter(ids(folder))
    assert set(found.values()) <= {1}, "a row is there twice"
    assert {(name, row) for name in told for row in (0, 1)} <= set(found), "an acknowledged row is lost"
    # A request's rows are one record, written whole or not at all.
    assert {name for name, row in found if row == 0} == {name for name, row in found if row == 1}


@pytest.mark.parametrize("trials", [3, pytest.param(10, marks=pytest.mark.long)])
def test_killed_at_random_moments(tmp_path: Path, trials: int):
    """Two processes at once; what one trial leaves is there for the next."""
    chance = random.Random(18)
    told: set[str] = set()
    for trial in range(trials):
        both = [started(tmp_path, f"{trial}{letter}-") for letter in "ab"]
        for process in both:
            time.sleep(chance.random() * 0.4)
            process.kill()
        for process in both:
            told |= acknowledged(process)
            assert process.returncode == -signal.SIGKILL
        if trial % 3 == 2:
            seal_segments(Layout(tmp_path))
        assert_nothing_lost(tmp_path, told)
    assert told
    seal_segments(Layout(tmp_path))
    assert not Layout(tmp_path).open_segments()
    assert_nothing_lost(tmp_path, told)


SEAL = "import sys; from pathlib import Path; from serving.request_log.sealing import seal_segments; " + (
    "from serving.request_log.layout import Layout; seal_segments(Layout(Path(sys.argv[1])))"
)


def sealed_by_a_process(folder: Path, env: dict[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-c", SEAL, str(folder)], env={**os.environ, "PYTHONPATH": str(PROJECT), **env}, timeout=120,
        stderr=subprocess.DEVNULL,
    ).returncode  # fmt: skip


@pytest.mark.parametrize("action", ["kill", "28"], ids=["killed", "disk full"])
@pytest.mark.parametrize("most", [6, pytest.param(1000, marks=pytest.mark.long)])
def test_sealing_that_ends_at_any_operation(tmp_path: Path, layer: FileLayer, action: str, most: int):
    """Whatever operation is the last one: the rows are there once, and the next process completes the sealing."""
    home = tmp_path / "home"
    writer = RequestLogWriter(home, LogSettings(synchronous=True))
    names = []
    for version in (3, 4):
        for hour in (0, 1):
            names.append(f"{version} {hour}")
            assert writer.append(request(names[-1], 2, version=version, time=NOON + hour * HOUR)).result(60)
    kept = tmp_path / "kept"
    shutil.copytree(home, kept)  # as it is when the process is killed
    writer.close()
    expected = sorted((name, row) for name in names for row in (0, 1))
    place = tmp_path / "place"
    shutil.copytree(kept, place)
    counted = layer.arm(place, ops=LASTING)
    assert sealed_by_a_process(place, counted.environment) == 0
    assert ids(place) == expected and not list((place / "open").iterdir())
    total = counted.counted
    assert total > 12  # four files, each flushed and renamed; the journal; the segment
    for at in sorted(random.Random(18).sample(range(1, total + 1), min(most, total))):
        shutil.rmtree(place)
        shutil.copytree(kept, place)
        armed = layer.arm(place, ops=LASTING, at=at, do=action, **({} if action == "kill" else {"on": 1}))
        code = sealed_by_a_process(place, armed.environment)
        assert armed.fired and code != 0, counted.operations[at - 1]
        assert ids(place) == expected, counted.operations[at - 1]
        seal_segments(Layout(place))
        assert ids(place) == expected, counted.operations[at - 1]
        assert not Layout(place).open_segments()
        left = [path for path in place.rglob("*") if path.name.startswith(".") and path.is_file()]
        assert not left, counted.operations[at - 1]


def test_a_disk_that_is_full_at_a_write_of_a_sealed_file(tmp_path: Path, layer: FileLayer):
    """The first two writes come from the constructors of the Parquet writers, the last from closing one."""
    writer = RequestLogWriter(tmp_path / "home", LogSettings(synchronous=True))
    for version in (3, 4):
        assert writer.append(request(str(version), 2, version=version)).result(60)
    place = tmp_path / "place"
    shutil.copytree(tmp_path / "home", place)
    writer.close()
    counted = layer.arm(place, ops="write", like="*.parquet.tmp")
    shutil.copytree(place, tmp_path / "kept")
    assert sealed_by_a_process(place, counted.environment) == 0
    total = counted.counted
    assert total > 4  # a magic number, columns and a footer for each version
    for at in (1, 2, total // 2, total):
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "kept", place)
        armed = layer.arm(place, ops="write", like="*.parquet.tmp", at=at, do="28", on=1)
        assert sealed_by_a_process(place, armed.environment) != 0 and armed.fired
        left = [path for path in place.rglob("*") if path.name.endswith(".tmp")]
        assert not left and len(list((place / "open").iterdir())) == 1, at
        assert ids(place) == [("3", 0), ("3", 1), ("4", 0), ("4", 1)]


def test_a_disk_that_is_full_for_a_while(tmp_path: Path, layer: FileLayer):
    """Rows are dropped and counted, the process goes on, no segment is damaged."""
    folder = tmp_path / "log"
    folder.mkdir()
    armed = layer.arm(folder, room=30_000)
    process = started(folder, "a", "400", env=armed.environment)
    assert process.stdout is not None
    lines = process.stdout.read().split()
    assert process.wait(60) == 0
    told, refused = ({line for line in lines if line.startswith("-") == flag} for flag in (False, True))
    assert armed.fired and told and refused and len(lines) == 400
    assert {name for name, _ in ids(folder)} == told
    assert {path.parent.name for path in folder.rglob("*") if path.is_file()} == {"open"}  # no room to seal
    again = started(folder, "b", "10")
    assert acknowledged(again) == {f"b{number}" for number in range(10)}
    assert {name for name, _ in ids(folder)} == told | {f"b{number}" for number in range(10)}
    assert not Layout(folder).open_segments() and not list((folder / "damaged").glob("*"))


def test_logging_resumes_in_the_same_process_when_there_is_room_again(tmp_path: Path):
    """RLIMIT_FSIZE stands for the full disk, since it can be lifted again."""
    script = """
import resource, signal, sys
from pathlib import Path
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import request
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = RequestLogWriter(Path(sys.argv[1]), LogSettings(synchronous=True))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
before = writer.append(request("before")).result(60)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
during = [writer.append(request(f"during {n}")).result(60) for n in range(5)]
failing = writer.statistics().disk_failing
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
after = writer.append(request("after")).result(60)
writer.close()
print(before, during[-1], failing, after, writer.statistics().dropped["disk"] == during.count(False))
"""
    found = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert found.stdout == "True False True True True\n"
    assert found.stderr.count("\n") == 2  # one line when it began, one when it ended
    names = {name for name, _ in ids(tmp_path)}
    assert {"before", "after"} <= names and "during 4" not in names
