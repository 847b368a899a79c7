"""`plumbline init`."""

import argparse
import sys

from pipeline.cli.arguments import Commands, add_command, add_json, add_reading, add_source
from pipeline.cli.output import print_record
from pipeline.talk import Progress


def add_parsers(commands: Commands) -> None:
    """Adds `init`."""
    parser = add_command(
        commands,
        "init",
        init,
        help="propose settings and schema for one's own data; again, it keeps your edits",
        needs="tables",
    )
    parser.add_argument(
        "--data", required=True, metavar="PATH", help="a file, a folder or URL of span files, a database"
    )
    parser.add_argument("--label", required=True, metavar="COL", help="the column to predict")
    parser.add_argument("--name", metavar="NAME", help="of the dataset (default: made of the file's)")
    add_source(parser)
    parser.add_argument("--spans-query", default="", metavar="SQL", help="its first column gives the spans of {span}")
    parser.add_argument("--force", action="store_true", help="replace a dataset of that name, edits too")
    add_json(parser)
    add_reading(parser)


def init(parsed: argparse.Namespace) -> int:
    """Writes settings and schema for a new dataset; prints what they assume."""
    from components.arrow_example_gen.options import ReadOptions
    from pipeline.initialise.command import initialise

    progress = Progress(sys.stderr if sys.stderr.isatty() else None, total=2)
    found = initialise(
        parsed.data,
        parsed.label,
        name=parsed.name,
        force=parsed.force,
        read_limits=parsed.read_limit,
        progress=progress,
        asked=ReadOptions(
            sheet=parsed.sheet, spans_query=parsed.spans_query, password_variable=parsed.password_variable
        ),
        query=parsed.query,
        csv=parsed.csv,
    )
    print_record(parsed, found)
    return 0
