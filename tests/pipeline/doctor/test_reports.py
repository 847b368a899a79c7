"""Summaries, caches and temporary files."""

import json
from pathlib import Path

import pytest


@pytest.mark.parametrize("content", [b"", b'{"run_id": "2026', b"[]", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_a_half_written_summary_is_rebuilt_from_the_manifest(runs, content):
    run_id = runs.history.run_ids[1]
    file = runs.home / "reports" / run_id / "summary.json"
    before = json.loads(file.read_text())
    file.write_bytes(content)
    ((check, severity, _),) = runs.found()
    assert (check, severity) == ("reports", "warning")
    (aside,) = map(Path, runs.repair().set_aside)
    assert (aside / "reports" / run_id / "summary.json").read_bytes() == content
    found = json.loads(file.read_text())
    same = ("run_id", "dataset", "pushed", "fingerprints", "blessed")
    assert {name: found[name] for name in same} == {name: before[name] for name in same}
    assert found["warnings"] == [
        "rebuilt by plumbline doctor; fields that are not in the metadata or the manifest are missing"
    ]
    assert runs.found() == []


def test_a_lost_summary_of_a_run_that_pushed(runs):
    file = runs.home / "reports" / runs.history.run_ids[0] / "summary.json"
    file.unlink()
    assert runs.found() == [("reports", "warning", "is missing, though its run pushed a version")]
    runs.repair()
    assert json.loads(file.read_text())["pushed"] == 1


def test_a_summary_that_nothing_else_knows_is_set_aside(runs):
    run_id = runs.history.add(train=[3, 4], evaluation=5, push=False)
    file = runs.home / "reports" / run_id / "summary.json"
    file.write_text("{")
    (aside,) = map(Path, runs.repair().set_aside)
    assert (aside / "reports" / run_id / "summary.json").read_text() == "{"
    assert not file.exists()


def test_a_pinned_schema_that_was_changed(runs):
    (pinned,) = (runs.home / "cache").glob("schema-*/schema.pbtxt")
    pinned.write_text(pinned.read_text().replace("INT", "FLOAT"))
    ((check, severity, _),) = runs.found()
    assert (check, severity) == ("cache", "error")
    runs.repair()
    assert not pinned.exists()
    assert runs.found() == []


def test_temporary_files_of_killed_runs(runs):
    left = [
        runs.home / "reports" / runs.history.run_ids[0] / ".summary.json.ab12cd3_",
        runs.home / "artifacts" / "Trainer" / ".system" / "executor_execution" / "6" / ".temp" / "0" / "x",
    ]
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    ((check, severity, what),) = runs.found()
    assert (check, severity) == ("temporary", "warning")
    assert what.startswith("2 temporary files of killed runs, 2 bytes")
    (aside,) = map(Path, runs.repair().set_aside)
    assert not any(file.exists() for file in left)
    assert all((aside / file.relative_to(runs.home)).exists() for file in left)
    assert runs.found() == []
