"""`plumbline compare`."""

import argparse
import os
from contextlib import nullcontext
from pathlib import Path

from components.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, store_of
from pipeline.talk import chatter_to


def add_parsers(commands: Commands) -> None:
    """Adds `compare`."""
    parser = add_command(commands, "compare", compare, help="what differs between two runs, and what came of it")
    add_dataset(parser)
    parser.add_argument("before", metavar="RUN_A", help="a run's id, or as much of it as is unique")
    parser.add_argument("after", metavar="RUN_B", help="the other one")
    parser.add_argument("--intervals", action="store_true", help="95 %% intervals of the gain; loads both models")
    add_root(parser)
    add_json(parser)


def compare(parsed: argparse.Namespace) -> int:
    """Prints what differs between two runs: data, settings, code, steps, metrics."""
    from pipeline.lookback.compare_runs import compare_runs
    from pipeline.lookback.compare_text import for_a_person
    from pipeline.lookback.runs import run_named

    home = home_of(parsed)
    before, after = (run_named(home, wanted) for wanted in (parsed.before, parsed.after))
    with chatter_to(Path(os.devnull)) if parsed.intervals else nullcontext():
        found = compare_runs(store_of(parsed), home, before, after, with_intervals=parsed.intervals)
    print_found(parsed, found.to_json, lambda: for_a_person(for_a_terminal(found)))
    return 0
