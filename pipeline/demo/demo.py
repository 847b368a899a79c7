"""What the stages of the demo share: folder, commands, server, replay, registry."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from pipeline.demo.commands import Commands
from pipeline.demo.console import Console
from pipeline.demo.plan import DATASET, Plan
from pipeline.demo.project import Project
from pipeline.demo.replay import Replay, Sent
from pipeline.demo.server import Server

if TYPE_CHECKING:
    from pipeline.demo.monitoring import Monitor
from pipeline.settings.config import Config

RUN_STEPS = 14
"""Steps of `plumbline run`."""


class StageFailed(PlumblineError):
    """A stage of the demo did not do what it should; the message names it."""


class Demo:
    """The demo while it is played.

    Args of the constructor:
      plan: What is played.
      folder: Its folder.
      console: Output.
      port: Port of the server; 0 is any free one.

    Attributes set by the first stages:
      config: Settings.
      flights: The flights of the year, see `flights_year.load_year`.
      server: The model server.
      replay: The requests.
      monitor: The monitor.
    """

    config: Config
    flights: pd.DataFrame
    server: Server
    replay: Replay
    monitor: "Monitor"

    def __init__(self, plan: Plan, folder: Path, console: Console, port: int) -> None:
        self.plan, self.console, self.port = plan, console, port
        self.project = Project(folder)
        self.commands = Commands(folder, folder / "commands.log")
        self.stack = ExitStack()
        self.summary: list[tuple[str, str]] = []
        """What happened, in order: version, incident or retraining, and one sentence about it."""

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """One stage; an error in it names it."""
        try:
            with self.console.stage(title):
                yield
        except PlumblineError as exc:
            where = f"; the commands and their output: {self.commands.log}" if self.commands.log.exists() else ""
            error = StageFailed(f"demo, {title}: {exc}{where}")
            error.exit_code = exc.exit_code
            raise error from exc

    def days(self, last: date, sent: Sent) -> Iterator[date]:
        """Replays the next days until `last`, showing each."""
        for day in self.replay.days(last, sent):
            self.console.doing(f"replaying {day_text(day)}")
            yield day

    def train(self, *arguments: str) -> dict[str, Any]:
        """Runs the pipeline; returns the summary.

        Raises:
          PlumblineError: It failed, or its candidate was not pushed.
        """
        done = 0

        def follow(line: str) -> None:
            nonlocal done
            done += line.startswith("[")
            self.console.doing(f"plumbline run, {done} of {RUN_STEPS} steps done")

        follow("")
        output = self.commands.run("run", "--dataset", DATASET, "--json", *arguments, err=follow)
        summary: dict[str, Any] = json.loads(output)
        if summary["pushed"] is None:
            why = summary["stopped"] or "; ".join(summary["violation_texts"])
            raise PlumblineError(f"the candidate was not pushed: {why}")
        return summary

    @property
    def live(self) -> int | None:
        """The live version."""
        labels = Registry(self.project.home / "registry").labels()
        return None if labels is None else labels.live

    def close(self) -> None:
        """Ends the processes and closes the connections."""
        self.stack.close()


def day_text(day: date) -> str:
    """A day of 2013: 2 September."""
    return f"{day.day} {day:%B}"


def months_text(months: tuple[int, ...]) -> str:
    """Months of 2013: January to July."""
    names = [f"{date(2013, month, 1):%B}" for month in months]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
