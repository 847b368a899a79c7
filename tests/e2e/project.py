"""A working copy of the project with the committed sample and settings for short runs, which tests edit."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """Result of one command."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """Returns the JSON object on stdout."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed

    def states(self, state: str) -> set[str]:
        """Returns the components in a state."""
        return {component["id"] for component in self.summary["components"] if component["state"] == state}


class Project:
    """A working copy with pipeline/, components/, schemas/flights and the sample; runs go to <folder>/runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("pipeline", "components", "schemas"):
            shutil.copytree(PROJECT / name, folder / name, ignore=ignore)
        shutil.copytree(PROJECT / "data" / "sample" / "flights", folder / "spans")
        self.set("[data] directory", '"spans"')
        self.set("[data] window", "2")
        self.set("[training] epochs", "4")
        self.set(
            "[training] model", '"network"'
        )  # the stories break and mend it, which trees beside it would make up for
        settings = self.settings.read_text()
        settings = settings[: settings.index("[evaluation]")] + "[evaluation]\n"
        self.settings.write_text(
            settings
            + 'slices = [["origin"]]\nmin_slice_rows = 50\n'
            + "[evaluation.thresholds]\nauc = 0.0\n[evaluation.tolerance]\nauc = 0.005\n"
        )
        self.set("[training] learning_rate", "0.002")
        self.set("[training] hidden_units", "[32]")
        self.set("[training] batch_size", "64")

    @property
    def settings(self) -> Path:
        """pipeline.toml."""
        return self.folder / "schemas" / "flights" / "pipeline.toml"

    @property
    def home(self) -> Path:
        """Folder of this dataset's runs, registry and metadata."""
        return self.folder / "runs" / "flights"

    def set(self, key: str, value: str) -> None:
        """Writes one setting, given as "[table] key"."""
        table, name = key.split(" ")
        text = self.settings.read_text()
        head, body = text.split(f"{table}\n", 1)
        body, count = re.subn(rf"(?m)\A((?:(?!^\[).*\n)*?){name} = [^#\n]*", rf"\g<1>{name} = {value}", body)
        self.settings.write_text(f"{head}{table}\n" + (body if count else f"{name} = {value}\n{body}"))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replaces a text that occurs exactly once in a file of the working copy."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which Python imports the working copy's code."""
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def command(self, *arguments: str) -> list[str]:
        """Returns the command line of `plumbline`, to be run in the working copy."""
        return [sys.executable, "-m", "pipeline.cli", *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts `plumbline` with the working copy's code."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def plumbline(self, *arguments: str) -> Result:
        """Runs a command and waits for its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        return Result(process.returncode, out, err)

    def run(self, *arguments: str) -> Result:
        """Runs `plumbline run --dataset flights --json …`."""
        return self.plumbline("run", "--dataset", "flights", "--json", *arguments)
