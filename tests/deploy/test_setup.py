"""deploy/venv/setup.sh: quick and quiet when there is nothing to do, one line and exit code 2 where it cannot work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NEEDED = (
    "bash",
    "cat",
    "cksum",
    "dirname",
    "ln",
    "readlink",
    "rm",
    "sleep",
    "uname",
    "getconf",
    "date",
    "env",
    "basename",
    "sed",
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that the set-up reads, in an empty folder."""
    folder = tmp_path / "clone"
    shutil.copytree(PROJECT / "deploy", folder / "deploy")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with the shell's everyday tools and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def tool(folder: Path, name: str, script: str) -> None:
    """Puts a stand-in for a system's tool on the PATH: what another machine would answer."""
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
    """The one line of a refusal, which leaves nothing behind."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("setup: ")
    assert not (clone / ".venv").exists()
    assert not (clone / ".venv.lock").is_symlink()
    return line


def base_python() -> str:
    """The interpreter under the test's own environment, with its headers."""
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


def test_lock_of_a_dead_set_up_is_taken_over(clone: Path, bare_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    (clone / ".venv.lock").symlink_to(str(dead.pid))
    assert "no 64-bit Python" in refused(setup(clone, bare_path), clone)


def test_lock_file_names_no_address() -> None:
    text = (PROJECT / "requirements.lock").read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") > 1000
