"""A project of one's own: a working folder with the flights' settings, schema and sample."""

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Working folder of the test, with schemas/flights and data/flights (spans 1 to 4)."""
    folder = tmp_path / "project"
    shutil.copytree(HERE / "schemas" / "flights", folder / "schemas" / "flights")
    shutil.copytree(HERE / "data" / "sample" / "flights", folder / "data" / "flights")
    monkeypatch.chdir(folder)
    return folder
