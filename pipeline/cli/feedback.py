"""`plumbline feedback`."""

import argparse
import getpass
from pathlib import Path

from components.shared.errors import UsageError
from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_found
from pipeline.cli.resources import home_of, settings_of


def add_parsers(commands: Commands) -> None:
    """Adds `feedback`."""
    parser = add_command(
        commands,
        "feedback",
        feedback,
        help="import labels that arrived after the predictions, by request id",
        description=(
            "Joins labels to the request log of `plumbline serve`. FILE has the columns request_id, optionally row "
            "(position within the request, from 0; without it the label applies to every row of the request), "
            "optionally label_time (when the label became known; without it, the time of the import), and the label. "
            "An existing label is replaced. Labels of unknown requests are kept and joined as soon as their rows are "
            "logged."
        ),
        examples=("plumbline feedback labels.csv --dataset flights",),
        needs="tables",
    )
    parser.add_argument("data", metavar="FILE", help="CSV or Parquet file, or another format of spans")
    add_dataset(parser)
    parser.add_argument(
        "--csv",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="sets the CSV format instead of detecting it, for instance delimiter=;; repeatable",
    )
    add_root(parser)
    add_json(parser)


def feedback(parsed: argparse.Namespace) -> int:
    """Imports the labels of a file."""
    from components.shared.files import sha256
    from pipeline.labels.feedback_file import feedback_batches
    from serving.request_log.feedback import Origin, import_labels

    config, folder = settings_of(parsed), home_of(parsed) / "requests"
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no request log; `plumbline serve` writes it")
    batches = feedback_batches(parsed.data, config, tuple(parsed.csv))
    path = Path(parsed.data)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "unknown"
    record = import_labels(folder, batches, Origin(path.name, sha256(path) if path.is_file() else "", user))
    print_found(parsed, record.to_json, record.to_text)
    return 0
