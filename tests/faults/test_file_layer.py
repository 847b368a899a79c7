"""Tests of the fault-injecting file layer: it counts, rejects and kills at the operations of a process."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.file_layer import Armed, FileLayer

WORK = """
import os, shutil, sys
from pathlib import Path
here = Path(sys.argv[1])
try:
    (here / "a").write_bytes(b"x" * 1000)
    os.rename(here / "a", here / "b")
    shutil.copyfile(here / "b", here / "c")
    os.makedirs(here / "d", exist_ok=True)
except OSError as exc:
    print(exc.errno)
"""


def work(folder: Path, armed: Armed) -> "subprocess.CompletedProcess[str]":
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", WORK, str(folder)]
    return subprocess.run(command, env=armed.environment, capture_output=True, text=True)


def test_it_counts_what_is_done_below_the_folder(layer: FileLayer, tmp_path: Path) -> None:
    armed = layer.arm(tmp_path / "in")
    assert work(tmp_path / "in", armed).returncode == 0
    assert armed.operations[:4] == [("open", "a"), ("write", "a"), ("rename", "b"), ("open", "c")]
    assert armed.operations[-1] == ("mkdir", "d")
    assert armed.counted == len(armed.operations)
    assert not armed.fired
    elsewhere = layer.arm(tmp_path / "in")
    work(tmp_path / "inside", elsewhere)  # begins like it, but is another folder
    assert elsewhere.counted == 0


def test_it_kills_in_the_middle_of_a_write(layer: FileLayer, tmp_path: Path) -> None:
    armed = layer.arm(tmp_path / "in", at=1, do="kill", ops="write")
    assert work(tmp_path / "in", armed).returncode == -9
    assert (tmp_path / "in" / "a").stat().st_size == 500
    assert armed.fired


def test_it_refuses_one_operation_or_all_from_then_on(layer: FileLayer, tmp_path: Path) -> None:
    once = layer.arm(tmp_path / "in", at=1, do=errno.EIO, ops="rename")
    assert work(tmp_path / "in", once).stdout.split() == [str(errno.EIO)]
    assert work(tmp_path / "in", once).stdout.split() == []  # the second rename is let pass
    always = layer.arm(tmp_path / "other", at=1, do=errno.EIO, ops="rename", on=1)
    for _ in range(2):
        assert work(tmp_path / "other", always).stdout.split() == [str(errno.EIO)]


def test_a_disk_that_is_full(layer: FileLayer, tmp_path: Path) -> None:
    armed = layer.arm(tmp_path / "in", room=1500)
    assert work(tmp_path / "in", armed).stdout.split() == [str(errno.ENOSPC)]
    assert armed.written == 1000
    assert (tmp_path / "in" / "c").stat().st_size == 0


def test_only_what_the_pattern_fits(layer: FileLayer, tmp_path: Path) -> None:
    armed = layer.arm(tmp_path / "in", at=1, do=errno.EROFS, on=1, like="c*")
    assert work(tmp_path / "in", armed).stdout.split() == [str(errno.EROFS)]
    assert {path.name for path in (tmp_path / "in").iterdir()} == {"b"}


def test_another_clock(layer: FileLayer, tmp_path: Path) -> None:
    now = "import time, datetime; print(int(time.time()), datetime.datetime.now().year)"
    armed = layer.arm(tmp_path, clock=-(3 * 365 + 100) * 86_400)
    true, other = (
        subprocess.run([sys.executable, "-c", now], env=environment, capture_output=True, text=True).stdout.split()
        for environment in ({}, armed.environment)
    )
    assert int(true[0]) - int(other[0]) == pytest.approx((3 * 365 + 100) * 86_400, abs=60)
    assert int(true[1]) - int(other[1]) in (3, 4)


def test_a_limit_on_threads(layer: FileLayer, tmp_path: Path) -> None:
    """Two at a time; an ended thread no longer counts."""
    threads = """
import threading, time
ended = threading.Event()
for number in range(5):
    thread = threading.Thread(target=print, args=(number,))
    thread.start()
    thread.join()
    time.sleep(0.05)  # join returns when Python's part has ended
try:
    for number in range(5, 9):
        threading.Thread(target=lambda number=number: (print(number), ended.wait())).start()
except RuntimeError:
    print("refused")
ended.set()
"""
    armed = layer.arm(tmp_path, threads=2)
    ended = subprocess.run([sys.executable, "-c", threads], env=armed.environment, capture_output=True, text=True)
    assert sorted(ended.stdout.split()) == ["0", "1", "2", "3", "4", "5", "6", "refused"]
