"""What each command of `plumbline` does: calls, prints. Slow things are imported where they are used."""

import argparse
import json
import os
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import GateBlocked, PlumblineError, UsageError
from components.escaping import for_a_terminal, for_terminal
from components.plain_names import checked
from components.registry.versions import Registry
from components.secret_texts import holds_secret, without_secrets
from pipeline.command_settings import settings_of
from pipeline.config import Config, registry_folder
from pipeline.talk import Progress, chatter_to

if TYPE_CHECKING:
    from pipeline.summary import Summary


NOT_RECORDED = frozenset({"tracking_uri", "host", "env"})
"""Options whose URL no record of a run holds: it may have a user and a password in it."""


def check_arguments(parsed: argparse.Namespace) -> None:
    """UsageError for credentials in a URL on the command line, which settings, metadata and reports would record."""
    for option, value in vars(parsed).items():
        # A Path has made one slash of two.
        text = str(value).replace(":/", "://", 1) if isinstance(value, Path) and "://" not in str(value) else value
        if option not in NOT_RECORDED and isinstance(text, str) and holds_secret(text):
            raise UsageError(
                f"{without_secrets(text)}: holds credentials, which a run would record; give the URL without them, and "
                "set the environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or PGUSER and "
                "PGPASSWORD"
            )


def run(parsed: argparse.Namespace) -> int:
    """`plumbline run`."""
    from pipeline.summary import for_a_person

    if parsed.profile:
        from pipeline.profiling.profile import with_profile

        summary, stopped = with_profile(lambda: _run(parsed), sys.stderr)
    else:
        summary, stopped = _run(parsed)
    try:
        print(json.dumps(summary.to_json(), allow_nan=False) if parsed.json else for_a_person(for_a_terminal(summary)))
    finally:
        if stopped is not None:  # says more than that the output could not be written
            raise stopped
    return 0


def _run(parsed: argparse.Namespace) -> "tuple[Summary, PlumblineError | None]":
    config = settings_of(parsed)

    from pipeline import run_local

    # A sample's models are no models: they have a registry and a history of their own.
    root = parsed.root if parsed.sample is None else parsed.root / "sample"
    return run_local.run(
        config, root=root, span=parsed.span, data=parsed.data, sample=parsed.sample, verify=parsed.verify
    )


def replay(parsed: argparse.Namespace) -> int:
    """`plumbline replay`: a line for each span, then the drift of all of them."""
    if parsed.last < parsed.first:
        raise UsageError(f"--from {parsed.first} --to {parsed.last}: the last span lies before the first")
    config = settings_of(parsed)

    from pipeline import run_local
    from pipeline.summary import one_line

    summaries, stopped = [], None
    spans = range(parsed.first, parsed.last + 1)
    for summary, stop in run_local.replay(
        config, root=parsed.root, spans=spans, data=parsed.data, verify=parsed.verify
    ):
        summaries.append(summary)
        stopped = stopped or stop
        if not parsed.json:
            print(one_line(for_a_terminal(summary)), flush=True)
    if parsed.json:
        print(json.dumps({"runs": [summary.to_json() for summary in summaries]}, allow_nan=False))
    else:
        _show_history(config, parsed.root, chart=parsed.root / config.dataset.name / "reports" / "drift.svg")
    if stopped is not None:
        raise stopped
    return 0


def drift(parsed: argparse.Namespace) -> int:
    """`plumbline drift A B`, and `plumbline drift --history`."""
    if parsed.history:
        return _drift_history(parsed)
    from pipeline.drift import command as drift_command
    from pipeline.drift.data import Asked

    if parsed.baseline is None or parsed.current is None:
        raise UsageError("drift: two files or folders to compare, or --history and --dataset")
    if parsed.chart or parsed.suggest:
        raise UsageError("--chart and --suggest: only with --history")
    if parsed.alpha is not None and not 0 < parsed.alpha < 1:
        raise UsageError(f"--alpha {parsed.alpha}: must lie between 0 and 1")
    compared = drift_command.drift(
        parsed.baseline,
        parsed.current,
        schema=parsed.schema,
        config=settings_of(parsed) if parsed.dataset else None,
        slices=parsed.slice,
        comparator="skew" if parsed.skew else "drift",
        rule=parsed.rule,
        alpha=parsed.alpha,
        joint_rows=0 if parsed.no_joint else None,
        read_limits=parsed.read_limit,
        asked=Asked(tuple(parsed.query), parsed.sheet, parsed.password_variable, tuple(parsed.csv)),
    )
    print(
        json.dumps(compared.to_json(), allow_nan=False)
        if parsed.json
        else for_a_terminal(compared).for_a_person(parsed.all)
    )
    return GateBlocked.exit_code if parsed.fail_on_drift and compared.found.drifted else 0


def _drift_history(parsed: argparse.Namespace) -> int:
    if not parsed.dataset:
        raise UsageError("--history: of which dataset? --dataset says it")
    config = settings_of(parsed)
    if parsed.suggest:
        from pipeline.drift.suggestions import suggest

        suggested = suggest(_history(config, parsed.root))
        print(json.dumps(suggested.to_json()) if parsed.json else for_a_terminal(suggested).for_a_person())
        return 0
    if parsed.json:
        print(json.dumps(_history(config, parsed.root).to_json(), allow_nan=False))
    _show_history(config, parsed.root, parsed.chart, quiet=parsed.json)
    return 0


def _history(config: Config, root: Path) -> Any:
    from pipeline.drift.history import load_history

    return load_history(root, config.dataset.name, label=config.dataset.label)


def _show_history(config: Config, root: Path, chart: Path | None, quiet: bool = False) -> None:
    from pipeline.drift.table import table

    history = _history(config, root)
    if not quiet:
        print("\n" + for_terminal(table(history, shutil.get_terminal_size().columns)))
    if chart is not None and history.compared:
        from pipeline.drift.chart import save_chart

        save_chart(history, chart)
        print(f"chart: {chart}", file=sys.stderr)


def audit(parsed: argparse.Namespace) -> int:
    """`plumbline audit`."""
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
    print(json.dumps(found.to_json(), allow_nan=False) if parsed.json else for_a_terminal(found).for_a_person())
    if parsed.export:
        exported = audit_command.export(found, parsed.export, parsed.auto)
        print(audit_command.export_text(found, parsed.export, exported, parsed.auto), file=sys.stderr)
    return 0


def schema(parsed: argparse.Namespace) -> int:
    """`plumbline schema diff`, and `update`."""
    from pipeline.schema import command as schema_command

    config = settings_of(parsed)
    if parsed.thresholds_from_history:
        from pipeline.drift.suggestions import suggest

        suggested = suggest(_history(config, parsed.root))
        found = schema_command.threshold_diff(config, suggested.threshold_changes())
    else:
        found = schema_command.diff(config, parsed.data, parsed.span, renames=not parsed.no_renames)
    if parsed.act == "diff" or not found.changes:
        print(json.dumps(found.to_json()) if parsed.json else for_a_terminal(found).for_a_person())
        return 0
    if parsed.accept is None:
        print(for_a_terminal(found).for_a_person(), file=sys.stderr)
        accepted = schema_command.ask(found.changes, sys.stdin, sys.stderr)
    else:
        accepted = schema_command.chosen(parsed.accept, found.changes)
    schema_command.apply(found, accepted, allow_removal=parsed.allow_removal)
    if parsed.json:
        print(json.dumps(found.to_json(accepted)))
    else:
        print(f"{found.path}: {len(accepted)} of {len(found.changes)} changes applied")
    return 0


def runs(parsed: argparse.Namespace) -> int:
    """`plumbline runs`."""
    from pipeline.lookback.runs import for_a_person, history

    if parsed.limit is not None and parsed.limit < 1:
        raise UsageError(f"--limit {parsed.limit}: must be at least 1")
    if parsed.html:
        from pipeline.report.history_page import write_history

        return _written(write_history(_home(parsed)), parsed)
    found = history(_home(parsed), limit=parsed.limit)
    print(
        json.dumps({"runs": [one.to_json() for one in found]}) if parsed.json else for_a_person(for_a_terminal(found))
    )
    return 0


def tuned(parsed: argparse.Namespace) -> int:
    """`plumbline tuned`: what was found, and `--write`, which keeps it."""
    from pipeline import tuned as tuned_

    config = settings_of(parsed)
    kept = tuned_.from_file(parsed.file) if parsed.file else tuned_.last(_home(parsed))
    print(json.dumps(kept.to_json(), allow_nan=False) if parsed.json else for_a_terminal(kept).for_a_person())
    if parsed.write:
        print(tuned_.write(config, kept), file=sys.stderr)
    return 0


def lineage(parsed: argparse.Namespace) -> int:
    """`plumbline lineage`."""
    from pipeline.lineage import for_a_person, model_lineage

    registry = _registry(parsed)
    version = registry.version_named(parsed.model)
    found = model_lineage(_store(parsed), version, registry.manifest(version)["run_id"], registry)
    print(json.dumps(found.to_json()) if parsed.json else for_a_person(for_a_terminal(found)))
    return 0


def downstream(parsed: argparse.Namespace) -> int:
    """`plumbline downstream`."""
    from pipeline.lookback.downstream import downstream, for_a_person

    found = downstream(_store(parsed), parsed.asked, _registry(parsed))
    print(json.dumps(found.to_json()) if parsed.json else for_a_person(for_a_terminal(found)))
    return 0


def compare(parsed: argparse.Namespace) -> int:
    """`plumbline compare`."""
    from pipeline.lookback.compare_runs import compare_runs
    from pipeline.lookback.compare_text import for_a_person
    from pipeline.lookback.runs import run_named

    home = _home(parsed)
    before, after = (run_named(home, wanted) for wanted in (parsed.before, parsed.after))
    with chatter_to(Path(os.devnull)) if parsed.intervals else nullcontext():
        found = compare_runs(_store(parsed), home, before, after, with_intervals=parsed.intervals)
    print(json.dumps(found.to_json(), allow_nan=False) if parsed.json else for_a_person(for_a_terminal(found)))
    return 0


def report(parsed: argparse.Namespace) -> int:
    """`plumbline report`."""
    from pipeline.lookback.runs import history, run_named

    home = _home(parsed)
    if parsed.compare:
        from pipeline.report.compare_page import write_compare

        one, other = (run_named(home, wanted) for wanted in parsed.compare)
        return _written(write_compare(home, one, other), parsed)
    from pipeline.report.write import rewrite_report

    newest = history(home, limit=1)
    if not newest:
        raise UsageError(f"{home}: no run yet; plumbline run makes one")
    run_id = run_named(home, parsed.wanted) if parsed.wanted else newest[0].run_id
    return _written(rewrite_report(home, run_id, _store(parsed)), parsed)


def _written(path: Path, parsed: argparse.Namespace) -> int:
    print(json.dumps({"report": str(path)}) if parsed.json else path)
    return 0


def export(parsed: argparse.Namespace) -> int:
    """`plumbline export mlflow`."""
    from pipeline.export.mlflow import export

    uri = parsed.tracking_uri or settings_of(parsed).mlflow.tracking_uri or None
    found = export(settings_of(parsed), parsed.root, parsed.which, uri, name=parsed.name, store=_store(parsed))
    print(json.dumps(found.to_json()) if parsed.json else for_a_terminal(found).for_a_person())
    return 0


def gc(parsed: argparse.Namespace) -> int:
    """`plumbline gc`."""
    from pipeline.lookback.collect import collect, for_a_person, plan

    if parsed.keep < 0:
        raise UsageError(f"--keep {parsed.keep}: must be 0 or more")
    act = collect if parsed.apply else plan
    found = act(_store(parsed, read_only=not parsed.apply), _home(parsed), _registry(parsed), parsed.keep)
    print(json.dumps(found.to_json()) if parsed.json else for_a_person(for_a_terminal(found), applied=parsed.apply))
    return 0


def _home(parsed: argparse.Namespace) -> Path:
    home: Path = (parsed.root / checked(parsed.dataset, "--dataset")).resolve()
    return home


def _registry(parsed: argparse.Namespace) -> Registry:
    return Registry(registry_folder(settings_of(parsed), parsed.root))


def _store(parsed: argparse.Namespace, read_only: bool = True) -> Any:
    from pipeline.metadata_connection import connect, connection_config

    return connect(
        connection_config(settings_of(parsed).metadata, _home(parsed) / "metadata.sqlite"), read_only=read_only
    )


def doctor(parsed: argparse.Namespace) -> int:
    """`plumbline doctor`: exit code 1 if there are errors, after the repairs if these were asked for."""
    from pipeline.doctor.command import diagnose, repair
    from pipeline.doctor.finding import Options
    from pipeline.doctor.text import for_a_person

    options = Options(digests=parsed.digests, quick=parsed.quick, tensorflow=not parsed.quick)
    if parsed.repair:
        found = repair(parsed.root, parsed.dataset, options, lambda text: print(text, file=sys.stderr))
    else:
        found = diagnose(parsed.root, parsed.dataset, options)
    print(json.dumps(found.to_json()) if parsed.json else for_a_person(found, shutil.get_terminal_size().columns))
    return PlumblineError.exit_code if found.count("error") else 0


def init(parsed: argparse.Namespace) -> int:
    """`plumbline init`."""
    from components.arrow_example_gen.options import ReadOptions
    from pipeline.initialise.command import initialise

    progress = Progress(sys.stderr if sys.stderr.isatty() else None, total=2)
    found = initialise(
        parsed.data,
        parsed.label,
        name=parsed.name,
        force=parsed.force,
        read_limits=parsed.read_limit,
        progress=progress,
        asked=ReadOptions(
            sheet=parsed.sheet, spans_query=parsed.spans_query, password_variable=parsed.password_variable
        ),
        query=parsed.query,
        csv=parsed.csv,
    )
    print(json.dumps(found.to_json(), allow_nan=False) if parsed.json else for_a_terminal(found).for_a_person())
    return 0
