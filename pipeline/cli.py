"""The `plumbline` command: parses, calls, prints."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.endings.ending import guarded, own_process

CLUSTER = frozenset({"compile_", "submit", "dry_run"})
"""Commands whose functions are in cluster_commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Data goes to stdout, talk to stderr.

    Args:
      arguments: None are those of this process, which then ends here with the exit code.
    """
    if arguments is None:
        own_process(lambda: _command(sys.argv[1:]))
    return _command(arguments)


def _command(arguments: Sequence[str]) -> int:
    parsed = _parser().parse_args(arguments)
    place = parsed.root / parsed.dataset if isinstance(getattr(parsed, "root", None), Path) and parsed.dataset else None
    return guarded(lambda: _called(parsed), debug=parsed.debug, place=place)


def _called(parsed: argparse.Namespace) -> int:
    from pipeline.environment import settle

    settle()
    from pipeline.endings import limits

    # Before the modules that load NumPy, whose OpenBLAS ends the process where it gets no memory.
    if parsed.command in ("audit", "drift", "init", "replay", "run", "schema"):
        limits.check_limits(limits.TABLES)
    elif parsed.command in ("compile_", "submit"):
        limits.check_limits()
    else:
        limits.check_address_space(limits.NUMPY)
    from pipeline import cluster_commands, commands

    commands.check_arguments(parsed)
    code: int = getattr(cluster_commands if parsed.command in CLUSTER else commands, parsed.command)(parsed)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plumbline", description="A data-centric machine-learning pipeline on TFX.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run the pipeline once on this machine")
    _common(run, "run")
    _beam(run)
    run.add_argument("--span", type=int, metavar="N", help="evaluate on span N (default: the newest)")
    run.add_argument(
        "--sample", type=int, metavar="N", help="on about N rows, below ROOT/sample: tries code out before data"
    )

    run.add_argument(
        "--tune", type=int, metavar="N", help="search the settings of [training] first, by N trials; see [tune]"
    )
    run.add_argument(
        "--profile", action="store_true", help="print where the time went, by step; also kept as profile.json"
    )

    _verify(run)

    replay = commands.add_parser("replay", help="run span after span, as if time passed")
    _common(replay, "replay")
    _beam(replay)
    replay.add_argument("--from", dest="first", type=int, required=True, metavar="A", help="first eval span")
    replay.add_argument("--to", dest="last", type=int, required=True, metavar="B", help="last eval span")
    _verify(replay)

    drift = commands.add_parser("drift", help="how far data has moved: two files or folders, or a dataset's history")
    drift.set_defaults(command="drift")
    drift.add_argument("baseline", nargs="?", metavar="BASELINE", help="file or folder to compare with")
    drift.add_argument("current", nargs="?", metavar="CURRENT", help="file or folder that may have moved")
    drift.add_argument("--dataset", metavar="NAME", help="take schema and [drift] settings of this dataset")
    drift.add_argument("--schema", type=Path, metavar="FILE", help="types and thresholds (schema.pbtxt)")
    drift.add_argument("--skew", action="store_true", help="by the schema's skew_comparators: training against serving")
    drift.add_argument("--rule", choices=["calibrated", "fixed"], help="what counts as drift (default: calibrated)")
    drift.add_argument("--alpha", type=float, metavar="P", help="false discovery rate (default: 0.01)")
    drift.add_argument(
        "--slice", action="append", default=[], metavar="COL", help="compare within each value of it, too; COL,COL too"
    )
    drift.add_argument("--no-joint", action="store_true", help="leave out the test of columns together")
    drift.add_argument("--all", action="store_true", help="print every distance, drifted or not")
    drift.add_argument("--fail-on-drift", action="store_true", help="exit code 3 if anything drifted")
    drift.add_argument("--history", action="store_true", help="the course over the runs of --dataset")
    drift.add_argument("--chart", type=Path, metavar="FILE", help="with --history: draw it, .svg or .png")
    drift.add_argument("--suggest", action="store_true", help="with --history: thresholds that the past suggests")
    _source(drift, sides=True)
    _limits(drift)
    _csv(drift)
    drift.add_argument("--debug", action="store_true", help="show the trace of an error")
    _where(drift)

    audit = commands.add_parser("audit", help="doubtful labels of a table, and how far labelers agree")
    audit.set_defaults(command="audit")
    audit.add_argument("data", metavar="DATA", help="file or folder")
    audit.add_argument("--label", default="", metavar="COL", help="the label column (default: the dataset's)")
    audit.add_argument("--dataset", metavar="NAME", help="take schema and settings of this dataset")
    audit.add_argument("--id", default="", metavar="A,B", help="columns that name a row")
    audit.add_argument("--labelers", default="", metavar="A,B,C", help="columns with several labelers' labels")
    audit.add_argument("--model", choices=["auto", "boosting", "forest", "neighbours", "logistic"], default="auto")
    audit.add_argument("--limit", type=int, default=1000, metavar="N", help="doubtful rows to name (default: 1000)")
    audit.add_argument("--export", type=Path, metavar="FILE", help="write them as corrections to be filled in")
    audit.add_argument(
        "--auto", type=float, metavar="Q", help="with --export: fill in the suggested label up to this quality, as 0.05"
    )
    audit.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    _source(audit)
    _limits(audit)
    _csv(audit)
    audit.add_argument("--debug", action="store_true", help="show the trace of an error")

    schema = commands.add_parser("schema", help="what the data would change in a dataset's schema")
    acts = schema.add_subparsers(metavar="ACT", required=True)
    for name, about in (("diff", "show it"), ("update", "apply what is accepted; comments stay")):
        act = acts.add_parser(name, help=about)
        _dataset(act, "schema")
        act.set_defaults(act=name)
        act.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: the settings')")
        act.add_argument("--span", type=int, metavar="N", help="up to span N (default: the newest)")
        act.add_argument(
            "--thresholds-from-history", action="store_true", help="drift thresholds that past runs suggest, instead"
        )
        act.add_argument(
            "--no-renames", action="store_true", help="a column that may have been renamed is one gone and one new"
        )
        _where(act)
        if name == "update":
            act.add_argument(
                "--allow-removal", action="store_true", help="also where the label or most columns would be taken away"
            )
            act.add_argument(
                "--accept", metavar="WHICH", help="all, numbers (1,3-5) or a feature; without it, each is asked for"
            )

    runs = commands.add_parser("runs", help="all runs, the newest first")
    _dataset(runs, "runs")
    runs.add_argument("--limit", type=int, metavar="N", help="the newest N only")
    runs.add_argument("--html", action="store_true", help="write them as a page, with the course of the metrics")
    _where(runs)

    tuned = commands.add_parser("tuned", help="what the last search of settings found")
    _dataset(tuned, "tuned")
    tuned.add_argument("--write", action="store_true", help="write it into [training] of pipeline.toml")
    tuned.add_argument("--file", type=Path, metavar="FILE", help="a best_settings.json, such as a cluster's run made")
    _where(tuned)

    lineage = commands.add_parser("lineage", help="where a pushed model came from")
    _dataset(lineage, "lineage")
    lineage.add_argument("model", metavar="MODEL", help="version in the registry, live, canary or previous")
    _where(lineage)

    downstream = commands.add_parser("downstream", help="which runs and models a span or file went into")
    _dataset(downstream, "downstream")
    downstream.add_argument("asked", metavar="SPAN|FILE", help="number of a span, a file, or the head of its SHA-256")
    _where(downstream)

    compare = commands.add_parser("compare", help="what differs between two runs, and what came of it")
    _dataset(compare, "compare")
    compare.add_argument("before", metavar="RUN_A", help="a run's id, or as much of it as is unique")
    compare.add_argument("after", metavar="RUN_B", help="the other one")
    compare.add_argument("--intervals", action="store_true", help="95 %% intervals of the gain; loads both models")
    _where(compare)

    report = commands.add_parser("report", help="write a run's report anew, or that of two runs side by side")
    _dataset(report, "report")
    report.add_argument("wanted", nargs="?", metavar="RUN", help="a run's id (default: the newest)")
    report.add_argument("--compare", nargs=2, metavar=("RUN_A", "RUN_B"), help="two runs side by side")
    _where(report)

    export = commands.add_parser("export", help="hand a run on to other tools")
    targets = export.add_subparsers(metavar="TARGET", required=True)
    mlflow = targets.add_parser("mlflow", help="parameters, metrics, report and model to an MLflow server")
    _dataset(mlflow, "export")
    mlflow.add_argument("which", nargs="?", default="last", metavar="RUN", help="run id, version, live, canary or last")
    mlflow.add_argument("--tracking-uri", metavar="URI", help="of the server (default: MLFLOW_TRACKING_URI)")
    mlflow.add_argument("--name", metavar="NAME", help="of the registered model (default: the dataset's)")
    _where(mlflow)

    gc = commands.add_parser("gc", help="what can be deleted: what no version in use and no recent run needs")
    _dataset(gc, "gc")
    gc.add_argument("--keep", type=int, default=10, metavar="K", help="runs to keep whatever they are (default: 10)")
    gc.add_argument("--apply", action="store_true", help="delete it (default: only say what would be)")
    _where(gc)

    doctor = commands.add_parser(
        "doctor", help="check environment, settings, metadata, artifacts and registry; repair what is safe"
    )
    doctor.set_defaults(command="doctor")
    doctor.add_argument("--dataset", metavar="NAME", help="this one only (default: all with settings or runs)")
    doctor.add_argument(
        "--repair", action="store_true", help="repair what is safe; what is replaced is kept in ROOT/NAME/backups"
    )
    depth = doctor.add_mutually_exclusive_group()
    depth.add_argument("--digests", action="store_true", help="read every file that has a recorded SHA-256")
    depth.add_argument("--quick", action="store_true", help="read no artifacts or models, do not import TensorFlow")
    doctor.add_argument("--debug", action="store_true", help="show the trace of an error")
    _where(doctor)

    init = commands.add_parser(
        "init", help="propose settings and schema for one's own data; again, it keeps your edits"
    )
    init.set_defaults(command="init")
    init.add_argument("--data", required=True, metavar="PATH", help="a file, a folder or URL of span files, a database")
    init.add_argument("--label", required=True, metavar="COL", help="the column to predict")
    init.add_argument("--name", metavar="NAME", help="of the dataset (default: made of the file's)")
    _source(init)
    init.add_argument("--spans-query", default="", metavar="SQL", help="its first column gives the spans of {span}")
    init.add_argument("--force", action="store_true", help="replace a dataset of that name, edits too")
    init.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    _limits(init)
    _csv(init)
    init.add_argument("--debug", action="store_true", help="show the trace of an error")

    compile_ = commands.add_parser("compile", help="write the pipeline for a cluster")
    _dataset(compile_, "compile_")
    compile_.add_argument(
        "--target", choices=["kubeflow", "vertex"], default="kubeflow", help="what to compile for (default: kubeflow)"
    )
    compile_.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="pipeline YAML to write")
    _cluster(compile_)

    submit = commands.add_parser("submit", help="run the pipeline on Kubeflow Pipelines, once or on a schedule")
    _dataset(submit, "submit")
    submit.add_argument("--host", metavar="URL", help="of the API (default: [kubeflow] host, or KF_PIPELINES_ENDPOINT)")
    submit.add_argument("--experiment", metavar="NAME", help="that the run is listed under (default: the dataset's)")
    submit.add_argument("--service-account", metavar="NAME", help="that the pods run as (default: [kubeflow]'s)")
    submit.add_argument("--span", type=int, metavar="N", help="evaluate on span N (default: the newest)")
    submit.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: the settings')")
    submit.add_argument("--wait", action="store_true", help="until the run has ended; exit code 1, or 3 for the gate")
    submit.add_argument(
        "--every", "--recurring", metavar="CRON", help="on a schedule: hourly, daily, weekly, monthly, or '0 6 * * *'"
    )
    submit.add_argument("--replace", action="store_true", help="with --every: instead of the schedule that is there")
    submit.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    _cluster(submit)

    dry_run = commands.add_parser("dry-run", help="run a compiled pipeline here, step by step, as a cluster would")
    dry_run.set_defaults(command="dry_run")
    dry_run.add_argument("pipeline", type=Path, metavar="FILE", help="pipeline YAML of plumbline compile, or of kfp")
    where = dry_run.add_mutually_exclusive_group()
    where.add_argument("--image", default="", metavar="NAME", help="run every step in this local image, by buildah")
    where.add_argument("--no-image", action="store_true", help="run every step on this machine")
    dry_run.add_argument("--root", default="", metavar="URL", help="folder or URL of artifacts (default: the YAML's)")
    dry_run.add_argument("--storage", type=Path, metavar="DIR", help="stands in for buckets (default: runs/dry-run)")
    dry_run.add_argument("--work", type=Path, metavar="DIR", help="records and logs (default: beside the artifacts)")
    dry_run.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the pipeline; repeatable",
    )
    dry_run.add_argument(
        "--env", action="append", default=[], metavar="NAME[=VALUE]", help="a variable for every step; repeatable"
    )
    dry_run.add_argument(
        "--volume",
        action="append",
        default=[],
        metavar="DIR:PATH[:ro]",
        help="a folder that images see; repeatable",
    )
    dry_run.add_argument("--no-retries", action="store_true", help="try every step once, whatever the YAML says")
    dry_run.add_argument("--fresh", action="store_true", help="forget what an earlier dry run did")
    dry_run.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    dry_run.add_argument("--debug", action="store_true", help="show the trace of an error")
    return parser


def _dataset(parser: argparse.ArgumentParser, command: str) -> None:
    parser.set_defaults(command=command)
    parser.add_argument("--dataset", required=True, metavar="NAME", help="a folder below schemas/")
    parser.add_argument("--debug", action="store_true", help="show the trace of an error")


def _cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="URL", help="folder of the spans, as the cluster sees it")
    parser.add_argument("--root", metavar="URL", help="folder for artifacts and registry: s3://, gs://, minio://")
    parser.add_argument("--image", metavar="IMAGE", help="container image with Plumbline in it")


def _source(parser: argparse.ArgumentParser, sides: bool = False) -> None:
    if sides:
        parser.add_argument(
            "--query", action="append", default=[], metavar="SQL", help="of databases: one for both sides, or one each"
        )
    else:
        parser.add_argument("--query", default="", metavar="SQL", help="of a database: the SELECT that gives the rows")
    parser.add_argument("--sheet", default="", metavar="NAME", help="of a spreadsheet (default: the first)")
    parser.add_argument(
        "--password-variable", default="", metavar="VAR", help="that holds a database's password (default: PGPASSWORD)"
    )


def _limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--read-limit",
        action="append",
        default=[],
        metavar="NAME=N",
        help="instead of a limit of [data], as max_columns=100000; several times for several",
    )


def _csv(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--csv",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how the CSV is written, instead of what is found or set, as encoding=cp1252, delimiter=;, header_row=3, "
        "skip_footer=1, comment=#, decimal=, or thousands=.; several times for several",
    )


def _common(parser: argparse.ArgumentParser, command: str) -> None:
    _dataset(parser, command)
    parser.add_argument("--window", type=int, metavar="W", help="number of spans to train on (default: the settings')")
    parser.add_argument("--data", metavar="DIR", help="folder or URL of the spans (default: the settings')")
    _where(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read every file that is taken from the cache again, and compare it with what was written",
    )


def _beam(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--beam", choices=["local", "flink", "spark"], help="where Beam's work is done (default: the settings' profile)"
    )


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), metavar="DIR", help="folder of all runs (default: runs)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


if __name__ == "__main__":
    sys.exit(main())
