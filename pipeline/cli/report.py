"""`plumbline report`."""

import argparse

from components.errors import UsageError
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_report_path
from pipeline.cli.resources import home_of, store_of


def add_parsers(commands: Commands) -> None:
    """Adds `report`."""
    parser = add_command(commands, "report", report, help="write a run's report anew, or that of two runs side by side")
    add_dataset(parser)
    parser.add_argument("wanted", nargs="?", metavar="RUN", help="a run's id (default: the newest)")
    parser.add_argument("--compare", nargs=2, metavar=("RUN_A", "RUN_B"), help="two runs side by side")
    add_root(parser)
    add_json(parser)


def report(parsed: argparse.Namespace) -> int:
    """Writes the report of a run, or the page that compares two; prints its path."""
    from pipeline.lookback.runs import history, run_named

    home = home_of(parsed)
    if parsed.compare:
        from pipeline.report.compare_page import write_compare

        one, other = (run_named(home, wanted) for wanted in parsed.compare)
        print_report_path(parsed, write_compare(home, one, other))
        return 0
    from pipeline.report.write import rewrite_report

    newest = history(home, limit=1)
    if not newest:
        raise UsageError(f"{home}: no run yet; plumbline run makes one")
    run_id = run_named(home, parsed.wanted) if parsed.wanted else newest[0].run_id
    print_report_path(parsed, rewrite_report(home, run_id, store_of(parsed)))
    return 0
