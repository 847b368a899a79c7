"""Versions whose files or manifest are damaged, labels that name nothing, leftovers of pushes; in a bucket, too."""

import json
import shutil
from pathlib import Path

import pytest

from components.registry.backend import file_digests
from components.registry.registry import Registry
from components.shared.files import write_json
from pipeline.doctor.finding import DatasetPaths, DoctorOptions
from pipeline.doctor.registry import check_registry
from pipeline.doctor.registry_repair import repair_labels
from pipeline.doctor.set_aside import SetAside
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server


def _labels(runs) -> dict:
    found = json.loads((runs.registry.folder / "labels.json").read_text())
    return {role: found[role] for role in ("live", "canary", "previous")}


def _keep_model(runs, version: int) -> Path:
    """The trainer's artifact, as a real run leaves it, of what was pushed."""
    folder = sorted((runs.home / "artifacts" / "Trainer" / "model").iterdir(), key=lambda path: int(path.name))[-1]
    model = folder / "Format-Serving"
    shutil.copytree(runs.registry.folder / str(version), model, ignore=shutil.ignore_patterns("manifest.json"))
    return model


def test_a_damaged_version_is_restored_from_the_artifact(runs):
    _keep_model(runs, 2)
    file = runs.registry.folder / "2" / "saved_model.pb"
    whole = file.read_bytes()
    file.write_bytes(whole + b"x")
    assert ("registry", "error", "saved_model.pb: differs from the pushed file") in runs.found()
    done = runs.repair()
    assert file.read_bytes() == whole
    assert _labels(runs) == {"live": 2, "canary": None, "previous": 1}
    (aside,) = map(Path, done.set_aside)
    assert (aside / "registry" / "2" / "saved_model.pb").read_bytes() == whole + b"x"
    runs.registry.verify(2)


def test_a_damaged_live_version_without_its_artifact(runs):
    """It is set aside, and the one before is live again; what the cache says of pushes does not count any more."""
    (runs.registry.folder / "2" / "saved_model.pb").write_bytes(b"x")
    before = runs.registry.labels()
    runs.repair()
    assert runs.registry.versions() == [1]
    assert _labels(runs) == {"live": 1, "canary": None, "previous": None}
    assert runs.registry.labels().id != before.id
    assert runs.found() == []


def test_a_lost_manifest_is_rebuilt(runs):
    _keep_model(runs, 2)
    shutil.rmtree(runs.home / "artifacts" / ".records")  # the artifact holds more than its component wrote
    manifest = runs.registry.folder / "2" / "manifest.json"
    before = json.loads(manifest.read_text())
    manifest.unlink()
    assert runs.found() == [("registry", "error", "is missing")]
    runs.repair()
    found = runs.registry.manifest(2)
    assert {name: found[name] for name in ("run_id", "fingerprints", "files", "version")} == {
        name: before[name] for name in ("run_id", "fingerprints", "files", "version")
    }
    runs.registry.verify(2)
    assert runs.found() == []


@pytest.mark.parametrize("content", [None, b"", b'{"run_id": "x", "fil', b"[]", b'{"files": 3}'])
def test_a_manifest_that_cannot_be_rebuilt(runs, content):
    manifest = runs.registry.folder / "2" / "manifest.json"
    manifest.unlink() if content is None else manifest.write_bytes(content)
    assert [(check, severity) for check, severity, _ in runs.found()] == [("registry", "error")]
    (aside,) = map(Path, runs.repair().set_aside)
    assert (aside / "registry" / "2" / "saved_model.pb").is_file()
    assert _labels(runs) == {"live": 1, "canary": None, "previous": None}
    assert runs.found() == []


def test_labels_that_name_nothing(runs):
    write_json(runs.registry.folder / "labels.json", {"id": "a", "live": 7, "canary": 9, "previous": 1})
    ((_, severity, what),) = runs.found()
    assert severity == "error"
    assert what == "live is 7, canary is 9, which does not exist (available: 1, 2)"
    runs.repair()
    assert _labels(runs) == {"live": 1, "canary": None, "previous": None}
    assert runs.found() == []


@pytest.mark.parametrize("content", [None, b"", b'{"id": "a", "li', b'{"id": "a", "live": "2"}', b"\xff"])
def test_labels_that_cannot_be_read(runs, content):
    labels = runs.registry.folder / "labels.json"
    labels.unlink() if content is None else labels.write_bytes(content)
    assert [(check, severity) for check, severity, _ in runs.found()] == [("registry", "error")]
    runs.repair()
    assert _labels(runs) == {"live": 2, "canary": None, "previous": None}
    assert runs.found() == []


def test_leftovers_of_a_killed_push(runs):
    staging = runs.registry.folder / ".staging-3-abc"
    staging.mkdir()
    (staging / "saved_model.pb").write_text("half")
    ((_, severity, what),) = runs.found()
    assert (severity, what) == ("warning", "1 leftovers of interrupted pushes, such as .staging-3-abc")
    (aside,) = map(Path, runs.repair().set_aside)
    assert (aside / "registry" / ".staging-3-abc" / "saved_model.pb").read_text() == "half"
    assert runs.found() == []


@pytest.mark.slow
def test_in_a_bucket(bucket, tmp_path, monkeypatch):
    registry = Registry(bucket.location)
    for name in ("a", "b"):
        model = tmp_path / name
        model.mkdir()
        (model / "saved_model.pb").write_text(name)
        registry.push(model, {"run_id": name, "files": file_digests(model)})
    monkeypatch.setattr("pipeline.doctor.registry.registry_folder", lambda config, root: bucket.location)

    def found():
        one = check_registry(DatasetPaths(tmp_path, "flights"), object(), DoctorOptions())
        return [(finding.severity, finding.what, finding.repairable) for finding in one.findings]

    assert found() == []
    bucket.write("2/saved_model.pb", b"x")
    assert found() == [("error", "saved_model.pb: differs from the pushed file", False)]
    bucket.delete("2")
    assert found() == [("error", "live is 2, which does not exist (available: 1)", True)]
    repair_labels(registry, SetAside(tmp_path / "home"))
    assert registry.labels().live == 1
    bucket.write("labels.json", b"{")
    assert [(severity, repairable) for severity, _, repairable in found()] == [("error", True)]
    repair_labels(registry, SetAside(tmp_path / "home"))
    assert found() == []
    assert [path.read_bytes() for path in sorted((tmp_path / "home").rglob("labels.json*"))][-1] == b"{"


def test_a_manifest_is_not_rebuilt_from_a_run_that_pushed_to_another_registry(runs):
    _keep_model(runs, 2)
    shutil.rmtree(runs.home / "artifacts" / ".records")
    for file in (runs.home / "reports").glob("*/summary.json"):
        write_json(file, json.loads(file.read_text()) | {"registry": "/elsewhere/models"})
    (runs.registry.folder / "2" / "manifest.json").unlink()
    runs.repair()
    assert runs.registry.versions() == [1]
    assert runs.registry.push(runs.registry.folder / "1", {}) != 2  # the number was given


def test_a_canary_that_is_gone_leaves_neither_share_nor_key(runs):
    labels = runs.registry.labels()
    write_json(
        runs.registry.folder / "labels.json",
        {"id": labels.id, "live": 2, "canary": 8, "previous": 1, "share": 0.2, "key": "k", "step": 1, "since": "s"},
    )
    assert ("registry", "error", "canary is 8, which does not exist (available: 1, 2)") in runs.found()
    runs.repair()
    found = json.loads((runs.registry.folder / "labels.json").read_text())
    assert (found.pop("id") != labels.id, found) == (True, {"live": 2, "canary": None, "previous": 1})
