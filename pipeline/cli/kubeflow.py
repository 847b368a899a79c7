"""`plumbline compile`, `plumbline submit` and `plumbline dry-run`."""

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from components.shared.errors import UsageError
from components.shared.texts.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_cluster, add_command, add_dataset, add_json
from pipeline.cli.output import print_found, print_record
from pipeline.cli.resources import settings_of
from pipeline.process.console import redirect_output


def add_parsers(commands: Commands) -> None:
    """Adds `compile`, `submit` and `dry-run`."""
    _add_compile(commands)
    _add_submit(commands)
    _add_dry_run(commands)


def _add_compile(commands: Commands) -> None:
    parser = add_command(
        commands,
        "compile",
        compile_pipeline,
        help="compile the pipeline for Kubeflow Pipelines or Vertex AI",
        description=(
            "Writes the pipeline as KFP YAML. `plumbline dry-run` runs that file on this machine, `plumbline submit` "
            "compiles and submits in one step."
        ),
        examples=(
            "plumbline compile --dataset flights -o build/flights.yaml --data s3://bucket/flights --root "
            "s3://bucket/runs --image registry.example/plumbline:1",
        ),
        needs="tensorflow",
    )
    add_dataset(parser)
    parser.add_argument(
        "--target",
        choices=["kubeflow", "vertex"],
        default="kubeflow",
        help="platform to compile for (default: kubeflow)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="YAML file to write")
    add_cluster(parser)


def _add_submit(commands: Commands) -> None:
    parser = add_command(
        commands,
        "submit",
        submit,
        help="run the pipeline on Kubeflow Pipelines, once or on a schedule",
        description="Compiles the pipeline and starts a run on Kubeflow Pipelines, or with --every a recurring run. "
        "Options that are not given come from [kubeflow] of the settings.",
        examples=(
            "plumbline submit --dataset flights --host http://127.0.0.1:8080 --wait",
            "plumbline submit --dataset flights --every weekly --replace",
        ),
        needs="tensorflow",
    )
    add_dataset(parser)
    parser.add_argument(
        "--host",
        metavar="URL",
        help="URL of the Kubeflow Pipelines API (default: [kubeflow] host, then KF_PIPELINES_ENDPOINT)",
    )
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        help="experiment of the run (default: [kubeflow] experiment, then the dataset's name)",
    )
    parser.add_argument(
        "--service-account", metavar="NAME", help="service account of the pods (default: [kubeflow] service_account)"
    )
    parser.add_argument("--span", type=int, metavar="N", help="evaluate on span N (default: the newest)")
    parser.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: [data] window)")
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for the end of the run; exit code 1 if it failed, 3 if the data gate stopped it",
    )
    parser.add_argument(
        "--every",
        "--recurring",
        metavar="CRON",
        help="schedule of a recurring run: hourly, daily, weekly, monthly, or a cron expression such as '0 6 * * *'",
    )
    parser.add_argument("--replace", action="store_true", help="with --every: replace the existing schedule")
    add_json(parser)
    add_cluster(parser)


def _add_dry_run(commands: Commands) -> None:
    parser = add_command(
        commands,
        "dry-run",
        dry_run,
        help="run a compiled pipeline on this machine, as a cluster would",
        description=(
            "Runs each step of a compiled pipeline in a process or container of its own, with the inputs that KFP's "
            "driver and launcher would pass. Rejects first what KFP would reject. A second call continues after the "
            "last step that succeeded."
        ),
        examples=("plumbline dry-run build/flights.yaml --no-image",),
    )
    parser.add_argument(
        "pipeline", type=Path, metavar="FILE", help="pipeline YAML from `plumbline compile` or from the KFP SDK"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--image", default="", metavar="NAME", help="run each step in this local image, with buildah")
    where.add_argument("--no-image", action="store_true", help="run each step as a process of this machine")
    parser.add_argument(
        "--root", default="", metavar="URL", help="folder or URL for artifacts (default: the one in the YAML)"
    )
    parser.add_argument(
        "--storage", type=Path, metavar="DIR", help="folder that replaces buckets (default: runs/dry-run)"
    )
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="folder for records and logs (default: beside the artifacts)"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="pipeline parameter; repeatable"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="environment variable of each step; repeatable",
    )
    parser.add_argument(
        "--volume",
        action="append",
        default=[],
        metavar="DIR:PATH[:ro]",
        help="folder to mount into the containers; repeatable",
    )
    parser.add_argument("--no-retries", action="store_true", help="try each step once; ignore the retries of the YAML")
    parser.add_argument("--fresh", action="store_true", help="discard the results of an earlier dry run")
    add_json(parser)


def compile_pipeline(parsed: argparse.Namespace) -> int:
    """Writes the pipeline's YAML; prints its path."""
    _compile_to(parsed, parsed.output, parsed.target)
    print(parsed.output)
    return 0


def _compile_to(parsed: argparse.Namespace, output: Path, target: str = "kubeflow") -> None:
    config = settings_of(parsed)
    with nullcontext() if parsed.verbose else redirect_output(Path(os.devnull)):
        from pipeline.runners.kubeflow.runner import compile_pipeline

        compile_pipeline(config, output=output, data=parsed.data, root=parsed.root, image=parsed.image, target=target)


def submit(parsed: argparse.Namespace) -> int:
    """Submits the pipeline, once or on a schedule; with --wait, waits for the run's end."""
    from pipeline.runners.kubeflow import submit as submitting

    if parsed.wait and parsed.every:
        raise UsageError("--wait with --every: a recurring run does not end; use one of the two options")
    if parsed.replace and not parsed.every:
        raise UsageError("--replace: only with --every")
    request = submitting.Request(**{field: getattr(parsed, field) for field in submitting.Request.__dataclass_fields__})
    submitted, client = submitting.submit(settings_of(parsed), request, lambda path: _compile_to(parsed, path))
    if parsed.wait:
        print(f"{submitted.to_text()}\nwaiting", file=sys.stderr)
        submitted = submitting.wait(client, submitted)
    print_record(parsed, submitted)
    return 0


def dry_run(parsed: argparse.Namespace) -> int:
    """Runs a compiled pipeline on this machine; prints the report."""
    from pipeline.runners.dry_run.runner import DryRunOptions, dry_run

    options = DryRunOptions(
        image=parsed.image,
        on_machine=parsed.no_image,
        root=parsed.root,
        storage=parsed.storage,
        work=parsed.work,
        parameters=_pairs("--param", parsed.param),
        env=parsed.env,
        volumes=parsed.volume,
        fresh=parsed.fresh,
        retry=not parsed.no_retries,
    )
    report, failure = dry_run(parsed.pipeline, options, None if parsed.quiet else sys.stderr)
    if failure is None or parsed.json:
        print_found(parsed, report.to_json, lambda: for_a_terminal(report).to_text())
    if failure is not None:
        raise failure
    return 0


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise UsageError(f"{option} {one}: legal: NAME=VALUE")
    return dict(one.split("=", 1) for one in given)
