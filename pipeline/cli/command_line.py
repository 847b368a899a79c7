"""Entry point of the `plumbline` command: builds the parser, checks the process, calls the command's handler."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli import (
    audit,
    canary,
    compare,
    completion,
    dashboard,
    demo,
    doctor,
    drift,
    export,
    feedback,
    garbage_collection,
    incidents,
    init,
    kubeflow,
    lineage,
    migrate_config,
    monitor,
    promote,
    replay,
    report,
    requests,
    retrain,
    rollback,
    run,
    runs,
    schema,
    serve,
    tuned,
)
from pipeline.cli.arguments import check_credentials
from pipeline.cli.parser import Parser, new_parser, parse
from pipeline.cli.version import VersionAction
from pipeline.process.command_runner import own_process, run_command
from pipeline.process.standard_streams import say

COMMANDS = (
    init,
    run,
    replay,
    runs,
    report,
    compare,
    lineage,
    drift,
    audit,
    schema,
    tuned,
    serve,
    promote,
    rollback,
    canary,
    requests,
    feedback,
    monitor,
    incidents,
    retrain,
    dashboard,
    export,
    kubeflow,
    garbage_collection,
    doctor,
    migrate_config,
    demo,
    completion,
)
"""Modules of commands in the order of `plumbline --help`, which is that of their use: first runs, then looking back at
them, data and labels, serving, other systems, upkeep. Each adds its parsers with `add_parsers`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Data goes to stdout, messages and progress to stderr.

    Args:
      arguments: None are those of this process, which then ends here with the exit code.
    """
    if arguments is None:
        own_process(lambda: _command(sys.argv[1:]))
    return _command(arguments)


def build_parser() -> Parser:
    """Parser of all commands. `handler` of what it parses runs the command; `needs` names the libraries it loads."""
    parser = new_parser(
        Parser,
        description="A data-centric machine-learning pipeline on TFX: validates data, detects drift, trains, evaluates "
        "and registers models, and records their lineage.",
        examples=(
            "plumbline init --data data/loans.csv --label repaid",
            "plumbline run --dataset loans",
            "plumbline runs --dataset loans",
        ),
    )
    parser.prog = "plumbline"
    parser.set_defaults(program=parser)
    parser.add_argument(
        "--version", action=VersionAction, nargs=0, help="print the versions of Plumbline and its stack"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for module in COMMANDS:
        module.add_parsers(commands)
    return parser


def _command(arguments: Sequence[str]) -> int:
    parsed = parse(build_parser(), arguments)
    place = (
        parsed.root / parsed.dataset
        if isinstance(getattr(parsed, "root", None), Path) and isinstance(getattr(parsed, "dataset", None), str)
        else None
    )
    began = time.monotonic()
    code = run_command(lambda: _called(parsed), debug=parsed.debug, place=place)
    if parsed.verbose:
        say(f"{parsed.parser.prog}: {time.monotonic() - began:.1f} s, exit code {code}")
    return code


def _called(parsed: argparse.Namespace) -> int:
    from pipeline.process.environment import configure_environment

    configure_environment()
    from pipeline.process import resource_limits

    # Before the modules that load NumPy, whose OpenBLAS ends the process where it gets no memory.
    if parsed.needs == "tables":
        resource_limits.check_limits(resource_limits.TABLES)
    elif parsed.needs == "tensorflow":
        resource_limits.check_limits()
    else:
        resource_limits.check_address_space(resource_limits.NUMPY)
    check_credentials(parsed)
    code: int = parsed.handler(parsed)
    return code
