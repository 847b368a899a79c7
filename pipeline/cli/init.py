"""`plumbline init`."""

import argparse
import sys

from pipeline.cli.arguments import Commands, add_command, add_json, add_reading, add_source
from pipeline.cli.output import print_record
from pipeline.process.console import Progress


def add_parsers(commands: Commands) -> None:
    """Adds `init`."""
    parser = add_command(
        commands,
        "init",
        init,
        help="write settings and a schema for your own data",
        description=(
            "Reads all rows and writes schemas/NAME/pipeline.toml and schema.pbtxt: types, kinds of "
            "features, task, ids, columns that leak the label. Each assumption is printed and written as a comment in "
            "the file. A second call keeps your edits."
        ),
        examples=(
            "plumbline init --data data/loans.csv --label repaid",
            "plumbline init --data 'data/loans/month-*.parquet' --label repaid --name loans",
        ),
        needs="tables",
    )
    parser.add_argument(
        "--data", required=True, metavar="PATH", help="file, folder or URL of span files, or URL of a database"
    )
    parser.add_argument("--label", required=True, metavar="COL", help="label: the column to predict")
    parser.add_argument(
        "--annotators",
        default="",
        metavar="A,B,C",
        help="columns with the labels of several annotators: no features; each run measures their agreement",
    )
    parser.add_argument("--name", metavar="NAME", help="name of the dataset (default: derived from the file name)")
    add_source(parser)
    parser.add_argument(
        "--spans-query",
        default="",
        metavar="SQL",
        help="for a database: SELECT whose first column lists the spans for {span}",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace an existing dataset of that name, including your edits"
    )
    add_json(parser)
    add_reading(parser)


def init(parsed: argparse.Namespace) -> int:
    """Writes settings and schema for a new dataset; prints what they assume."""
    from components.table_reading.read_options import ReadOptions
    from pipeline.onboarding.initialise.dataset import initialise

    progress = Progress(sys.stderr if sys.stderr.isatty() and not parsed.quiet else None, total=2)
    found = initialise(
        parsed.data,
        parsed.label,
        name=parsed.name,
        force=parsed.force,
        read_limits=parsed.read_limit,
        progress=progress,
        given=ReadOptions(
            sheet=parsed.sheet, spans_query=parsed.spans_query, password_variable=parsed.password_variable
        ),
        query=parsed.query,
        csv=parsed.csv,
        annotators=tuple(filter(None, parsed.annotators.split(","))),
    )
    print_record(parsed, found)
    return 0
