"""Temporary files lie in a folder of the process's own, which its end removes, and the next one if it was killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.process.temporary_files import leftovers, remove_leftovers, scratch

HOLDER = """
import sys, tempfile
from pathlib import Path
from pipeline.process.temporary_files import scratch
with scratch(Path(sys.argv[1])) as folder:
    tempfile.mkstemp(prefix="__autograph_generated_file")
    print(folder, flush=True)
    sys.stdin.readline()
"""


def test_temporary_files_go_there_and_are_removed(tmp_path):
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with scratch(tmp_path / ".tmp") as folder:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(b"x")
        assert Path(file.name).parent == folder
        code = "import tempfile; print(tempfile.gettempdir())"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert child.stdout.strip() == str(folder)
    assert not folder.exists()
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before


def test_a_living_process_keeps_its_own_and_a_dead_ones_is_removed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    folder = Path(holder.stdout.readline().strip())
    assert list(folder.glob("__autograph*"))
    assert leftovers(tmp_path) == []
    with scratch(tmp_path):
        assert folder.exists()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert leftovers(tmp_path) == [folder]
    with scratch(tmp_path):
        assert not folder.exists()


def test_what_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "plumbline-notes").mkdir()
    (tmp_path / "plumbline-notes" / "text").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".lock").touch()
    (tmp_path / "plumbline-link").symlink_to(tmp_path / "elsewhere")
    assert remove_leftovers(tmp_path) == []
    assert (tmp_path / "plumbline-notes" / "text").read_text() == "mine"
    assert (tmp_path / "elsewhere").exists()
