"""The demo's own folder: schemas, data and runs. Nothing outside of it is written."""

import os
import shutil
from pathlib import Path

import tomlkit

from components.shared.errors import UsageError
from components.shared.files import write_bytes
from pipeline.demo.plan import DATASET, SETTINGS
from pipeline.settings.config import Config, find_config, load_config

MARKER = ".plumbline-demo"
"""File in a folder that a demo made, and that the next one may therefore empty."""
DATA = "data/flights"


class Project:
    """A folder in which `plumbline` finds the schemas and the data of the demo.

    Attributes:
      folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> Config:
        """Makes it anew, with schemas/flights of the working directory and the settings of the demo.

        Returns:
          The demo's settings.

        Raises:
          ConfigError: There is no schemas/flights here.
          UsageError: The folder holds something that no demo made, or cannot be written.
        """
        source = find_config(DATASET).parent
        text = (source / "pipeline.toml").read_text(encoding="utf-8")
        self._empty()
        schema = self.folder / "schemas" / DATASET
        schema.mkdir(parents=True)
        shutil.copyfile(source / "schema.pbtxt", schema / "schema.pbtxt")
        write_bytes(schema / "pipeline.toml", with_settings(text).encode())
        return self.config()

    def config(self) -> Config:
        """The demo's settings."""
        return load_config(self.folder / "schemas" / DATASET / "pipeline.toml")

    @property
    def data(self) -> Path:
        """Folder of the spans."""
        return self.folder / DATA

    @property
    def home(self) -> Path:
        """Folder of the dataset's runs."""
        return self.folder / "runs" / DATASET

    def _empty(self) -> None:
        try:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                if not (self.folder / MARKER).is_file():
                    raise UsageError(f"{self.folder}: is not empty, and no demo made it; give another --folder")
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / MARKER).touch()
        except (NotADirectoryError, FileExistsError) as exc:
            raise UsageError(f"{self.folder}: is no folder; give another --folder") from exc
        except OSError as exc:
            raise UsageError(f"{self.folder}: cannot be written ({os.strerror(exc.errno or 0)})") from exc


def with_settings(text: str) -> str:
    """Returns the text of a pipeline.toml with the demo's settings; comments are kept."""
    document = tomlkit.parse(text)
    document["data"]["directory"] = DATA
    for table, values in SETTINGS.items():
        if table not in document:
            document[table] = tomlkit.table()
        for key, value in values.items():
            document[table][key] = value
    return tomlkit.dumps(document)
