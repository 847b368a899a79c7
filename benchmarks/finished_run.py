"""Runs `plumbline` commands, and locates the artifacts of a finished run: examples, model, metadata."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import Measured, measure
from components.shared.errors import UsageError


@dataclass(frozen=True)
class FinishedRun:
    """Folder of a dataset's runs, such as runs/flights; the newest artifacts in it are meant."""

    folder: Path

    def examples(self, split: str) -> Path:
        """Folder of a split's gzip TFRecords, `train` or `eval`."""
        return self._newest("ArrowExampleGen", "examples") / f"Split-{split}"

    @property
    def model(self) -> Path:
        """The candidate's SavedModel, pushed or not."""
        return self._newest("Trainer", "model") / "Format-Serving"

    @property
    def training(self) -> dict[str, Any]:
        """training.json, what the trainer says of itself; empty if there is none."""
        path = self._newest("Trainer", "model_run") / "training.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    @property
    def metadata(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.folder / "metadata.sqlite"

    def _newest(self, component: str, output: str) -> Path:
        place = self.folder / "artifacts" / component / output
        found = [path for path in place.iterdir() if path.name.isdigit()] if place.is_dir() else []
        if not found:
            raise UsageError(f"{place}: holds no artifact; is {self.folder} the folder of a dataset's runs?")
        return max(found, key=lambda path: int(path.name))


def initialise(folder: Path, data: str, label: str, more: Sequence[str] = ()) -> Measured:
    """`plumbline init` in a folder; UsageError with its message if it fails."""
    return measure(command_line("init", "--data", data, "--label", label, *more), folder)


def run(folder: Path, dataset: str, tree: Path | None = None) -> tuple[FinishedRun, Measured, dict[str, Any]]:
    """`plumbline run` in a folder, its runs below `runs`; what it left, what it took, and its summary."""
    command = command_line("run", "--dataset", dataset, "--root", "runs")
    found = measure(command, folder, tree) if tree else measure(command, folder)
    return FinishedRun(folder / "runs" / dataset), found, json.loads(found.stdout)


def command_line(*arguments: str) -> list[str]:
    """`plumbline` with these arguments and --json, by this Python."""
    return [sys.executable, "-m", "pipeline.cli", *arguments, "--json"]
