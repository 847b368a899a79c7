"""`plumbline report`."""

import argparse

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_report_path
from pipeline.cli.resources import home_of, registry_of, store_of
from pipeline.run_history.run_names import LEGAL


def add_parsers(commands: Commands) -> None:
    """Adds `report`."""
    parser = add_command(
        commands,
        "report",
        report,
        help="write the HTML report of a run, or of two runs side by side",
        description=(
            "Writes report.html of a run again from its records, or a page that compares two runs. Prints the path."
        ),
        examples=("plumbline report --dataset flights",),
    )
    add_dataset(parser)
    parser.add_argument("wanted", nargs="?", metavar="RUN", help=f"run: {LEGAL} (default: last)")
    parser.add_argument("--compare", nargs=2, metavar=("RUN_A", "RUN_B"), help="compare two runs")
    add_root(parser)
    add_json(parser)


def report(parsed: argparse.Namespace) -> int:
    """Writes the report of a run, or the page that compares two; prints its path."""
    from pipeline.run_history.run_names import run_named

    home = home_of(parsed)
    if parsed.compare:
        from pipeline.report.compare_page import write_compare

        one, other = (run_named(home, wanted, registry_of(parsed)) for wanted in parsed.compare)
        print_report_path(parsed, write_compare(home, one, other, store=store_of(parsed)))
        return 0
    from pipeline.report.write import rewrite_report

    run_id = run_named(home, parsed.wanted or "last", registry_of(parsed))  # not one that is under way
    print_report_path(parsed, rewrite_report(home, run_id, store_of(parsed)))
    return 0
