"""deploy/flink: one line and exit code 2 where a cluster cannot be had. That it works is shown by tests/e2e."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[4] / "deploy" / "flink"


def refused(script: str, folder: Path, **variables: str) -> str:
    """What a script says that refuses; it must be one line, after what it said it was doing."""
    environment = {**os.environ, "FLINK_DIR": str(folder), **variables}
    done = subprocess.run(["bash", SCRIPTS / script], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    last: str = done.stderr.splitlines()[-1]
    assert last.startswith("flink: ")
    return last


def java(folder: Path, version: str) -> dict[str, str]:
    """A Java of that version, as far as `java -version` goes."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return {"JAVA_HOME": str(folder)}


def test_no_java(tmp_path: Path) -> None:
    assert "Java was not found" in refused("up.sh", tmp_path, JAVA_HOME=str(tmp_path))


def test_an_old_java(tmp_path: Path) -> None:
    assert "is version 1; Flink needs Java 11" in refused("up.sh", tmp_path, **java(tmp_path / "java", "1.8.0_392"))


@pytest.mark.parametrize("name", ["FLINK_TASKMANAGERS", "FLINK_SLOTS", "FLINK_PORT", "FLINK_HEAP_MB"])
def test_no_number(name: str, tmp_path: Path) -> None:
    assert "whole numbers above 0" in refused("up.sh", tmp_path, **{name: "many"})


def test_offline(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "mvn").write_text("#!/bin/sh\nexit 1\n")
    (tools / "mvn").chmod(0o755)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PATH": f"{tools}:{os.environ['PATH']}"}
    said = refused("fetch.sh", tmp_path / "flink", **java(tmp_path / "java", "17.0.1"), **offline)
    assert "pip could not download apache-flink-libraries 1.19" in said
    assert not (tmp_path / "flink" / ".ready").exists()
    assert not (tmp_path / "flink" / ".lock").is_symlink()


def test_down_without_a_cluster(tmp_path: Path) -> None:
    environment = {**os.environ, "FLINK_DIR": str(tmp_path)}
    done = subprocess.run(["bash", SCRIPTS / "down.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert "no cluster was started here" in done.stderr


def test_down_ends_no_process_of_others(tmp_path: Path) -> None:
    """A process id that was the cluster's and is another process' by now."""
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "cluster").mkdir()
        (tmp_path / "cluster" / "jobmanager.pid").write_text(f"{other.pid}\n")
        environment = {**os.environ, "FLINK_DIR": str(tmp_path)}
        done = subprocess.run(["bash", SCRIPTS / "down.sh"], env=environment, capture_output=True, text=True)
        assert "0 processes ended" in done.stderr
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
