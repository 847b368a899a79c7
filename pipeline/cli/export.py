"""`plumbline export mlflow`."""

import argparse

from pipeline.cli.arguments import Commands, add_command, add_dataset, add_group, add_json, add_root
from pipeline.cli.output import print_record
from pipeline.cli.resources import settings_of, store_of
from pipeline.run_history.run_names import LEGAL


def add_parsers(commands: Commands) -> None:
    """Adds `export` with `mlflow`."""
    targets = add_group(
        commands,
        "export",
        "TARGET",
        help="export a run to MLflow",
        description="Exports a run to another tool.",
    )
    mlflow = add_command(
        targets,
        "mlflow",
        export,
        help="log parameters, metrics, report and model to MLflow",
        description=(
            "Logs parameters, metrics, report and model card of a run to an MLflow tracking server, and registers the"
            " model if the run pushed one. Needs the extra `mlflow`."
        ),
        examples=("plumbline export mlflow --dataset flights live --tracking-uri http://127.0.0.1:5000",),
    )
    add_dataset(mlflow)
    mlflow.add_argument(
        "which",
        nargs="?",
        default="last",
        metavar="RUN",
        help=f"run: {LEGAL} (default: last)",
    )
    mlflow.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="URI of the tracking server (default: [mlflow] tracking_uri, then MLFLOW_TRACKING_URI)",
    )
    mlflow.add_argument("--name", metavar="NAME", help="name of the registered model (default: the dataset's name)")
    add_root(mlflow)
    add_json(mlflow)


def export(parsed: argparse.Namespace) -> int:
    """Exports a run to MLflow."""
    from pipeline.export.mlflow import export

    uri = parsed.tracking_uri or settings_of(parsed).mlflow.tracking_uri or None
    found = export(settings_of(parsed), parsed.root, parsed.which, uri, name=parsed.name, store=store_of(parsed))
    print_record(parsed, found)
    return 0
