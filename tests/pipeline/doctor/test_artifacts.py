"""Artifacts that are damaged, lost or unknown."""

import os
import shutil
from pathlib import Path

from pipeline.doctor.store_records import DELETED, LIVE, read


def _one(runs, node="Trainer", output="model") -> Path:
    return sorted((runs.home / "artifacts" / node / output).iterdir(), key=lambda path: int(path.name))[-1]


def _states(runs) -> dict[str, int]:
    return {one.uri: one.state for one in read(runs.metadata).artifacts}


def test_a_byte_that_was_flipped_in_place(runs):
    """Size and time as they were: only reading the file tells."""
    file = _one(runs) / "content"
    before = file.stat()
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert runs.found() == []
    assert runs.found(digests=True) == [("artifacts", "error", "content has other bytes than were written")]
    runs.repair(digests=True)
    assert runs.found(digests=True) == []
    assert not file.exists()


def test_a_changed_file(runs):
    folder = _one(runs)
    (folder / "content").write_text("another")
    ((_, severity, what),) = runs.found()
    assert severity == "error"
    assert what.startswith("content has 7 bytes instead of")
    done = runs.repair()
    assert _states(runs)[str(folder)] == DELETED
    assert sum(state == LIVE for state in _states(runs).values()) == len(_states(runs)) - 1
    (aside,) = map(Path, done.set_aside)
    assert (aside / folder.relative_to(runs.home) / "content").read_text() == "another"
    assert runs.found() == []


def test_a_missing_shard_of_an_artifact_without_a_record(runs):
    folder = _one(runs, "ArrowExampleGen", "examples")
    shutil.rmtree(runs.home / "artifacts" / ".records")
    for number in (0, 2):
        (folder / f"data_tfrecord-{number:05d}-of-00003.gz").write_bytes(b"x")
    assert runs.found() == [("artifacts", "error", "data_tfrecord-00001-of-00003.gz is missing")]


def test_a_folder_that_is_gone(runs):
    folder = _one(runs)
    shutil.rmtree(folder)
    ((_, severity, what),) = runs.found()
    assert (severity, what.partition(":")[0]) == ("warning", "the folders of 1 artifacts of the metadata do not exist")
    runs.repair()
    assert _states(runs)[str(folder)] == DELETED
    assert runs.found() == []


def test_a_folder_that_the_metadata_do_not_know(runs):
    folder = runs.home / "artifacts" / "Trainer" / "model" / "3-a"
    folder.mkdir()
    (folder / "content").write_text("of a killed run")
    ((_, severity, what),) = runs.found()
    assert (severity, what) == ("warning", "1 folders are not in the metadata: artifacts/Trainer/model/3-a")
    (aside,) = map(Path, runs.repair().set_aside)
    assert (aside / "artifacts" / "Trainer" / "model" / "3-a" / "content").read_text() == "of a killed run"
    assert runs.found() == []
