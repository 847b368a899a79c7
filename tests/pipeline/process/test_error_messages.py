"""An exception becomes one line with the documented exit code: what, where, what to do."""

import errno
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.errors import GateBlocked, InputError, ResourceError, UsageError
from components.shared.files import read_json
from pipeline.process.error_messages import as_error, known


def raised_by(act) -> BaseException:
    try:
        act()
    except Exception as exc:
        return exc
    pytest.fail("nothing was raised")


def test_an_error_of_ours_stays_what_it_is():
    error = GateBlocked("span 4: blocked")
    assert as_error(error) is error


def test_a_bug_is_called_one():
    error = as_error(raised_by(lambda: {}["key"]))
    assert str(error) == "internal error: KeyError: 'key'; --debug shows the trace"
    assert error.exit_code == 1


def test_a_full_disk_names_the_place_and_its_free_space(tmp_path):
    error = as_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "below" / "file")))
    assert isinstance(error, UsageError)
    assert str(error).startswith(f"{tmp_path}/below/file: No space left on device; ")
    assert " free; free some" in str(error)
    assert str(error).endswith("free some, or choose another folder")


def test_a_full_disk_inside_a_copy_is_told_like_any_other(tmp_path):
    source, target = tmp_path / "model", tmp_path / "registry"
    why = "[Errno 28] No space left on device: '/x'"
    error = as_error(shutil.Error([(str(source), str(target), why)]), tmp_path)
    assert str(error).startswith("/x: No space left on device")


def test_a_copy_that_really_fails(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").symlink_to(tmp_path / "nowhere")
    error = as_error(raised_by(lambda: shutil.copytree(tmp_path / "model", tmp_path / "copy")))
    assert str(error).startswith(f"{tmp_path}/nowhere: does not exist") or "model/weights" in str(error)
    assert error.exit_code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_below_arrow():
    def write() -> None:
        with pa.OSFile("/dev/full", "wb") as file:
            file.write(b"x")

    assert "No space left on device" in str(as_error(raised_by(write), Path("/dev")))


def test_what_another_exception_wraps_is_found():
    def wrap() -> None:
        try:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/data/x")
        except OSError as exc:
            raise RuntimeError("Transform failed") from exc

    error = as_error(raised_by(wrap))
    assert isinstance(error, ResourceError)
    assert "/data/x: Too many open files; raise the limit on them (ulimit -n)" in str(error)


def test_a_bug_in_a_handler_is_not_blamed_on_the_file():
    def handle() -> None:
        try:
            raise FileNotFoundError(errno.ENOENT, "gone", "/optional")
        except FileNotFoundError:
            {}["key"]

    assert "internal error: KeyError" in str(as_error(raised_by(handle)))


@pytest.mark.parametrize(
    ("exc", "says"),
    [
        (MemoryError(), "out of memory (peak "),
        (RuntimeError("std::bad_alloc"), "out of memory (peak "),
        (pa.ArrowMemoryError("malloc of size 8 failed"), "[data] window"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), "further process or thread"),
        (ImportError("libtensorflow.so: failed to map segment from shared object"), "out of memory"),
        (ImportError("No module named 'x'"), "make setup"),
    ],
)
def test_what_the_machine_does_not_give_is_a_resource_error(exc, says):
    error = as_error(exc)
    assert isinstance(error, ResourceError)
    assert error.exit_code == 1
    assert says in str(error)


def test_paths_that_no_system_takes(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (loop / "x", tmp_path / ("n" * 300), Path("/proc/plumbline"), Path(__file__) / "x"):
        error = as_error(raised_by(lambda path=path: path.write_text("")))
        assert isinstance(error, UsageError)
        assert str(error).startswith(f"{path}: ")


def test_damaged_metadata_points_to_the_doctor(tmp_path):
    (tmp_path / "metadata.sqlite").write_bytes(b"x" * 5000)
    connection = sqlite3.connect(tmp_path / "metadata.sqlite")
    error = as_error(raised_by(lambda: connection.execute("SELECT * FROM Execution")), tmp_path)
    connection.close()
    assert str(error) == (
        f"{tmp_path}/metadata.sqlite: the metadata cannot be read (file is not a database); run `plumbline doctor`"
    )
    sql = "Error when executing query: database disk image is malformed query:  SELECT * FROM `Type`"
    assert "SELECT" not in str(as_error(RuntimeError(sql)))


def test_a_json_file_cut_short_is_named(tmp_path):
    path = tmp_path / "summary.json"
    path.write_text(json.dumps({"run_id": "x"})[:5])
    error = raised_by(lambda: read_json(path))
    assert isinstance(error, UsageError)
    assert str(error).startswith(f"{path}: is damaged or cut short")
    assert "plumbline doctor" in str(error)


def test_a_connection_is_not_a_place():
    assert known(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Path("/root/flights")) is None


def test_a_file_that_would_be_unpickled_is_a_wrong_input():
    error = as_error(RuntimeError("Disallowed deserialization of 'arrow.py_extension_type':\nstorage_type = int64"))
    assert isinstance(error, InputError)
    assert "save its columns with their storage types" in str(error)
