"""A small dataset with a root from real runs, which is restored before each trial."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.file_layer import FileLayer

PROJECT = Path(__file__).parents[2]
DATASET, LABEL = "orders", "late"
SPANS, SPAN_ROWS, WINDOW = 4, 750, 2
UNLABELLED = 3
"""Rows without a label in each span: a count that a summary must not mix up."""
FIRST, SECOND = 3, 4
"""Eval spans of the two runs that were made."""
MARK = "PLUMBLINE_FAULT_TRIAL"
"""Variable by which the processes of a trial are known, children of children too."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    trial: str

    @property
    def json(self) -> dict[str, Any]:
        """The object on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def __str__(self) -> str:
        shown = self.err if len(self.err) < 3000 else f"{self.err[:1000]} … {self.err[-2000:]}"
        return f"plumbline {' '.join(self.arguments)}\n  code {self.code}\n  stderr {shown}"


@dataclass
class Running:
    """A command under way."""

    arguments: tuple[str, ...]
    process: "subprocess.Popen[str]"
    trial: str

    def end(self, timeout: float = 240) -> Ended:
        """Waits for its end; one that hangs is killed, and the trial failed."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"{' '.join(self.arguments)}: did not end within {timeout} s\n{err[-2000:]}") from None
        return Ended(self.arguments, self.process.returncode, out, err, self.trial)


@dataclass
class Workplace:
    """Folders of the trials.

    <folder>/project   schemas/orders and spans/; working folder of every command
    <folder>/root      --root
    <folder>/kept/...  copies of `root` and `schemas` for each state
    <folder>/tmp       TMPDIR of every command; <folder>/home is its HOME
    """

    folder: Path
    layer: FileLayer
    references: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def home(self) -> Path:
        """<root>/<dataset>."""
        return self.root / DATASET

    @property
    def registry(self) -> Path:
        return self.home / "registry"

    @property
    def schemas(self) -> Path:
        return self.project / "schemas"

    @property
    def settings(self) -> Path:
        return self.schemas / DATASET / "pipeline.toml"

    @property
    def outside(self) -> tuple[Path, Path]:
        """Where nothing may be left."""
        return self.folder / "tmp", self.folder / "home"

    # -- commands -----------------------------------------------------------------------------------------------

    def start(self, *arguments: str, env: Mapping[str, str] | None = None, before: Any = None) -> Running:
        """Starts `plumbline` as a process of its own; `before` runs in it before Python does (limits)."""
        trial = uuid.uuid4().hex
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FAULT_", "AWS_"))}
        environment = {
            **inherited,
            "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.outside[0]),
            "HOME": str(self.outside[1]),
            MARK: trial,
            **(env or {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            cwd=self.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=before,
        )
        return Running(arguments, process, trial)

    def plumbline(self, *arguments: str, env: Mapping[str, str] | None = None, before: Any = None) -> Ended:
        """Runs a command to its end."""
        return self.start(*arguments, env=env, before=before).end()

    def run_arguments(self, span: int, *more: str) -> tuple[str, ...]:
        """Of a run on a span."""
        return ("run", "--dataset", DATASET, "--root", str(self.root), "--span", str(span), "--json", *more)

    def run(self, span: int, *more: str, env: Mapping[str, str] | None = None, before: Any = None) -> Ended:
        """`plumbline run` to its end."""
        return self.plumbline(*self.run_arguments(span, *more), env=env, before=before)

    # -- states -------------------------------------------------------------------------------------------------

    def restore(self, state: str) -> None:
        """Puts root and project back: "empty", "one" (a run on span 3) or "two" (another on span 4)."""
        self.make(state)
        for folder in (self.root, self.schemas):
            _remove(folder)
            shutil.copytree(self.folder / "kept" / state / folder.name, folder, symlinks=True)
        for place in self.outside:
            _remove(place)
            place.mkdir()

    def make(self, state: str) -> None:
        """Makes a state and its reference, by real runs, unless it is there."""
        if (self.folder / "kept" / state).is_dir():
            return
        if state == "empty":
            for name in ("root", "project", "tmp", "home"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            write_spans(self.project / "spans")
            initialised = self.plumbline("init", "--data", "spans", "--label", LABEL, "--name", DATASET)
            assert initialised.code == 0, initialised
            small_settings(self.settings)
        else:
            self.restore("empty" if state == "one" else "one")
            ended = self.run(FIRST if state == "one" else SECOND)
            assert ended.code == 0, ended
            self.references[state] = ended.json
        for folder in (self.root, self.schemas):
            shutil.copytree(folder, self.folder / "kept" / state / folder.name, symlinks=True)

    def reference(self, span: int) -> dict[str, Any]:
        """The summary of an undisturbed run on a span."""
        state = {FIRST: "one", SECOND: "two"}[span]
        self.make(state)
        return self.references[state]

    def rows(self, spans: list[int]) -> int:
        """Rows with a label, counted by the csv module."""
        count = 0
        for span in spans:
            with (self.project / "spans" / f"span-{span}.csv").open(newline="") as file:
                count += sum(row[LABEL] != "" for row in csv.DictReader(file))
        return count


def _remove(folder: Path) -> None:
    """Also what a trial made read-only."""
    if not folder.exists():
        return
    for path in [folder, *(found for found in folder.rglob("*") if found.is_dir() and not found.is_symlink())]:
        path.chmod(0o755)
    shutil.rmtree(folder)


def write_spans(folder: Path) -> None:
    """Numbers, categories, a missing value here and there, and a label that follows from them but for some noise."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(20)
    for span in range(1, SPANS + 1):
        rows = []
        for row in range(SPAN_ROWS):
            distance, hour = random.gamma(2, 300), int(random.integers(0, 24))
            depot = ["north", "south", "east", "west", "central"][random.integers(0, 5)]
            weight = random.normal(10, 3)
            score = distance / 400 - 1.5 + (depot == "east") + 0.5 * (hour > 16) + random.normal(0, 1)
            label = "" if row < UNLABELLED else str(int(score > 0.6))
            shown = "" if random.random() < 0.02 else f"{weight:.3f}"
            rows.append([span * 10_000 + row, f"{distance:.2f}", hour, depot, shown, label])
        with (folder / f"span-{span}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["order", "distance", "hour", "depot", "weight", LABEL])
            writer.writerows(rows)


def small_settings(path: Path) -> None:
    """A window of two spans, and the model that trains fastest and comes out the same each time."""
    change_setting(path, "data", "window", str(WINDOW))
    change_setting(path, "training", "model", '"linear"')


def change_setting(path: Path, table: str, name: str, value: str) -> None:
    """Writes one key of a table that is there."""
    head, below = re.split(rf"(?m)(?<=^\[{table}\])", path.read_text(), maxsplit=1)
    own, bracket, rest = below.partition("\n[")
    own, found = re.subn(rf"(?m)^{name} = [^#\n]*", f"{name} = {value} ", own)
    path.write_text(f"{head}{own}" + ("" if found else f"\n{name} = {value}") + bracket + rest)


def processes_of(trial: str) -> list[int]:
    """Living processes of a trial, zombies aside."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if f"{MARK}={trial}".encode() in (folder / "environ").read_bytes():
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                found += [int(folder.name)] if state != "Z" else []
        except OSError:
            continue  # ended meanwhile, or another user's
    return found


def processes_that_stay(trial: str, seconds: float = 10) -> list[int]:
    """Those of a trial that are still there after a while; they are killed, so that no other trial meets them."""
    deadline = time.monotonic() + seconds
    while found := processes_of(trial):
        if time.monotonic() > deadline:
            for process in found:
                os.kill(process, signal.SIGKILL)
            return found
        time.sleep(0.1)
    return []
