"""`plumbline replay`."""

import argparse
import json
import sys

from components.shared.errors import UsageError
from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_local_run, add_root, add_spans
from pipeline.cli.drift import show_history
from pipeline.cli.resources import settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `replay`."""
    parser = add_command(
        commands,
        "replay",
        replay,
        help="run the pipeline once for each of several spans, in order",
        description=(
            "Runs the pipeline with span A as evaluation span, then with the next one, to span B, as scheduled runs "
            "would have done. Prints one line for each run, then the drift of all runs."
        ),
        examples=("plumbline replay --dataset flights --from 4 --to 6",),
        needs="tables",
    )
    add_dataset(parser)
    add_spans(parser)
    parser.add_argument("--from", dest="first", type=int, required=True, metavar="A", help="first evaluation span")
    parser.add_argument("--to", dest="last", type=int, required=True, metavar="B", help="last evaluation span")
    add_local_run(parser)
    add_root(parser)
    add_json(parser)


def replay(parsed: argparse.Namespace) -> int:
    """Runs the spans one after the other; prints a line for each, then the drift of all of them."""
    if parsed.last < parsed.first:
        raise UsageError(f"--from {parsed.first} --to {parsed.last}: the last span lies before the first")
    config = settings_of(parsed)

    from pipeline.run_history.summary_text import summary_line
    from pipeline.runners.local import runner

    summaries, stopped = [], None
    spans = range(parsed.first, parsed.last + 1)
    for summary, stop in runner.replay(
        config,
        root=parsed.root,
        spans=spans,
        data=parsed.data,
        verify=parsed.verify,
        verbose=parsed.verbose or (sys.stderr.isatty() and not parsed.quiet),
        follow_log=parsed.verbose,
    ):
        summaries.append(summary)
        stopped = stopped or stop
        if not parsed.json:
            print(summary_line(for_a_terminal(summary)), flush=True)
    if parsed.json:
        print(json.dumps({"runs": [summary.to_json() for summary in summaries]}, allow_nan=False))
    else:
        show_history(config, parsed.root, chart=parsed.root / config.dataset.name / "reports" / "drift.svg")
    if stopped is not None:
        raise stopped
    return 0
