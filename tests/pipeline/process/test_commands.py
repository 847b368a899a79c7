"""Commands as processes, where output cannot be written or limits are low: one line, the documented code, no trace."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store

from pipeline.metadata.connection import connection_config

HOME = Path("runs/flights")
RUNS = ("runs", "--dataset", "flights")
NEEDS_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


def command(*arguments: str, limit: Callable[[], None] | None = None, **streams) -> "subprocess.CompletedProcess[str]":
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=limit,
        text=True,
        check=False,
        timeout=120,
        **given,
    )


def refused(done: "subprocess.CompletedProcess[str]", code: int = 2) -> str:
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("plumbline: ")
    return line.removeprefix("plumbline: ")


def make_metadata() -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    metadata_store.MetadataStore(connection_config(None, HOME / "metadata.sqlite"))


@pytest.fixture
def a_run(project) -> Path:
    """A finished run that `runs` and `report` can show."""
    folder = HOME / "reports" / "20260101T000000Z-abcd"
    folder.mkdir(parents=True)
    summary = {
        "run_id": folder.name,
        "dataset": "flights",
        "spans": {"train": [1], "eval": [2]},
        "rows": {"train": 10, "eval": 5},
        "components": [{"id": "Trainer", "state": "executed", "seconds": 1.0}],
        "drift": [],
        "fingerprints": {},
        "metrics": {"auc": 0.7},
        "blessed": True,
        "pushed": 1,
        "stopped": None,
        "seconds": 1.0,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@NEEDS_FULL
@pytest.mark.parametrize("arguments", [[*RUNS], [*RUNS, "--json"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_is_full(a_run, monkeypatch, arguments, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        line = refused(command(*arguments, stdout=full))
    assert line == "standard output cannot be written (No space left on device); redirect it to another file"


def test_standard_output_that_is_closed(a_run):
    line = refused(command(*RUNS, stdout=None, limit=lambda: os.close(1)))
    assert line == "standard output is closed; send it to a file or to /dev/null"


def test_standard_error_that_is_closed_or_full_changes_nothing(a_run):
    done = command(*RUNS, limit=lambda: os.close(2))
    assert (done.returncode, done.stderr) == (0, "")
    assert a_run.name in done.stdout
    assert command("runs", "--dataset", "nope", limit=lambda: os.close(2)).returncode == 2
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            assert command("runs", "--dataset", "nope", stderr=full).returncode == 2


def test_who_reads_may_stop_reading(a_run):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = command(*RUNS, stdout=closed)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_page_where_a_folder_is(a_run):
    (HOME / "reports" / "runs.html").mkdir()
    line = refused(command(*RUNS, "--html"))
    assert line.endswith("/reports/runs.html: cannot be read or written (Is a directory); choose another folder")


def test_a_root_below_a_file(project):
    Path("file").write_text("")
    line = refused(command(*RUNS, "--root", "file/below"))
    assert "file/below/flights" in line


def test_a_limit_on_the_size_of_files(a_run):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    line = refused(command(*RUNS, "--html", limit=limit))
    assert "File too large" in line
    assert "ulimit -f" in line
    assert not (HOME / "reports" / "runs.html").exists()
    assert not list((HOME / "reports").glob(".runs.html.*"))


@pytest.mark.parametrize("gigabytes", [0.3, 0.6])
def test_a_limit_on_memory_at_import(project, gigabytes):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 1e9),) * 2)

    span = "data/flights/span-04.csv"
    for arguments in (["drift", span, span], ["init", "--data", span, "--label", "late", "--name", "x"]):
        line = refused(command(*arguments, limit=limit), code=1)
        assert "limit on address space (ulimit -v)" in line


def test_a_limit_on_open_files(project):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))

    span = "data/flights/span-04.csv"
    line = refused(command("drift", span, span, limit=limit), code=1)
    assert line == "12 open files are allowed, but 64 are needed; raise the limit (ulimit -n)"


def test_a_manifest_that_is_gone(project):
    version = HOME / "registry" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text("x")
    make_metadata()
    line = refused(command("lineage", "--dataset", "flights", "1"))
    assert line.endswith("registry/1/manifest.json: is gone, while its model is there; run `plumbline doctor`")


def test_metadata_that_is_damaged(project):
    HOME.mkdir(parents=True)
    (HOME / "metadata.sqlite").write_bytes(b"x" * 5000)
    line = refused(command("downstream", "--dataset", "flights", "1"))
    assert line.endswith(
        "metadata.sqlite: is damaged, or is no ML Metadata (file is not a database); run `plumbline doctor`"
    )


def test_a_summary_cut_short(a_run):
    make_metadata()
    text = (a_run / "summary.json").read_text()
    (a_run / "summary.json").write_text(text[:40])
    line = refused(command("report", "--dataset", "flights", a_run.name))
    assert "summary.json: is damaged or cut short" in line
    assert line.endswith("run `plumbline doctor`")


def test_debug_shows_the_trace_and_keeps_the_code(project):
    done = command("runs", "--dataset", "nope", "--debug")
    assert done.returncode == 2
    assert "Traceback (most recent call last):" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("plumbline: ")
