"""The stages of the demo in their order, and its summary."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from pipeline.demo.console import Console, ascii_text
from pipeline.demo.demo import Demo, day_text, months_text
from pipeline.demo.first_stages import bad_candidate, replay_quietly, serve, train_first
from pipeline.demo.plan import DATASET, Plan
from pipeline.demo.shift_stages import promote, replay_rest, replay_until_incident, retrain

Stage = tuple[str, Callable[[Demo], None]]
"""Title and what is done."""


def stages(plan: Plan) -> Sequence[Stage]:
    """The stages of a plan."""
    before = day_text(plan.bad_from - timedelta(days=1))
    months = f"train on the flights of {months_text(plan.train)}, evaluate on {months_text((plan.evaluate,))}"
    return (
        (months, train_first),
        ("serve the model", serve),
        (f"replay the requests of {day_text(plan.first)} to {before}", replay_quietly),
        ("a bad candidate, trained on labels that call a flight late from the first minute", bad_candidate),
        ("replay until the monitor raises an incident", replay_until_incident),
        ("the policy retrains on the labelled requests", retrain),
        ("the new version is a canary until it is shown to be no worse", promote),
        (f"replay the rest, until {day_text(plan.last)}", replay_rest),
    )


def play(plan: Plan, folder: Path, port: int, stream: TextIO | None, at_the_end: Callable[[Demo, str], None]) -> None:
    """Plays the demo.

    Args:
      plan: What is played.
      folder: Folder that gets everything; one of an earlier demo is emptied.
      port: Port of the model server; 0 is any free one.
      stream: Progress; None prints nothing.
      at_the_end: Gets the demo and its summary while the server still answers.

    Raises:
      StageFailed: A stage did not do what it should.
    """
    todo, began = stages(plan), time.monotonic()
    demo = Demo(plan, folder, Console(stream, len(todo)), port)
    try:
        for title, stage in todo:
            with demo.stage(title):
                stage(demo)
        page = demo.commands.run("dashboard", "--dataset", DATASET).strip()
        facts = [*demo.summary, ("dashboard", page), ("all in", f"{folder}, {time.monotonic() - began:.0f} s")]
        lines = [f"  {name:<13}{text}" for name, text in facts]
        at_the_end(demo, ascii_text("\n".join(["The life of a model in 2013:", *lines])))
    finally:
        demo.close()
