"""`plumbline compare`."""

import argparse
import os
from contextlib import nullcontext
from pathlib import Path

from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, registry_of, store_of
from pipeline.process.console import redirect_output
from pipeline.run_history.run_names import LEGAL


def add_parsers(commands: Commands) -> None:
    """Adds `compare`."""
    parser = add_command(
        commands,
        "compare",
        compare,
        help="compare two runs: data, settings, code, steps, metrics",
        description=(
            "Lists what differs between two runs and the change of each metric. `plumbline report --compare` writes "
            "the same as an HTML page."
        ),
        examples=("plumbline compare --dataset flights 20261121T090631Z-a531 20261128T084512Z-03fe --intervals",),
    )
    add_dataset(parser)
    parser.add_argument("before", metavar="RUN_A", help=f"first run: {LEGAL}")
    parser.add_argument("after", metavar="RUN_B", help="second run, named likewise")
    parser.add_argument(
        "--intervals",
        action="store_true",
        help="add 95 %% confidence intervals of the differences (paired bootstrap); loads both models",
    )
    add_root(parser)
    add_json(parser)


def compare(parsed: argparse.Namespace) -> int:
    """Prints what differs between two runs: data, settings, code, steps, metrics."""
    from pipeline.run_history.compare_runs import compare_runs
    from pipeline.run_history.compare_text import run_comparison_text
    from pipeline.run_history.run_names import run_named

    home = home_of(parsed)
    before, after = (run_named(home, wanted, registry_of(parsed)) for wanted in (parsed.before, parsed.after))
    with redirect_output(Path(os.devnull)) if parsed.intervals and not parsed.verbose else nullcontext():
        found = compare_runs(store_of(parsed), home, before, after, with_intervals=parsed.intervals)
    print_found(parsed, found.to_json, lambda: run_comparison_text(for_a_terminal(found)))
    return 0
