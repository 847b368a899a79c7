"""Input that cannot be read, as processes on one core: exit code 2 and one line, whatever Arrow's threads are doing.

On one core a thread of the reader is still at work when the interpreter ends; on an idle machine with several it has
finished. A process that aborts has exit code -6 and a second line, `terminate called without an active exception`.
"""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROWS = b"".join(b"%d,%d,%d\n" % (number, number % 7, number % 2) for number in range(400))
HEADER = b"a,b,y\n"
ZEROS = 2 << 30


def _zeros() -> bytes:
    """A gzip file of a table and 2 GB of zeros, of 2 MB."""
    packed = gzip.compress(bytes(ZEROS // 32), 1)
    return gzip.compress(HEADER + ROWS) + packed * 32


def _endless() -> bytes:
    return HEADER + ROWS + b'1,2,"' + b"x" * (40 << 20)


KINDS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "double column name": ("t.csv", lambda: b"a,a,y\n" + ROWS, "column 'a' is duplicated"),
    "ragged row": ("t.csv", lambda: HEADER + ROWS + b"1,2\n" + ROWS, "row 402 has 2 cells"),
    "two encodings": (
        "t.csv",
        lambda: "a,café,y\n".encode() + ROWS + "é,1,1\n".encode("latin-1"),
        "byte 0xe9 is not utf-8, which other lines are",
    ),
    "endless line": ("t.csv", _endless, "max_line_bytes"),
    "2 GB of zeros": ("t.csv.gz", _zeros, "max_"),
    "truncated gzip": ("t.csv.gz", lambda: gzip.compress(HEADER + os.urandom(1 << 20).hex().encode())[:-400_000], ""),
    "flipped byte in a gzip": ("t.csv.gz", lambda: _flipped(gzip.compress(HEADER + ROWS * 2000)), ""),
    "text in Parquet's name": ("t.parquet", lambda: HEADER + ROWS, "arquet"),
    "zeros in place of an Arrow file": ("t.arrow", lambda: b"ARROW1\0\0" + bytes(1 << 20), ""),
}
COMMANDS = {
    "init": ["init", "--label", "y", "--name", "t", "--data"],
    "drift": ["drift"],
    "audit": ["audit", "--label", "y"],
}


def _flipped(content: bytes) -> bytes:
    return content[:-5] + bytes([content[-5] ^ 255]) + content[-4:]


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def run(folder: Path, command: str, file: Path) -> tuple[int, list[str]]:
    """Exit code, and the lines on stderr."""
    arguments = [*COMMANDS[command], str(file)] + ([str(file)] if command == "drift" else [])
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        preexec_fn=_one_core if hasattr(os, "sched_setaffinity") else None,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def ends_well(folder: Path, command: str, kind: str, times: int) -> None:
    name, content, part = KINDS[kind]
    file = folder / name
    file.write_bytes(content())
    for _ in range(times):
        code, lines = run(folder, command, file)
        assert code == 2, lines
        assert len(lines) == 1, lines
        assert lines[0].startswith(f"plumbline: {file}: ") and part in lines[0]


@pytest.mark.parametrize(
    ("command", "kind"), [("init", "ragged row"), ("drift", "endless line"), ("audit", "double column name")]
)
def test_ends_with_one_line(tmp_path, command, kind):
    ends_well(tmp_path, command, kind, 3)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_ends_with_one_line_each_time(tmp_path, command, kind):
    ends_well(tmp_path, command, kind, 20)


@pytest.mark.long
def test_success_ends_well(tmp_path):
    """A reader that came to its end may not abort the process either."""
    file = tmp_path / "t.csv"
    file.write_bytes(HEADER + ROWS)
    assert {run(tmp_path, "drift", file)[0] for _ in range(20)} == {0}
