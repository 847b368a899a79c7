"""Arguments that several commands have in common."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from components.errors import UsageError
from components.secret_texts import holds_secret, without_secrets

Commands = Any
"""What `ArgumentParser.add_subparsers` returns; argparse has no public name for it."""

Handler = Callable[[argparse.Namespace], int]
"""Runs a command; returns its exit code."""

Needs = Literal["numpy", "tables", "tensorflow"]
"""Largest library that a command loads, for the check of the process's limits: NumPy, Arrow and scikit-learn, or
TensorFlow. `run` and `replay` need TensorFlow only where something is not cached, and check for it later."""

NOT_RECORDED = frozenset({"tracking_uri", "host", "env"})
"""Options whose URL no record of a run holds: it may have a user and a password in it."""


def check_credentials(parsed: argparse.Namespace) -> None:
    """UsageError for credentials in a URL on the command line, which settings, metadata and reports would record."""
    for option, value in vars(parsed).items():
        # A Path has made one slash of two.
        text = str(value).replace(":/", "://", 1) if isinstance(value, Path) and "://" not in str(value) else value
        if option not in NOT_RECORDED and isinstance(text, str) and holds_secret(text):
            raise UsageError(
                f"{without_secrets(text)}: holds credentials, which a run would record; give the URL without them, and "
                "set the environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or PGUSER and "
                "PGPASSWORD"
            )


def add_command(
    commands: Commands, name: str, handler: Handler, *, help: str, needs: Needs = "numpy"
) -> argparse.ArgumentParser:
    """Adds a command with --debug; returns its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help)
    parser.set_defaults(handler=handler, needs=needs)
    parser.add_argument("--debug", action="store_true", help="show the trace of an error")
    return parser


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """--dataset, for a command that needs one."""
    parser.add_argument("--dataset", required=True, metavar="NAME", help="a folder below schemas/")


def add_root(parser: argparse.ArgumentParser) -> None:
    """--root, the folder of all runs."""
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), metavar="DIR", help="folder of all runs (default: runs)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def add_spans(parser: argparse.ArgumentParser) -> None:
    """--window and --data, for a command that reads the spans of a dataset."""
    parser.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: the settings')")
    parser.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: the settings')")


def add_local_run(parser: argparse.ArgumentParser) -> None:
    """--beam and --verify, for a command that runs the pipeline on this machine."""
    parser.add_argument(
        "--beam", choices=["local", "flink", "spark"], help="where Beam's work is done (default: the settings' profile)"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read every file that is taken from the cache again, and compare it with what was written",
    )


def add_source(parser: argparse.ArgumentParser, sides: bool = False) -> None:
    """--query, --sheet and --password-variable, for a command that reads a table; `sides`: two tables."""
    if sides:
        parser.add_argument(
            "--query", action="append", default=[], metavar="SQL", help="of databases: one for both sides, or one each"
        )
    else:
        parser.add_argument("--query", default="", metavar="SQL", help="of a database: the SELECT that gives the rows")
    parser.add_argument("--sheet", default="", metavar="NAME", help="of a spreadsheet (default: the first)")
    parser.add_argument(
        "--password-variable", default="", metavar="VAR", help="that holds a database's password (default: PGPASSWORD)"
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """--read-limit and --csv, for a command that reads a table."""
    parser.add_argument(
        "--read-limit",
        action="append",
        default=[],
        metavar="NAME=N",
        help="instead of a limit of [data], as max_columns=100000; several times for several",
    )
    parser.add_argument(
        "--csv",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how the CSV is written, instead of what is found or set, as encoding=cp1252, delimiter=;, header_row=3, "
        "skip_footer=1, comment=#, decimal=, or thousands=.; several times for several",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """--data, --root and --image, for a command that compiles the pipeline."""
    parser.add_argument("--data", metavar="URL", help="folder of the spans, as the cluster sees it")
    parser.add_argument("--root", metavar="URL", help="folder for artifacts and registry: s3://, gs://, minio://")
    parser.add_argument("--image", metavar="IMAGE", help="container image with Plumbline in it")
