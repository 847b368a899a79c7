"""`plumbline compile`, `plumbline submit` and `plumbline dry-run`."""

import argparse
import os
import sys
from pathlib import Path

from components.errors import UsageError
from components.escaping import for_a_terminal
from pipeline.cli.arguments import Commands, add_cluster, add_command, add_dataset, add_json
from pipeline.cli.output import print_found, print_record
from pipeline.cli.resources import settings_of
from pipeline.talk import chatter_to


def add_parsers(commands: Commands) -> None:
    """Adds `compile`, `submit` and `dry-run`."""
    _add_compile(commands)
    _add_submit(commands)
    _add_dry_run(commands)


def _add_compile(commands: Commands) -> None:
    parser = add_command(
        commands, "compile", compile_pipeline, help="write the pipeline for a cluster", needs="tensorflow"
    )
    add_dataset(parser)
    parser.add_argument(
        "--target", choices=["kubeflow", "vertex"], default="kubeflow", help="what to compile for (default: kubeflow)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="pipeline YAML to write")
    add_cluster(parser)


def _add_submit(commands: Commands) -> None:
    parser = add_command(
        commands,
        "submit",
        submit,
        help="run the pipeline on Kubeflow Pipelines, once or on a schedule",
        needs="tensorflow",
    )
    add_dataset(parser)
    parser.add_argument("--host", metavar="URL", help="of the API (default: [kubeflow] host, or KF_PIPELINES_ENDPOINT)")
    parser.add_argument("--experiment", metavar="NAME", help="that the run is listed under (default: the dataset's)")
    parser.add_argument("--service-account", metavar="NAME", help="that the pods run as (default: [kubeflow]'s)")
    parser.add_argument("--span", type=int, metavar="N", help="evaluate on span N (default: the newest)")
    parser.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: the settings')")
    parser.add_argument("--wait", action="store_true", help="until the run has ended; exit code 1, or 3 for the gate")
    parser.add_argument(
        "--every", "--recurring", metavar="CRON", help="on a schedule: hourly, daily, weekly, monthly, or '0 6 * * *'"
    )
    parser.add_argument("--replace", action="store_true", help="with --every: instead of the schedule that is there")
    add_json(parser)
    add_cluster(parser)


def _add_dry_run(commands: Commands) -> None:
    parser = add_command(
        commands, "dry-run", dry_run, help="run a compiled pipeline here, step by step, as a cluster would"
    )
    parser.add_argument("pipeline", type=Path, metavar="FILE", help="pipeline YAML of plumbline compile, or of kfp")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--image", default="", metavar="NAME", help="run every step in this local image, by buildah")
    where.add_argument("--no-image", action="store_true", help="run every step on this machine")
    parser.add_argument("--root", default="", metavar="URL", help="folder or URL of artifacts (default: the YAML's)")
    parser.add_argument("--storage", type=Path, metavar="DIR", help="stands in for buckets (default: runs/dry-run)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="records and logs (default: beside the artifacts)")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the pipeline; repeatable"
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME[=VALUE]", help="a variable for every step; repeatable"
    )
    parser.add_argument(
        "--volume", action="append", default=[], metavar="DIR:PATH[:ro]", help="a folder that images see; repeatable"
    )
    parser.add_argument("--no-retries", action="store_true", help="try every step once, whatever the YAML says")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier dry run did")
    add_json(parser)


def compile_pipeline(parsed: argparse.Namespace) -> int:
    """Writes the pipeline's YAML; prints its path."""
    _compile_to(parsed, parsed.output, parsed.target)
    print(parsed.output)
    return 0


def _compile_to(parsed: argparse.Namespace, output: Path, target: str = "kubeflow") -> None:
    config = settings_of(parsed)
    with chatter_to(Path(os.devnull)):
        from pipeline.run_kubeflow import compile_pipeline

        compile_pipeline(config, output=output, data=parsed.data, root=parsed.root, image=parsed.image, target=target)


def submit(parsed: argparse.Namespace) -> int:
    """Submits the pipeline, once or on a schedule; with --wait, waits for the run's end."""
    from pipeline.kubeflow import submit as submitting

    if parsed.wait and parsed.every:
        raise UsageError("--wait with --every: a schedule does not end; leave one of them out")
    if parsed.replace and not parsed.every:
        raise UsageError("--replace: only with --every")
    asked = submitting.Request(**{field: getattr(parsed, field) for field in submitting.Request.__dataclass_fields__})
    submitted, client = submitting.submit(settings_of(parsed), asked, lambda path: _compile_to(parsed, path))
    if parsed.wait:
        print(f"{submitted.for_a_person()}\nwaiting", file=sys.stderr)
        submitted = submitting.wait(client, submitted)
    print_record(parsed, submitted)
    return 0


def dry_run(parsed: argparse.Namespace) -> int:
    """Runs a compiled pipeline on this machine; prints the report."""
    from pipeline.dry_run.run import Options, dry_run

    options = Options(
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
    report, failure = dry_run(parsed.pipeline, options, sys.stderr)
    if failure is None or parsed.json:
        print_found(parsed, report.to_json, lambda: for_a_terminal(report).for_a_person())
    if failure is not None:
        raise failure
    return 0


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise UsageError(f"{option} {one}: legal: NAME=VALUE")
    return dict(one.split("=", 1) for one in given)
