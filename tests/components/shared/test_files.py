import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from components.shared.files import CHUNK, sha256, write_json, write_text


def test_write_and_replace_leave_no_temporary_file(tmp_path):
    path = tmp_path / "a" / "b" / "f.txt"
    write_text(path, "one\n")
    write_text(path, "zwei ü\n")
    assert path.read_bytes() == "zwei ü\n".encode()
    assert os.listdir(path.parent) == ["f.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_json_is_readable_and_strict(tmp_path):
    write_json(tmp_path / "f.json", {"ü": [1, None, 0.5]})
    text = (tmp_path / "f.json").read_text("utf-8")
    assert "ü" in text
    assert text.endswith("\n")
    assert json.loads(text) == {"ü": [1, None, 0.5]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_value_that_json_cannot_represent_keeps_the_old_file(tmp_path, value):
    path = tmp_path / "f.json"
    write_json(path, {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, {"new": value})
    assert json.loads(path.read_text()) == {"old": 1}
    assert os.listdir(tmp_path) == ["f.json"]


def test_text_that_utf8_cannot_represent_keeps_the_old_file(tmp_path):
    path = tmp_path / "f.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "x" * 100_000 + "\ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f.txt"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from components.shared.files import write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path(sys.argv[1]), "new" * 10_000)
except OSError as exc:
    print(exc.errno)
"""


def test_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "f.txt"
    write_text(path, "old")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip().isdigit()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f.txt"]


ENDLESS = """
import sys
from pathlib import Path
from components.shared.files import write_text
print("ready", flush=True)
number = 0
while True:
    number += 1
    write_text(Path(sys.argv[1]), str(number % 10) * 200_000)
"""


def test_file_is_complete_whenever_a_writer_is_killed(tmp_path):
    path = tmp_path / "f.txt"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        while not path.exists():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        text = path.read_text()
        assert len(text) == 200_000
        assert len(set(text)) == 1


def test_next_write_deletes_only_what_a_killed_writer_left(tmp_path):
    path = tmp_path / "f.txt"
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    while not list(tmp_path.glob(".f.txt.*.tmp")):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (tmp_path / ".f.txt.killed.tmp").write_text("half")
    others = {".f.txt.swp", ".f.txt", ".g.txt.x.tmp", "f.txt.tmp"}
    for name in others:
        (tmp_path / name).write_text("somebody else's")
    write_text(path, "whole")
    assert set(os.listdir(tmp_path)) == {"f.txt", *others}


def test_temporary_file_of_a_running_writer_is_kept(tmp_path):
    path = tmp_path / "f.txt"
    writers = [
        subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for number in range(200):
        write_text(path, f"{number}")
    for writer in writers:
        assert writer.poll() is None, writer.stderr.read()  # none missed the file that it was about to rename
        writer.kill()
        writer.communicate()


def test_impossible_folder_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_text(tmp_path / "file" / "f.txt", "x")


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * CHUNK, b"x" * (CHUNK + 1)])
def test_sha256(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    assert sha256(tmp_path / "f") == hashlib.sha256(content).hexdigest()
