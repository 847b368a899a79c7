"""Records of artifacts, and findings after their files have changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.artifacts import integrity


@pytest.fixture
def artifact(tmp_path: Path) -> str:
    folder = tmp_path / "Ingest" / "examples" / "7"
    (folder / "Split-train").mkdir(parents=True)
    (folder / "Split-train" / "a.gz").write_bytes(b"first shard")
    (folder / "Split-train" / "b.gz").write_bytes(b"second shard")
    (folder / "Split-eval").mkdir()
    (folder / "note.txt").write_bytes(b"")
    return str(folder)


def test_record_is_stored_outside_of_the_artifact_and_read_back(artifact, tmp_path):
    made = integrity.record(artifact)
    assert sorted(made.files) == ["Split-train/a.gz", "Split-train/b.gz", "note.txt"]
    assert made.files["Split-train/a.gz"].size == 11
    assert made.files["note.txt"].sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert integrity.load_record(artifact) == made
    assert integrity.record_file(artifact) == tmp_path / ".records" / "Ingest" / "examples" / "7.json"
    assert integrity.check_artifact(artifact, made, digests=True) == []
    assert integrity.check_content(artifact, made.content) == []


def test_every_kind_of_damage_is_found_and_named(artifact):
    made = integrity.record(artifact)
    train = Path(artifact) / "Split-train"
    (train / "a.gz").unlink()
    (train / "b.gz").write_bytes(b"second")
    (train / "old.gz").write_bytes(b"a shard of before")
    (Path(artifact) / "note.txt").unlink()
    (Path(artifact) / "note.txt").write_bytes(b"")
    found = integrity.check_artifact(artifact, made, digests=False)
    assert [(one.kind, one.file) for one in found] == [
        ("missing", "Split-train/a.gz"),
        ("size", "Split-train/b.gz"),
        ("extra", "Split-train/old.gz"),
    ]
    assert found[1].detail == "has 6 bytes instead of 12"


def test_flipped_byte_is_found_by_time_and_by_digest(artifact):
    made = integrity.record(artifact)
    shard = Path(artifact) / "Split-train" / "a.gz"
    shard.write_bytes(b"first shArd")
    os.utime(shard, ns=(0, made.files["Split-train/a.gz"].mtime_ns + 1))
    assert [one.kind for one in integrity.check_artifact(artifact, made, digests=False)] == ["digest"]
    os.utime(shard, ns=(0, made.files["Split-train/a.gz"].mtime_ns))
    assert integrity.check_artifact(artifact, made, digests=False) == []
    assert [(one.kind, one.file) for one in integrity.check_artifact(artifact, made, digests=True)] == [
        ("digest", "Split-train/a.gz")
    ]
    assert [one.kind for one in integrity.check_content(artifact, made.content)] == ["content"]


def test_copy_with_other_times_is_the_same_artifact(artifact, tmp_path):
    made = integrity.record(artifact)
    copy = shutil.copytree(artifact, tmp_path / "copy", copy_function=shutil.copyfile)
    assert integrity.check_artifact(str(copy), made, digests=False) == []
    assert integrity.describe(str(copy)).content == made.content


def test_missing_artifact_lacks_all_its_files(artifact):
    made = integrity.record(artifact)
    shutil.rmtree(artifact)
    assert [one.kind for one in integrity.check_artifact(artifact, made, digests=False)] == ["missing"] * 3
    assert [one.kind for one in integrity.check_content(artifact, made.content)] == ["content"]


def test_artifact_of_one_file(tmp_path):
    file = tmp_path / "Count" / "rows" / "5" / "value"
    file.parent.mkdir(parents=True)
    file.write_text("12")
    made = integrity.record(str(file))
    assert list(made.files) == [""]
    assert integrity.check_artifact(str(file), made, digests=True) == []
    file.write_text("13 ")
    assert [one.kind for one in integrity.check_artifact(str(file), made, digests=False)] == ["size"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 2, "files": {}}',
        '{"format": 1, "files": {"a": [1]}}',
        '{"format": 1, "files": {"a": ["1", 2, "x"]}}',
    ],
)
def test_unreadable_record_is_none(artifact, text):
    integrity.record(artifact)
    integrity.record_file(artifact).write_text(text)
    assert integrity.load_record(artifact) is None


def test_content_distinguishes_a_part_of_the_files_from_all(artifact):
    made = integrity.record(artifact)
    assert made.content.startswith("3 23 ")
    (Path(artifact) / "Split-train" / "b.gz").unlink()
    (finding,) = integrity.check_content(artifact, made.content)
    assert finding.detail == "has 2 files of 11 bytes instead of 3 files of 23 bytes"


def test_artifact_set_aside_keeps_its_files_and_replaces_nothing(artifact, tmp_path):
    integrity.record(artifact)
    aside = tmp_path / "set-aside"
    moved = integrity.set_aside(artifact, aside)
    assert moved == aside / "7"
    assert (moved / "Split-train" / "a.gz").read_bytes() == b"first shard"
    assert not Path(artifact).exists() and integrity.load_record(artifact) is None
    Path(artifact).mkdir()
    assert integrity.set_aside(artifact, aside) == aside / "7-2"
    assert integrity.set_aside(artifact, aside) is None


def test_module_does_not_import_tensorflow():
    module = "components.shared.artifacts.integrity"
    code = f"import sys, {module}; sys.exit(any(n in sys.modules for n in ('tensorflow', 'tfx')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_links_to_folders_and_broken_links_are_content(tmp_path):
    uri = tmp_path / "artifacts" / "Trainer" / "model" / "7"
    uri.mkdir(parents=True)
    (uri / "folder").symlink_to(tmp_path)
    (uri / "nowhere").symlink_to("gone")
    made = integrity.record(str(uri))
    assert set(made.files) == {"folder", "nowhere"}
    assert integrity.check_artifact(str(uri), made, digests=True) == []
    (uri / "nowhere").unlink()
    (uri / "nowhere").symlink_to("gome")
    assert [one.kind for one in integrity.check_artifact(str(uri), made, digests=True)] == ["digest"]
