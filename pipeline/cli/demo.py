"""`plumbline demo`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.shared.errors import UsageError
from pipeline.cli.arguments import Commands, add_command
from pipeline.process.standard_streams import say

if TYPE_CHECKING:
    from pipeline.demo.demo import Demo


def add_parsers(commands: Commands) -> None:
    """Adds `demo`."""
    parser = add_command(
        commands,
        "demo",
        demo,
        help="play the whole life of a model on the flights of 2013",
        description="Trains on the first months, serves, and replays the requests of the following months with the "
        "delay of their labels: a bad candidate is rolled back; December's change raises an incident, a retraining, a "
        "canary and a promotion. Everything is written below --folder; schemas/flights and runs are not touched. Exit "
        "code 0 only if every stage did what it should.",
        examples=("plumbline demo", "plumbline demo --keep --port 8501"),
        needs="tensorflow",
    )
    parser.add_argument("--keep", action="store_true", help="leave server and dashboard running until Ctrl-C")
    parser.add_argument("--port", type=int, default=0, help="port of the model server (default: any free port)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/demo"),
        metavar="DIR",
        help="folder of the demo; the one of an earlier demo is emptied (default: build/demo)",
    )


def demo(parsed: argparse.Namespace) -> int:
    """Plays it."""
    from pipeline.demo.plan import Plan
    from pipeline.demo.story import play

    if not 0 <= parsed.port <= 65535:
        raise UsageError(f"--port {parsed.port}: must be between 0 and 65535")
    stream = None if parsed.quiet else sys.stderr

    def at_the_end(demo: "Demo", summary: str) -> None:
        print(summary, flush=True)
        if parsed.keep:
            say(f"Dashboard: {demo.server.url}/dashboard; the server runs until Ctrl-C")
            demo.server.process.wait()

    play(Plan(), parsed.folder.resolve(), parsed.port, stream, at_the_end)
    return 0
