"""Locks between processes."""

import subprocess
import sys
from pathlib import Path

from components.shared.file_lock import locked, locked_if_free

HOLD = (
    "import sys, time; from pathlib import Path; from components.shared.file_lock import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)
WAIT = (
    "import sys; from pathlib import Path; from components.shared.file_lock import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True)"
)
PROJECT = Path(__file__).parents[3]


def process(script: str, path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def test_one_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    first = process(HOLD, path)
    try:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        with locked_if_free(path) as mine:
            assert not mine
        second = process(WAIT, path)
        assert second.poll() is None  # it waits
        first.kill()
        assert second.communicate(timeout=60)[0] == "held\n" and second.returncode == 0
    finally:
        first.kill()
        first.wait(60)
    with locked_if_free(path) as mine:
        assert mine


def test_an_error_inside_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    try:
        with locked_if_free(path) as mine:
            assert mine
            raise BlockingIOError
    except BlockingIOError:
        pass
    with locked(path):
        pass
