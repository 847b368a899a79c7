"""`plumbline runs`."""

import argparse

from components.shared.errors import UsageError
from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.decision_records import decisions_of
from pipeline.cli.output import print_found, print_report_path
from pipeline.cli.resources import home_of


def add_parsers(commands: Commands) -> None:
    """Adds `runs`."""
    parser = add_command(
        commands,
        "runs",
        runs,
        help="list runs, newest first",
        description=(
            "Lists the runs of a dataset: spans, rows, drift findings, metrics, outcome, cached steps, duration; then "
            "the decisions about versions: promotions, rollbacks, canaries."
        ),
        examples=("plumbline runs --dataset flights --limit 5",),
    )
    add_dataset(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="list the newest N runs only")
    parser.add_argument("--html", action="store_true", help="write an HTML page with charts of the metrics over time")
    add_root(parser)
    add_json(parser)


def runs(parsed: argparse.Namespace) -> int:
    """Prints the runs of a dataset, or writes them as a page with --html."""
    from pipeline.metadata.decisions import decision_lines
    from pipeline.run_history.runs import history, runs_text

    if parsed.limit is not None and parsed.limit < 1:
        raise UsageError(f"--limit {parsed.limit}: must be at least 1")
    if parsed.html:
        from pipeline.report.history_page import write_history

        print_report_path(parsed, write_history(home_of(parsed)))
        return 0
    found = history(home_of(parsed), limit=parsed.limit)
    decisions = decisions_of(parsed)[: parsed.limit]
    print_found(
        parsed,
        lambda: {"runs": [one.to_json() for one in found], "decisions": [one.to_json() for one in decisions]},
        lambda: "\n".join([runs_text(for_a_terminal(found)), *decision_lines(for_a_terminal(decisions))]),
    )
    return 0
