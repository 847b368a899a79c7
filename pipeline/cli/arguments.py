"""Arguments that several commands have in common."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from components.shared.errors import UsageError
from components.shared.texts.secrets import holds_secret, without_secrets
from pipeline.cli.parser import Parser, new_parser
from pipeline.process.standard_streams import say
from pipeline.settings.renamed_keys import REMOVED_IN

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
    commands: Commands,
    name: str,
    handler: Handler,
    *,
    help: str,
    description: str,
    examples: Sequence[str],
    needs: Needs = "numpy",
) -> Parser:
    """Adds a command with the options that all have: --quiet, --verbose and --debug. Returns its parser.

    Args:
      commands: What it is added to.
      name: What is typed.
      handler: Runs it.
      help: Its line in the list of commands.
      description: One or two sentences more, for its own help.
      examples: Calls that work as they stand in a clone of the repository; a test parses them.
      needs: Largest library that it loads.
    """
    parser = new_parser(commands.add_parser, name, help=help, description=description, examples=examples)
    parser.set_defaults(handler=handler, needs=needs)
    common = parser.add_argument_group("output")
    amount = common.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="print no progress, only the result and errors")
    amount.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="print also the messages of TensorFlow, TFX and Beam, and the time that the command took, on stderr",
    )
    common.add_argument("--debug", action="store_true", help="print the stack trace of an error")
    return parser


def add_group(commands: Commands, name: str, metavar: str, *, help: str, description: str) -> Commands:
    """Adds a command that has commands of its own, such as `schema`; returns what these are added to."""
    parser = new_parser(commands.add_parser, name, help=help, description=description)
    return parser.add_subparsers(metavar=metavar, required=True, parser_class=Parser)


class FormerOption(argparse.Action):
    """An option by its former name: sets the `dest` of the present one, and warns."""

    def __call__(self, parser: argparse.ArgumentParser, parsed: argparse.Namespace, value: Any, *names: Any) -> None:
        """Sets the value."""
        present = f"--{self.dest.replace('_', '-')}"
        say(
            f"{parser.prog.partition(' ')[0]}: warning: {names[0]} is now {present}; the former name works until "
            f"version {REMOVED_IN}"
        )
        setattr(parsed, self.dest, value)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """--dataset, for a command that needs one."""
    parser.add_argument("--dataset", required=True, metavar="NAME", help="dataset: a folder below schemas/")


def add_root(parser: argparse.ArgumentParser) -> None:
    """--root, the folder of all runs."""
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="folder of all runs, with metadata, models and reports (default: runs)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def add_spans(parser: argparse.ArgumentParser) -> None:
    """--window and --data, for a command that reads the spans of a dataset."""
    parser.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: [data] window)")
    parser.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: [data] directory)")


def add_local_run(parser: argparse.ArgumentParser) -> None:
    """--beam and --verify, for a command that runs the pipeline on this machine."""
    parser.add_argument("--beam", choices=["local", "flink", "spark"], help="Beam runner (default: [beam] profile)")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compare every file that comes from the cache with its recorded SHA-256",
    )


def add_source(parser: argparse.ArgumentParser, sides: bool = False) -> None:
    """--query, --sheet and --password-variable, for a command that reads a table; `sides`: two tables."""
    if sides:
        parser.add_argument(
            "--query",
            action="append",
            default=[],
            metavar="SQL",
            help="for databases: SELECT for both sides, or one for each",
        )
    else:
        parser.add_argument("--query", default="", metavar="SQL", help="for a database: SELECT that returns the rows")
    parser.add_argument(
        "--sheet",
        default="",
        metavar="NAME",
        help="for a spreadsheet: sheet to read (default: the first that is visible)",
    )
    parser.add_argument(
        "--password-variable",
        default="",
        metavar="VAR",
        help="environment variable with the database's password (default: PGPASSWORD)",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """--read-limit and --csv, for a command that reads a table."""
    parser.add_argument(
        "--read-limit",
        action="append",
        default=[],
        metavar="NAME=N",
        help="overrides a limit of [data], for instance max_columns=100000; repeatable",
    )
    parser.add_argument(
        "--csv",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="overrides the CSV format that is detected or set: encoding=cp1252, delimiter=;, header_row=3, "
        "skip_footer=1, comment=#, decimal=, or thousands=.; repeatable",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """--data, --root and --image, for a command that compiles the pipeline."""
    parser.add_argument(
        "--data", metavar="URL", help="folder or URL of the spans as the cluster sees it (default: [kubeflow] data)"
    )
    parser.add_argument(
        "--root",
        metavar="URL",
        help="URL for artifacts and registry: s3://, gs://, minio:// (default: [kubeflow] root)",
    )
    parser.add_argument(
        "--image", metavar="IMAGE", help="container image with Plumbline in it (default: [kubeflow] image)"
    )
