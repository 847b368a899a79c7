"""The stages of the demo in their order."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from pipeline.demo.console import Console
from pipeline.demo.demo import Demo, day_text, months_text
from pipeline.demo.first_stages import bad_candidate, replay_quietly, serve, train_first
from pipeline.demo.plan import Plan

Stage = tuple[str, Callable[[Demo], None]]
"""Title and what is done."""


def stages(plan: Plan) -> Sequence[Stage]:
    """The stages of a plan."""
    before = day_text(plan.bad_from - timedelta(days=1))
    return (
        (
            f"train on the flights of {months_text(plan.train)}, evaluate on {months_text((plan.evaluate,))}",
            train_first,
        ),
        ("serve the model", serve),
        (f"replay the requests of {day_text(plan.first)} to {before}", replay_quietly),
        ("a bad candidate, trained on labels that call a flight late from the first minute", bad_candidate),
    )


def play(plan: Plan, folder: Path, port: int, stream: TextIO | None, keep: Callable[[Demo], None] | None) -> None:
    """Plays the demo.

    Args:
      plan: What is played.
      folder: Folder that gets everything; one of an earlier demo is emptied.
      port: Port of the model server; 0 is any free one.
      stream: Output; None prints nothing.
      keep: Called at the end, while the server still answers.

    Raises:
      StageFailed: A stage did not do what it should.
    """
    todo = stages(plan)
    demo = Demo(plan, folder, Console(stream, len(todo)), port)
    try:
        for title, stage in todo:
            with demo.stage(title):
                stage(demo)
        if keep is not None:
            keep(demo)
    finally:
        demo.close()
