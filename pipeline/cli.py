"""The `plumbline` command: parses, calls, prints."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.errors import PlumblineError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Data goes to stdout, talk to stderr."""
    parsed = _parser().parse_args(arguments)
    from pipeline.environment import settle

    settle()
    try:
        code: int = parsed.run(parsed)
        return code
    except PlumblineError as exc:
        if parsed.debug:
            raise
        print("plumbline:", " ".join(str(exc).split()), file=sys.stderr)
        return exc.exit_code
    except BrokenPipeError:  # `plumbline … | head`: whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("plumbline: interrupted; what was finished is kept, run again to go on", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plumbline", description="A data-centric machine-learning pipeline on TFX.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run the pipeline once on this machine")
    _common(run, _run)
    run.add_argument("--span", type=int, metavar="N", help="evaluate on span N (default: the newest)")

    replay = commands.add_parser("replay", help="run span after span, as if time passed")
    _common(replay, _replay)
    replay.add_argument("--from", dest="first", type=int, required=True, metavar="A", help="first eval span")
    replay.add_argument("--to", dest="last", type=int, required=True, metavar="B", help="last eval span")

    lineage = commands.add_parser("lineage", help="where a pushed model came from")
    _dataset(lineage, _lineage)
    lineage.add_argument("model", metavar="MODEL", help="version in the registry, or live")
    _where(lineage)

    init = commands.add_parser("init", help="propose settings and schema for one's own data")
    init.set_defaults(run=_init)
    init.add_argument("--data", required=True, metavar="PATH", help="a file, or a folder or URL of span files")
    init.add_argument("--label", required=True, metavar="COL", help="the column to predict")
    init.add_argument("--name", metavar="NAME", help="of the dataset (default: made of the file's)")
    init.add_argument("--force", action="store_true", help="replace a dataset of that name")
    init.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    init.add_argument("--debug", action="store_true", help="show the trace of an error")

    compile_ = commands.add_parser("compile", help="write the pipeline for a cluster")
    _dataset(compile_, _compile)
    compile_.add_argument("--target", choices=["kubeflow"], default="kubeflow", help="what to compile for")
    compile_.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="pipeline YAML to write")
    compile_.add_argument("--data", required=True, metavar="URL", help="folder of the spans, as the cluster sees it")
    compile_.add_argument("--root", required=True, metavar="URL", help="folder for artifacts and registry")
    compile_.add_argument("--image", required=True, metavar="IMAGE", help="container image with Plumbline in it")
    return parser


def _dataset(parser: argparse.ArgumentParser, function: Any) -> None:
    parser.set_defaults(run=function)
    parser.add_argument("--dataset", required=True, metavar="NAME", help="a folder below schemas/")
    parser.add_argument("--debug", action="store_true", help="show the trace of an error")


def _common(parser: argparse.ArgumentParser, function: Any) -> None:
    _dataset(parser, function)
    parser.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: the settings')")
    parser.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: the settings')")
    _where(parser)


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), metavar="DIR", help="folder of all runs (default: runs)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _config(parsed: argparse.Namespace) -> Any:
    from pipeline.config import find_config, load_config

    config = load_config(find_config(parsed.dataset))
    window = getattr(parsed, "window", None)
    if window is None:
        return config
    if window < 1:
        raise UsageError(f"--window {window}: must be at least 1")
    return config.model_copy(update={"data": config.data.model_copy(update={"window": window})})


def _run(parsed: argparse.Namespace) -> int:
    from pipeline.run_local import run
    from pipeline.summary import for_a_person

    summary, stopped = run(_config(parsed), root=parsed.root, span=parsed.span, data=parsed.data)
    if parsed.json:
        print(json.dumps(summary.to_json(), allow_nan=False))
    else:
        print(for_a_person(summary))
    if stopped is not None:
        raise stopped
    return 0


def _replay(parsed: argparse.Namespace) -> int:
    from pipeline.run_local import replay
    from pipeline.summary import one_line

    if parsed.last < parsed.first:
        raise UsageError(f"--from {parsed.first} --to {parsed.last}: the last span lies before the first")
    summaries, stopped = [], None
    spans = range(parsed.first, parsed.last + 1)
    for summary, stop in replay(_config(parsed), root=parsed.root, spans=spans, data=parsed.data):
        summaries.append(summary)
        stopped = stopped or stop
        if not parsed.json:
            print(one_line(summary), flush=True)
    if parsed.json:
        print(json.dumps({"runs": [summary.to_json() for summary in summaries]}, allow_nan=False))
    if stopped is not None:
        raise stopped
    return 0


def _lineage(parsed: argparse.Namespace) -> int:
    from components.registry.versions import Registry
    from pipeline.lineage import for_a_person, model_lineage, open_store
    from pipeline.run_local import registry_folder

    config = _config(parsed)
    registry = Registry(registry_folder(config, parsed.root))
    version = registry.version_named(parsed.model)
    store = open_store(parsed.root / config.dataset.name / "metadata.sqlite")
    found = model_lineage(store, version, registry.manifest(version)["run_id"])
    print(json.dumps(found.to_json()) if parsed.json else for_a_person(found))
    return 0


def _init(parsed: argparse.Namespace) -> int:
    from pipeline.initialise import initialise

    found = initialise(parsed.data, parsed.label, name=parsed.name, force=parsed.force)
    print(json.dumps(found.to_json(), allow_nan=False) if parsed.json else found.for_a_person())
    return 0


def _compile(parsed: argparse.Namespace) -> int:
    from pipeline.talk import chatter_to

    config = _config(parsed)
    with chatter_to(Path(os.devnull)):
        from pipeline.run_kubeflow import compile_pipeline

        compile_pipeline(config, data=parsed.data, root=parsed.root, image=parsed.image, output=parsed.output)
    print(parsed.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
