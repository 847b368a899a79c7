"""The commands for a cluster: compile, submit, dry-run. Slow things are imported where they are used."""

import argparse
import json
import os
import sys
from pathlib import Path

from components.errors import UsageError
from components.escaping import for_a_terminal
from pipeline.command_settings import settings_of
from pipeline.talk import chatter_to


def compile_(parsed: argparse.Namespace) -> int:
    """`plumbline compile`."""
    _compile_to(parsed, parsed.output, parsed.target)
    print(parsed.output)
    return 0


def _compile_to(parsed: argparse.Namespace, output: Path, target: str = "kubeflow") -> None:
    config = settings_of(parsed)
    with chatter_to(Path(os.devnull)):
        from pipeline.run_kubeflow import compile_pipeline

        compile_pipeline(config, output=output, data=parsed.data, root=parsed.root, image=parsed.image, target=target)


def submit(parsed: argparse.Namespace) -> int:
    """`plumbline submit`."""
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
    print(json.dumps(submitted.to_json()) if parsed.json else for_a_terminal(submitted).for_a_person())
    return 0


def dry_run(parsed: argparse.Namespace) -> int:
    """`plumbline dry-run`."""
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
        print(json.dumps(report.to_json(), allow_nan=False) if parsed.json else for_a_terminal(report).for_a_person())
    if failure is not None:
        raise failure
    return 0


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise UsageError(f"{option} {one}: legal: NAME=VALUE")
    return dict(one.split("=", 1) for one in given)
