"""What is damaged is set aside, marked in ML Metadata and told; what is whole stays."""

import os
import resource
import shutil
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.shared.artifacts import integrity
from components.shared.artifacts.integrity import CONTENT
from components.shared.errors import DamagedArtifact
from pipeline.metadata.artifact_verification import PLACE, Verifier
from pipeline.runners.local.cache_record import nodes_of_run
from pipeline.runners.local.cached_nodes import reusable
from tests.pipeline.runners.local.two_nodes import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    made = Toy(tmp_path / "toy")
    made.complete("first")
    for name in ("data", "result"):
        artifact = made.artifact(name)
        for file in ("a", "b"):
            (Path(artifact.uri) / file).write_text(f"{name} {file}")
        artifact.custom_properties[CONTENT].string_value = integrity.record(artifact.uri).content
        made.store.put_artifacts([artifact])
    return made


def flip(file: Path, *, keep_time: bool = False) -> None:
    stat = file.stat()
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + (0 if keep_time else 1)))


def test_a_lost_file_keeps_a_result_from_being_reused(toy: Toy) -> None:
    nodes = nodes_of_run(toy.store, "first")
    assert reusable(toy.store, "toy", nodes, toy.verifier) != ()
    uri = toy.artifact("data").uri
    (Path(uri) / "b").unlink()
    assert reusable(toy.store, "toy", nodes, toy.verifier) == ()
    aside = toy.home / "set-aside" / "Make" / "data" / "first"
    assert toy.artifact("data").state == mlmd.Artifact.DELETED
    assert toy.artifact("data").custom_properties[PLACE].string_value == str(aside)
    assert toy.artifact("result").state == mlmd.Artifact.LIVE
    assert (aside / "a").read_text() == "data a" and not Path(uri).exists()
    assert toy.verifier.lines == [
        f"damaged: Make.data ({uri}): b is missing; it is set aside in {aside} and produced again"
    ]


def test_a_flipped_byte_that_kept_its_time_is_found_when_asked_for(toy: Toy) -> None:
    nodes = nodes_of_run(toy.store, "first")
    flip(Path(toy.artifact("result").uri) / "a", keep_time=True)
    assert reusable(toy.store, "toy", nodes, toy.verifier) != ()
    told: list[str] = []
    assert reusable(toy.store, "toy", nodes, Verifier(toy.home, digests=True, tell=told.append)) == ()
    assert "Use.result" in told[0] and "a has other bytes than were written" in told[0]


def test_all_that_is_damaged_is_set_aside_at_once(toy: Toy) -> None:
    nodes = nodes_of_run(toy.store, "first")
    for name in ("data", "result"):
        flip(Path(toy.artifact(name).uri) / "a")
    assert reusable(toy.store, "toy", nodes, toy.verifier) == ()
    assert [line.split(" ")[1] for line in toy.verifier.lines] == ["Make.data", "Use.result"]


def test_a_damaged_input_stops_the_step(toy: Toy) -> None:
    artifact = toy.artifact("data")
    toy.verifier.check_inputs(toy.store, [artifact])
    flip(Path(artifact.uri) / "a")
    with pytest.raises(
        DamagedArtifact, match="a has other bytes than were written; it is set aside, run again"
    ) as stop:
        toy.verifier.check_inputs(toy.store, [artifact])
    assert stop.value.uri == artifact.uri
    assert toy.artifact("data").state == mlmd.Artifact.DELETED


def test_without_its_record_an_artifact_is_checked_by_its_content(toy: Toy) -> None:
    artifact = toy.artifact("data")
    integrity.forget(artifact.uri)
    assert toy.verifier.findings(artifact) == []
    assert integrity.load_record(artifact.uri) is not None  # made anew
    integrity.forget(artifact.uri)
    (Path(artifact.uri) / "c").write_text("of another run")
    (found,) = toy.verifier.findings(artifact)
    assert found.detail == "has 3 files of 26 bytes instead of 2 files of 12 bytes"


def test_an_artifact_of_an_earlier_version_is_recorded_on_its_first_use(tmp_path: Path) -> None:
    old = Toy(tmp_path / "old")
    old.complete("first")
    artifact = old.artifact("data")
    (Path(artifact.uri) / "a").write_text("old")
    assert old.verifier.findings(artifact) == []
    (Path(artifact.uri) / "a").unlink()
    assert [found.kind for found in old.verifier.findings(artifact)] == ["missing"]


def test_what_lies_in_another_root_is_marked_but_not_moved(toy: Toy, tmp_path: Path) -> None:
    artifact = toy.artifact("data")
    (Path(artifact.uri) / "a").unlink()
    copied = Verifier(tmp_path / "copy")
    assert copied.set_aside_damaged(toy.store, [artifact])
    assert (Path(artifact.uri) / "b").exists()
    assert toy.artifact("data").state == mlmd.Artifact.DELETED
    assert copied.lines[0].endswith("a is missing; it is no longer used and produced again")


def test_a_folder_that_is_gone_is_marked(toy: Toy) -> None:
    artifact = toy.artifact("data")
    shutil.rmtree(artifact.uri)
    assert toy.verifier.set_aside_damaged(toy.store, [artifact])
    assert toy.artifact("data").custom_properties[PLACE].string_value == ""


def test_what_a_component_found_damaged_is_set_aside(toy: Toy) -> None:
    artifact = toy.artifact("data")
    toy.verifier.set_aside_uri(toy.store, artifact.uri, "is not what the Trainer wrote")
    assert toy.artifact("data").state == mlmd.Artifact.DELETED
    toy.verifier.set_aside_uri(toy.store, artifact.uri, "again")
    assert len(toy.verifier.lines) == 1


def test_a_copy_without_its_times_is_read_once(toy: Toy) -> None:
    artifact = toy.artifact("data")
    recorded = integrity.load_record(artifact.uri)
    for file in Path(artifact.uri).iterdir():
        os.utime(file, ns=(5, 5))
    assert toy.verifier.findings(artifact) == []
    renewed = integrity.load_record(artifact.uri)
    assert renewed is not None and recorded is not None
    assert renewed.content == recorded.content
    assert {file.mtime_ns for file in renewed.files.values()} == {5}
    # Not read any more: other bytes with the same times are what only --verify finds.
    flip(Path(artifact.uri) / "a", keep_time=True)
    assert toy.verifier.findings(artifact) == []
    assert [found.file for found in Verifier(toy.home, digests=True).findings(artifact)] == ["a"]


def test_a_damaged_copy_keeps_its_record(toy: Toy) -> None:
    artifact = toy.artifact("data")
    before = integrity.record_file(artifact.uri).read_bytes()
    os.utime(Path(artifact.uri) / "b", ns=(5, 5))
    flip(Path(artifact.uri) / "a")
    assert [found.kind for found in toy.verifier.findings(artifact)] == ["digest"]
    assert integrity.record_file(artifact.uri).read_bytes() == before


def test_a_record_of_another_root_is_not_written(toy: Toy, tmp_path: Path) -> None:
    artifact = toy.artifact("data")
    before = integrity.record_file(artifact.uri).read_bytes()
    os.utime(Path(artifact.uri) / "a", ns=(5, 5))
    assert Verifier(tmp_path / "copy").findings(artifact) == []
    assert integrity.record_file(artifact.uri).read_bytes() == before


def test_a_copy_whose_record_cannot_be_written_is_used_all_the_same(toy: Toy) -> None:
    artifact = toy.artifact("data")
    os.utime(Path(artifact.uri) / "a", ns=(5, 5))
    record = integrity.record_file(artifact.uri)
    content = record.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))  # root ignores permissions, but not this
    try:
        assert toy.verifier.findings(artifact) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert record.read_bytes() == content
