"""Entry point of the `plumbline` command: builds the parser, checks the process, calls the command's handler."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli import (
    audit,
    compare,
    doctor,
    drift,
    export,
    garbage_collection,
    init,
    kubeflow,
    lineage,
    replay,
    report,
    run,
    runs,
    schema,
    tuned,
)
from pipeline.cli.arguments import check_credentials
from pipeline.endings.ending import guarded, own_process

COMMANDS = (
    run,
    replay,
    drift,
    audit,
    schema,
    runs,
    tuned,
    lineage,
    compare,
    report,
    export,
    garbage_collection,
    doctor,
    init,
    kubeflow,
)
"""Modules of commands in the order of `plumbline --help`; each adds its parsers with `add_parsers`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Data goes to stdout, messages and progress to stderr.

    Args:
      arguments: None are those of this process, which then ends here with the exit code.
    """
    if arguments is None:
        own_process(lambda: _command(sys.argv[1:]))
    return _command(arguments)


def build_parser() -> argparse.ArgumentParser:
    """Parser of all commands. `handler` of what it parses runs the command; `needs` names the libraries it loads."""
    parser = argparse.ArgumentParser(prog="plumbline", description="A data-centric machine-learning pipeline on TFX.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_parsers(commands)
    return parser


def _command(arguments: Sequence[str]) -> int:
    parsed = build_parser().parse_args(arguments)
    place = parsed.root / parsed.dataset if isinstance(getattr(parsed, "root", None), Path) and parsed.dataset else None
    return guarded(lambda: _called(parsed), debug=parsed.debug, place=place)


def _called(parsed: argparse.Namespace) -> int:
    from pipeline.environment import settle

    settle()
    from pipeline.endings import limits

    # Before the modules that load NumPy, whose OpenBLAS ends the process where it gets no memory.
    if parsed.needs == "tables":
        limits.check_limits(limits.TABLES)
    elif parsed.needs == "tensorflow":
        limits.check_limits()
    else:
        limits.check_address_space(limits.NUMPY)
    check_credentials(parsed)
    code: int = parsed.handler(parsed)
    return code
