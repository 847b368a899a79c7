"""`plumbline run`."""

import argparse
import sys
from typing import TYPE_CHECKING

from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_local_run, add_root, add_spans
from pipeline.cli.output import print_found
from pipeline.cli.resources import settings_of

if TYPE_CHECKING:
    from components.shared.errors import PlumblineError
    from pipeline.run_history.run_summary import Summary


def add_parsers(commands: Commands) -> None:
    """Adds `run`."""
    parser = add_command(
        commands,
        "run",
        run,
        help="run the pipeline once on this machine",
        description=(
            "Validates the data, checks it for drift, trains a model, evaluates it against thresholds, baselines and"
            " the champion, and pushes it to the registry if it is blessed. A span is a numbered batch of data, such as"
            " a month: a run trains on a window of spans and evaluates on the span after it. Steps whose inputs did"
            " not change come from the cache."
        ),
        examples=(
            "plumbline run --dataset flights",
            "plumbline run --dataset flights --span 5 --window 2 --sample 5000",
        ),
        needs="tables",
    )
    add_dataset(parser)
    add_spans(parser)
    parser.add_argument("--span", type=int, metavar="N", help="evaluate on span N (default: the newest)")
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="run on a random sample of about N rows, in ROOT/sample: to test code before a full run",
    )
    parser.add_argument("--tune", type=int, metavar="N", help="search hyperparameters in N trials first; see [tune]")
    parser.add_argument(
        "--profile", action="store_true", help="print the time by step and function; also written to profile.json"
    )
    add_local_run(parser)
    add_root(parser)
    add_json(parser)


def run(parsed: argparse.Namespace) -> int:
    """Runs the pipeline once; prints the summary."""
    if parsed.profile:
        from pipeline.runners.profiling.profile import with_profile

        summary, stopped = with_profile(lambda: _run(parsed), sys.stderr)
    else:
        summary, stopped = _run(parsed)
    from pipeline.run_history.summary_text import summary_text

    try:
        print_found(parsed, summary.to_json, lambda: summary_text(for_a_terminal(summary)))
    finally:
        if stopped is not None:  # says more than that the output could not be written
            raise stopped
    return 0


def _run(parsed: argparse.Namespace) -> "tuple[Summary, PlumblineError | None]":
    config = settings_of(parsed)

    from pipeline.runners.local import runner

    # A sample's models are no models: they have a registry and a history of their own.
    root = parsed.root if parsed.sample is None else parsed.root / "sample"
    return runner.run(
        config,
        root=root,
        span=parsed.span,
        data=parsed.data,
        verbose=not parsed.quiet,
        sample=parsed.sample,
        verify=parsed.verify,
        follow_log=parsed.verbose,
    )
