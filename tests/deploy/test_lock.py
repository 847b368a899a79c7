"""deploy/lock.sh with many concurrent processes, also if the holder of the lock is killed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[2] / "deploy" / "lock.sh"
HEAD = (
    f'set -euo pipefail\nsay() {{ echo "$*" >&2; }}\nrefuse() {{ say "$@"; exit 2; }}\nsource {LOCK}\nlock "$1" "$2"\n'
)
ALONE = 'mkdir inside || echo "two at once" >>broken\nsleep 0.02\nrmdir inside || true\necho $$ >>done\n'
HOLD = "echo in\nread -r _\n"
"""`read` is the shell's own: there is no child that would hold the lock, too."""
WAITING = 12

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["flock", "python"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts a script that acquires the lock, with flock(1) or without it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "cat", "dirname", "mkdir", "rmdir", "sleep", *(["flock"] if request.param == "flock" else [])):
        found = shutil.which(name)
        if found is None:
            assert name == "flock"
            pytest.skip("no flock(1) here")
        (tools / name).symlink_to(found)
    running = []

    def started(script: str, python: str = sys.executable) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            ["bash", "-c", HEAD + script, "test", "folder/.lock", python],
            cwd=tmp_path, env={"PATH": str(tools)}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]", stream: str) -> str:
    """Returns the next line of a process' output."""
    file = getattr(process, stream)
    return str(file.readline())


def holder(start: Start) -> "subprocess.Popen[str]":
    process = start(HOLD)
    assert line(process, "stdout") == "in\n"
    return process


@pytest.mark.parametrize("end", [signal.SIGKILL, None], ids=["killed", "done"])
def test_never_two_at_once(start: Start, tmp_path: Path, end: signal.Signals | None) -> None:
    owner = holder(start)
    waiting = [start(ALONE) for _ in range(WAITING)]
    for process in waiting:
        assert line(process, "stderr").startswith(f"waiting for process {owner.pid}, or what it has started")
    assert not (tmp_path / "done").exists()
    if end:
        owner.send_signal(end)
        owner.wait()
    else:
        owner.communicate("go on\n", timeout=60)
    for process in waiting:
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
    assert not (tmp_path / "broken").exists()
    assert sorted((tmp_path / "done").read_text().split()) == sorted(str(process.pid) for process in waiting)


def test_what_a_killed_one_has_started_keeps_others_out(start: Start, tmp_path: Path) -> None:
    owner = start("(mkdir inside; sleep 0.5; rmdir inside) &\nuntil [ -d inside ]; do :; done\n" + HOLD)
    assert line(owner, "stdout") == "in\n"
    owner.kill()
    assert start(ALONE).wait(60) == 0
    assert not (tmp_path / "broken").exists()


def test_what_shall_outlive_it_does_not(start: Start) -> None:
    began = start("sleep 60 9>&- >/dev/null 2>&1 &\necho $!\n")
    child = int(began.communicate(timeout=60)[0])
    try:
        assert start("").wait(30) == 0
    finally:
        os.kill(child, signal.SIGKILL)


def test_no_way_to_lock(start: Start, tmp_path: Path) -> None:
    if (tmp_path / "bin" / "flock").exists():
        assert start("", "/nowhere/python").wait(60) == 0  # nobody asks for it
        return
    refused = start("echo in\n", "/nowhere/python")
    assert refused.communicate(timeout=60) == ("", "neither flock nor Python was found; install one of them\n")
    assert refused.returncode == 2
