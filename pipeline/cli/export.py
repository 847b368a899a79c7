"""`plumbline export mlflow`."""

import argparse

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_json, add_root
from pipeline.cli.output import print_record
from pipeline.cli.resources import settings_of, store_of


def add_parsers(commands: Commands) -> None:
    """Adds `export` with `mlflow`."""
    parser = commands.add_parser("export", help="hand a run on to other tools")
    targets = parser.add_subparsers(metavar="TARGET", required=True)
    mlflow = add_command(targets, "mlflow", export, help="parameters, metrics, report and model to an MLflow server")
    add_dataset(mlflow)
    mlflow.add_argument("which", nargs="?", default="last", metavar="RUN", help="run id, version, live, canary or last")
    mlflow.add_argument("--tracking-uri", metavar="URI", help="of the server (default: MLFLOW_TRACKING_URI)")
    mlflow.add_argument("--name", metavar="NAME", help="of the registered model (default: the dataset's)")
    add_root(mlflow)
    add_json(mlflow)


def export(parsed: argparse.Namespace) -> int:
    """Exports a run to MLflow."""
    from pipeline.export.mlflow import export

    uri = parsed.tracking_uri or settings_of(parsed).mlflow.tracking_uri or None
    found = export(settings_of(parsed), parsed.root, parsed.which, uri, name=parsed.name, store=store_of(parsed))
    print_record(parsed, found)
    return 0
