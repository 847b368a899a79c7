"""`plumbline audit`."""

import argparse
import sys
from pathlib import Path

from components.errors import UsageError
from pipeline.cli.arguments import Commands, add_command, add_json, add_reading, add_source
from pipeline.cli.output import print_record
from pipeline.cli.resources import settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `audit`."""
    parser = add_command(
        commands, "audit", audit, help="doubtful labels of a table, and how far labelers agree", needs="tables"
    )
    parser.add_argument("data", metavar="DATA", help="file or folder")
    parser.add_argument("--label", default="", metavar="COL", help="the label column (default: the dataset's)")
    parser.add_argument("--dataset", metavar="NAME", help="take schema and settings of this dataset")
    parser.add_argument("--id", default="", metavar="A,B", help="columns that name a row")
    parser.add_argument("--labelers", default="", metavar="A,B,C", help="columns with several labelers' labels")
    parser.add_argument(
        "--model",
        choices=["auto", "boosting", "forest", "neighbours", "logistic"],
        default="auto",
        help="model whose out-of-sample probabilities the labels are compared with (default: auto)",
    )
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="doubtful rows to name (default: 1000)")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write them as corrections to be filled in")
    parser.add_argument(
        "--auto", type=float, metavar="Q", help="with --export: fill in the suggested label up to this quality, as 0.05"
    )
    add_json(parser)
    add_source(parser)
    add_reading(parser)


def audit(parsed: argparse.Namespace) -> int:
    """Audits the labels of a table; exports the rows that should be looked at where --export names a file."""
    from pipeline import audit_command
    from pipeline.drift.data import Asked

    if not parsed.label and not parsed.dataset and not parsed.labelers:
        raise UsageError("audit: which column is the label? --label, or --dataset, or --labelers, says it")
    if parsed.limit < 1:
        raise UsageError(f"--limit {parsed.limit}: must be at least 1")
    if parsed.auto is not None:
        audit_command.check_threshold(parsed.auto)
        if not parsed.export:
            raise UsageError("--auto: fills in what --export writes; name a file with --export")
    found = audit_command.audit(
        parsed.data,
        parsed.label,
        config=settings_of(parsed) if parsed.dataset else None,
        ids=tuple(filter(None, parsed.id.split(","))),
        labelers=tuple(filter(None, parsed.labelers.split(","))),
        model=parsed.model,
        limit=parsed.limit,
        read_limits=parsed.read_limit,
        asked=Asked((parsed.query,) if parsed.query else (), parsed.sheet, parsed.password_variable, tuple(parsed.csv)),
    )
    print_record(parsed, found)
    if parsed.export:
        exported = audit_command.export(found, parsed.export, parsed.auto)
        print(audit_command.export_text(found, parsed.export, exported, parsed.auto), file=sys.stderr)
    return 0
