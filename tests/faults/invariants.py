"""Assertions on the guarantees of docs/reliability.md, by files, SQLite and /proc, without Plumbline's own code."""

import fcntl
import gzip
import hashlib
import json
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.workplace import DATASET, Ended, Workplace, processes_that_stay

DOCUMENTED = (0, 1, 2, 3, 129, 130, 143)
ABOUT = ("manifest.json", "model_card.md", "model_card.html")
"""Beside a version's model: not among the files whose digests the manifest holds."""
UGLY = (
    "Traceback (most recent call last)",
    "terminate called",
    "Fatal Python error",
    "Segmentation fault",
    "core dumped",
)
RUNNING = 2
"""ML Metadata's last_known_state of an execution under way."""
OUTPUT = 4
"""ML Metadata's event type."""

Files = Mapping[str, bytes]
"""Path below a folder or in a bucket -> content."""


def files_below(folder: Path) -> dict[str, bytes]:
    """Of a registry's folder, without its locks."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def versions(files: Files) -> dict[int, dict[str, bytes]]:
    """Number -> its files, of every folder that TF Serving would take for a version."""
    found: dict[int, dict[str, bytes]] = {}
    for name, content in files.items():
        version, _, rest = name.partition("/")
        if version.isdecimal() and rest:
            found.setdefault(int(version), {})[rest] = content
    return found


# -- after every ending ------------------------------------------------------------------------------------------


def assert_ending(ended: Ended, *codes: int) -> None:
    """Asserts a documented exit code, one line for a failure, no traceback, and no remaining process.

    Args:
      ended: The command.
      codes: Allowed exit codes; none means all documented ones.
    """
    assert ended.code in (codes or DOCUMENTED), ended
    for ugly in UGLY:
        assert ugly not in ended.err, f"{ugly!r} in the output of {ended}"
        assert ugly not in ended.out, f"{ugly!r} in the output of {ended}"
    lines = [line for line in ended.err.splitlines() if line.startswith("plumbline: ")]
    if ended.code:
        assert len(lines) == 1, f"{len(lines)} lines of message instead of one from {ended}"
        assert ended.err.splitlines()[-1] == lines[0], f"the message is not the last line of {ended}"
        assert 20 < len(lines[0]) < 700, f"a message of {len(lines[0])} characters from {ended}"
    assert not processes_that_stay(ended.trial), f"a process outlives {ended}"


def assert_killed(ended: Ended) -> None:
    """It was killed, by us, and so were its children, or they ended by themselves."""
    assert ended.code == -9, ended
    assert not processes_that_stay(ended.trial), f"a process outlives {ended}"


# -- at every moment ---------------------------------------------------------------------------------------------


def assert_root(place: Workplace, before: Files) -> None:
    """Asserts the invariants that hold at any time, also after a kill.

    Args:
      place: The workplace.
      before: The registry's files before; existing versions must be unchanged.
    """
    assert_registry(files_below(place.registry), before)
    assert_metadata(place.home / "metadata.sqlite")
    for lock in (place.home / ".run.lock", place.registry / ".lock"):
        assert_free(lock)
    for folder in place.outside:
        left = sorted(path.relative_to(place.folder).as_posix() for path in folder.rglob("*"))
        assert not left, f"left outside the root: {left}"


def assert_registry(files: Files, before: Files) -> None:
    """Every version is whole and what it was; `live`, `previous` and `canary` name versions that are there."""
    now = versions(files)
    for version, was in versions(before).items():
        assert now.get(version) == was, f"version {version} is not what it was: {changed(was, now.get(version, {}))}"
    for version, found in now.items():
        manifest = json.loads(found["manifest.json"])
        told = manifest["files"]
        model = {name: hashlib.sha256(content).hexdigest() for name, content in found.items() if name not in ABOUT}
        assert told == model, f"version {version} is not what its manifest says: {changed(told, model)}"
        assert manifest["version"] == version
    if "labels.json" in files:
        named = json.loads(files["labels.json"])
        for role in ("live", "previous", "canary"):
            assert named.get(role) is None or named[role] in now, f"{role} is {named[role]}, there is {sorted(now)}"


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The names that differ."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(names[:5])


def assert_metadata(database: Path) -> None:
    """SQLite finds nothing wrong with a copy of it, once it has taken back what a killed process began."""
    if not database.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        for path in database.parent.glob(f"{database.name}*"):
            shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / database.name)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert copy.execute("PRAGMA foreign_key_check").fetchall() == []


def assert_free(lock: Path) -> None:
    """Nobody holds it."""
    if lock.exists():
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# -- after a run that ended with 0 ---------------------------------------------------------------------------------


def assert_result(place: Workplace, summary: Mapping[str, Any], reference: Mapping[str, Any]) -> None:
    """Asserts that a run's summary matches its artifacts and the summary of a run without faults."""
    assert_rows(place, summary)
    for name in ("rows", "spans", "unlabelled", "fingerprints", "anomalies", "blessed"):
        assert summary[name] == reference[name], f"{name}: {summary[name]} instead of {reference[name]}"
    for name, value in reference["metrics"].items():
        assert summary["metrics"][name] == pytest.approx(value, rel=1e-6, abs=1e-9), f"metric {name}"
    distances = {
        (row["feature"], row["measure"]): row["distance"] for row in reference["drift"] if not row.get("slice")
    }
    found = {(row["feature"], row["measure"]): row["distance"] for row in summary["drift"] if not row.get("slice")}
    assert found == pytest.approx(distances, rel=1e-6, abs=1e-9), "drift"
    assert summary["stopped"] is None
    kept = json.loads((place.home / "reports" / summary["run_id"] / "summary.json").read_text())
    assert kept == summary
    assert Path(summary["report"]).is_file()
    assert running(place.home / "metadata.sqlite") == [], "executions under way without a process"


def assert_rows(place: Workplace, summary: Mapping[str, Any]) -> None:
    """Rows in the spans' files, in the examples, in the summary, in the manifest and on the card are the same."""
    rows = {split: place.rows(spans) for split, spans in summary["spans"].items()}
    assert summary["rows"] == rows
    for folder in outputs(place.home / "metadata.sqlite", summary["run_id"], "ArrowExampleGen"):
        for split, count in rows.items():
            assert records(folder / f"Split-{split}") == count, f"{folder}, split {split}"
    if summary["pushed"] is not None:
        version = place.registry / str(summary["pushed"])
        manifest = json.loads((version / "manifest.json").read_text())
        assert manifest.get("rows", rows) == rows, "rows in the manifest"
        card = (version / "model_card.md").read_text()
        for count in rows.values():
            assert f"{count:,}" in card, "rows on the model card"


def records(folder: Path) -> int:
    """TFRecords in the gzipped files of a folder, by their lengths."""
    count = 0
    for path in sorted(folder.glob("*.gz")):
        content = gzip.decompress(path.read_bytes())
        position = 0
        while position < len(content):
            (length,) = struct.unpack_from("<Q", content, position)
            position += 8 + 4 + length + 4
            count += 1
        assert position == len(content), f"{path}: ends within a record"
    return count


def outputs(database: Path, run_id: str, component: str) -> list[Path]:
    """Folders of what a component put out in a run, executed or cached."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        found = store.execute(
            "SELECT DISTINCT Artifact.uri FROM Artifact JOIN Event ON Event.artifact_id = Artifact.id "
            "JOIN Association ON Association.execution_id = Event.execution_id "
            "JOIN Context ON Context.id = Association.context_id WHERE Context.name = ? AND Event.type = ?",
            (run_id, OUTPUT),
        ).fetchall()
    folders = [Path(uri) for (uri,) in found if f"/{DATASET}/" in uri and f"/{component}/" in uri]
    assert folders, f"no output of {component} in run {run_id}"
    return folders


def running(database: Path) -> list[int]:
    """Executions that the metadata say are under way."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        return [id_ for (id_,) in store.execute("SELECT id FROM Execution WHERE last_known_state = ?", (RUNNING,))]
