"""deploy/venv/setup.sh does nothing if .venv is up to date, and fails with one line and exit code 2."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NEEDED = (
    "bash",
    "cat",
    "cksum",
    "dirname",
    "uname",
    "getconf",
    "date",
    "env",
    "basename",
    "sed",
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Copies the files that the set-up reads to an empty folder."""
    folder = tmp_path / "clone"
    shutil.copytree(PROJECT / "deploy", folder / "deploy")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """Returns a PATH with standard shell tools only."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def tool(folder: Path, name: str, script: str) -> None:
    """Puts a script in place of a system tool on the PATH, which returns the output of another machine."""
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def setup(clone: Path, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "deploy/venv/setup.sh"],
        cwd=clone,
        env={"PATH": str(path), "HOME": str(clone), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(result: subprocess.CompletedProcess[str], clone: Path) -> str:
    """Returns the error line of a failed set-up; asserts that it leaves no files."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("setup: ")
    assert not (clone / ".venv").exists()
    assert not (clone / ".venv.lock").exists()
    return line


def base_python() -> str:
    """Returns the base interpreter of the test's environment, with its headers."""
    return os.path.realpath(os.path.join(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"))


def test_no_python(clone: Path, bare_path: Path) -> None:
    assert "no 64-bit Python 3.10 to 3.13" in refused(setup(clone, bare_path), clone)


def test_wrong_python(clone: Path, bare_path: Path) -> None:
    tool(bare_path, "python3", "exit 1")  # what an older version answers to the version check
    assert "no 64-bit Python" in refused(setup(clone, bare_path), clone)


def test_named_python_is_not_one(clone: Path, bare_path: Path) -> None:
    line = refused(setup(clone, bare_path, PYTHON="/nowhere/python3.11"), clone)
    assert "PYTHON=/nowhere/python3.11" in line


def test_no_compiler(clone: Path, bare_path: Path) -> None:
    line = refused(setup(clone, bare_path, PYTHON=base_python()), clone)
    assert "C++ compiler" in line
    assert "g++" in line


@pytest.mark.parametrize(
    ("system", "machine", "says"),
    [
        ("MINGW64_NT-10.0", "x86_64", "WSL 2"),
        ("Linux", "i686", "linux/amd64"),
        ("Linux", "aarch64", "linux/amd64"),
        ("Darwin", "x86_64", "linux/amd64"),
    ],
)
def test_other_machines(clone: Path, bare_path: Path, system: str, machine: str, says: str) -> None:
    tool(bare_path, "uname", f'[ "$1" = -m ] && echo {machine} || echo {system}')
    assert says in refused(setup(clone, bare_path), clone)


def test_musl(clone: Path, bare_path: Path) -> None:
    tool(bare_path, "uname", '[ "$1" = -m ] && echo x86_64 || echo Linux')
    tool(bare_path, "getconf", "exit 1")  # musl's getconf does not know GNU_LIBC_VERSION
    assert "glibc" in refused(setup(clone, bare_path), clone)


def test_old_glibc_without_apt(clone: Path, bare_path: Path) -> None:
    tool(bare_path, "getconf", "echo glibc 2.34")
    result = subprocess.run(
        ["bash", "deploy/venv/private_glibc.sh", "--check"],
        cwd=clone,
        env={"PATH": str(bare_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    line = refused(result, clone)
    assert "glibc 2.34" in line
    assert "container" in line


def test_nothing_to_do_is_silent() -> None:
    result = subprocess.run(
        ["make", "--no-print-directory", "setup"], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0
    assert result.stdout == ""
    assert result.stderr == ""


def test_one_set_up_at_a_time_also_when_one_is_killed(clone: Path, bare_path: Path) -> None:
    """Set-ups run until .venv is created; the first one and its child processes are killed there."""
    for name in ("mkdir", "rmdir", "rm", "sleep", *(["flock"] if shutil.which("flock") else [])):
        found = shutil.which(name)
        assert found is not None, name
        (bare_path / name).symlink_to(found)
    tool(bare_path, "c++", "exit 0")
    making = (
        'mkdir inside || echo "two at once" >>broken; echo in >>begun; test -e go_on || sleep 600; rmdir inside; exit 1'
    )
    answers = f'*CS_GNU_LIBC_VERSION*) exit 1 ;; "-m venv"*) {making} ;; *) exec {base_python()} "$@" ;;'
    tool(bare_path, "python3", f'case "$*" in {answers} esac')

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "deploy/venv/setup.sh"],
            cwd=clone, env={"PATH": str(bare_path), "HOME": str(clone), "PYTHON": "python3"},
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    first = started()
    assert first.stderr is not None
    assert first.stderr.readline().startswith("setup: making .venv")
    waiting = [started() for _ in range(6)]
    for process in waiting:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"setup: waiting for process {first.pid}, or what it has started")
    deadline = time.monotonic() + 60
    while not (clone / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (clone / "go_on").touch()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    (clone / "inside").rmdir()
    for process in waiting:
        process.communicate(timeout=60)
        assert process.returncode == 1  # python -m venv failed
    assert not (clone / "broken").exists()
    assert (clone / "begun").read_text().count("in") == 7


def test_lock_file_names_no_address() -> None:
    text = (PROJECT / "requirements.lock").read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") > 1000
