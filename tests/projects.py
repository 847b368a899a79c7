"""Project folders for tests: the flights' settings and sample, settings of one's own, or an empty folder.

The root conftest imports this module before any test, so it imports nothing but the standard library and pytest.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipeline.settings.config import Config

CHECKOUT = Path(__file__).resolve().parents[1]


def flights_project(folder: Path, spans: str = "", settings: str = "") -> Path:
    """Writes a project with the flights' settings and schema.

    Args:
      folder: The project's folder; it is created.
      spans: Folder in it that receives the sample, spans 1 to 4; "" for no data.
      settings: Text that is added to its pipeline.toml.
    """
    schemas = shutil.copytree(CHECKOUT / "schemas" / "flights", folder / "schemas" / "flights")
    if spans:
        shutil.copytree(CHECKOUT / "data" / "sample" / "flights", folder / spans)
    if settings:
        with (schemas / "pipeline.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n{settings}")
    return folder


def load_settings(folder: Path, settings: str | bytes, schema: str = "") -> "Config":
    """Writes pipeline.toml and schema.pbtxt into a folder and loads them."""
    from pipeline.settings.config import load_config

    path = folder / "pipeline.toml"
    path.write_bytes(settings if isinstance(settings, bytes) else settings.encode())
    (folder / "schema.pbtxt").write_text(schema, encoding="utf-8")
    return load_config(path)


def load_flights(folder: Path, added: str = "") -> "Config":
    """Loads the flights' settings with `added` behind them, from a copy in `folder`."""
    flights = CHECKOUT / "schemas" / "flights"
    settings, schema = ((flights / name).read_text(encoding="utf-8") for name in ("pipeline.toml", "schema.pbtxt"))
    return load_settings(folder, f"{settings}\n{added}\n", schema)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder of the test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working folder of the test, with schemas/flights and data/flights (spans 1 to 4)."""
    folder = flights_project(tmp_path / "project", spans="data/flights")
    monkeypatch.chdir(folder)
    return folder
