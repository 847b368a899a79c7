"""CONTENT of folders and of artifacts that are read by URL."""

from pathlib import Path

import pytest

from components.shared.artifacts import content
from components.shared.artifacts.content import content_findings, content_of


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "Trainer" / "model" / "7"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"1234567")
    return folder


def test_folder_is_read_completely(artifact):
    content = content_of(str(artifact))
    assert content.startswith("2 12 ") and len(content) == 5 + 64
    assert content_findings(str(artifact), content) == []
    (artifact / "saved_model.pb").write_bytes(b"Graph")
    assert [one.detail for one in content_findings(str(artifact), content)] == ["has other bytes than were written"]


def test_artifact_at_a_url_is_compared_by_number_and_bytes(artifact):
    assert content_findings(str(artifact), "2 12 -") == []
    (finding,) = content_findings(str(artifact), "3 14 -")
    assert finding.detail == "has 2 files of 12 bytes instead of 3 of 14"


def test_missing_output_has_no_files(tmp_path):
    assert content_of(str(tmp_path / "never")) == "0 0 -"


def test_objects_are_counted_by_beams_file_systems(artifact):
    assert sorted(content._sizes(str(artifact))) == [5, 7]
