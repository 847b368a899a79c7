"""`plumbline audit`."""

import argparse
import sys
from pathlib import Path

from components.shared.errors import UsageError
from pipeline.cli.arguments import Commands, FormerOption, add_command, add_json, add_reading, add_source
from pipeline.cli.output import print_record
from pipeline.cli.resources import settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `audit`."""
    parser = add_command(
        commands,
        "audit",
        audit,
        help="find suspected label errors and measure inter-annotator agreement",
        description=(
            "Finds labels that are probably wrong, by confident learning: cross-validated models predict each label, "
            "and a low label quality (0 to 1) means that the label contradicts the prediction. Reports duplicate rows"
            " and spelling variants as well, and with --annotators the inter-annotator agreement."
        ),
        examples=(
            "plumbline audit data/flights/span-01.csv --dataset flights",
            "plumbline audit data/flights/span-01.csv --label late --id row_id --export corrections.csv",
        ),
        needs="tables",
    )
    parser.add_argument("data", metavar="DATA", help="file or folder of the table")
    parser.add_argument("--label", default="", metavar="COL", help="label column (default: [dataset] label)")
    parser.add_argument("--dataset", metavar="NAME", help="use schema and settings of this dataset")
    parser.add_argument("--id", default="", metavar="A,B", help="id columns: together they identify a row")
    parser.add_argument(
        "--annotators", default="", metavar="A,B,C", help="columns with the labels of several annotators"
    )
    parser.add_argument("--labelers", dest="annotators", default="", action=FormerOption, help=argparse.SUPPRESS)
    parser.add_argument(
        "--model",
        choices=["auto", "boosting", "forest", "neighbours", "logistic"],
        default="auto",
        help="model whose out-of-sample probabilities the labels are compared with (default: auto)",
    )
    parser.add_argument(
        "--limit", type=int, default=1000, metavar="N", help="list at most N suspected label errors (default: 1000)"
    )
    parser.add_argument("--export", type=Path, metavar="FILE", help="write them as a corrections.csv to be filled in")
    parser.add_argument(
        "--auto",
        type=float,
        metavar="Q",
        help="with --export: fill in the suggested label where the label quality is at most Q, such as 0.05",
    )
    add_json(parser)
    add_source(parser)
    add_reading(parser)


def audit(parsed: argparse.Namespace) -> int:
    """Audits the labels of a table; exports the rows to review if --export names a file."""
    from pipeline.drift.input_tables import ReadRequest
    from pipeline.labels.audit import audit, check_threshold, export_corrections, export_text

    if not parsed.label and not parsed.dataset and not parsed.annotators:
        raise UsageError("audit: no label column given; use --label COL, --dataset NAME or --annotators A,B")
    if parsed.limit < 1:
        raise UsageError(f"--limit {parsed.limit}: must be at least 1")
    if parsed.auto is not None:
        check_threshold(parsed.auto)
        if not parsed.export:
            raise UsageError("--auto: fills in what --export writes; name a file with --export")
    found = audit(
        parsed.data,
        parsed.label,
        config=settings_of(parsed) if parsed.dataset else None,
        ids=tuple(filter(None, parsed.id.split(","))),
        labelers=tuple(filter(None, parsed.annotators.split(","))),
        model=parsed.model,
        limit=parsed.limit,
        read_limits=parsed.read_limit,
        request=ReadRequest(
            (parsed.query,) if parsed.query else (), parsed.sheet, parsed.password_variable, tuple(parsed.csv)
        ),
    )
    print_record(parsed, found)
    if parsed.export:
        exported = export_corrections(found, parsed.export, parsed.auto)
        print(export_text(found, parsed.export, exported, parsed.auto), file=sys.stderr)
    return 0
