"""Runs the pipeline on this machine: launches the nodes, shows progress, writes summary and report."""

import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.arrow_example_gen.source import Source
from components.shared.errors import DamagedArtifact, PlumblineError
from components.shared.files import write_json, write_text
from components.shared.texts.escaping import for_a_terminal, markdown_block, on_one_line
from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.backups import back_up
from pipeline.metadata.connection import connect, connection_of
from pipeline.metadata.open_executions import mark_failed
from pipeline.metadata.store_identity import reconcile, record_executions
from pipeline.metadata.stored_artifact import StoredArtifact
from pipeline.preflight.class_check import check_positive, class_warnings
from pipeline.preflight.data_check import CheckedInputs, check_data, check_root, share_of, source_of
from pipeline.process.console import Progress, redirect_output
from pipeline.process.disk import check_disk
from pipeline.process.error_messages import known, one_line
from pipeline.process.light_imports import without
from pipeline.process.resource_limits import check_limits, check_memory
from pipeline.process.run_folder import log_trace, run_place
from pipeline.process.run_lock import run_lock
from pipeline.process.signals import check_interrupted
from pipeline.run_history.run_summary import ComponentRun, Summary, from_artifacts
from pipeline.run_history.summary_text import summary_text
from pipeline.runners.beam.services import started
from pipeline.runners.local.cached_nodes import CachedNodes
from pipeline.runners.local.expected_writes import expected_writes, is_recorded
from pipeline.runners.local.run_cache import cached_nodes, remember
from pipeline.runners.local.run_plan import LocalPlan, plan_run
from pipeline.runners.profiling.profile import section
from pipeline.settings.beam_arguments import Endpoints
from pipeline.settings.config import Config
from pipeline.settings.tuning_result import in_force, keep, trained_with

if TYPE_CHECKING:
    from pipeline.runners.local.node_launcher import LocalNodes


class ComponentFailed(PlumblineError):
    """A component raised an unexpected exception, not an error about the user's input."""


def run(
    config: Config,
    *,
    root: Path,
    span: int | None = None,
    data: str | None = None,
    verbose: bool = True,
    sample: int | None = None,
    verify: bool = False,
    follow_log: bool = False,
) -> tuple[Summary, PlumblineError | None]:
    """Runs the pipeline; repeats the run once if an artifact was damaged during the run.

    Args:
      config: Settings of the dataset.
      root: Folder of all runs; the dataset's files are in <root>/<dataset>.
      span: The eval span; None is the newest.
      data: Folder or URL of the spans; None is the one in the settings.
      verbose: Show progress on stderr.
      sample: Approximate number of rows of train and eval together, sampled at random; None is all.
      verify: Compare the digests of all files of cached artifacts.
      follow_log: Also show the log messages of TensorFlow, TFX and Beam on stderr.

    Returns:
      The summary, which is also written to <root>/<dataset>/reports/<run_id>/summary.json; and the error that stopped
      the run, or None.

    Raises:
      PlumblineError: The run did not start: bad input, settings or root, or another run in this folder is active.
    """
    # Absolute, because ML Metadata keeps the paths: the next run may start in another folder.
    home = root.resolve() / config.dataset.name
    check_root(home)
    with run_lock(home):
        source = source_of(config, data or config.data.directory)
        scans = home / "cache" / "scans.json"
        if sample is not None:
            source = replace(source, sample=share_of(source, span, sample, scans))
        checked = check_data(source, span, scans)
        check_positive(config, checked.labels, source.columns)
        summary, stopped = _once(config, root, source, checked, verbose, verify, follow_log)
        if isinstance(stopped, DamagedArtifact):  # it has been set aside; the next run produces it again
            summary, stopped = _once(
                config, root, source, checked, verbose, verify, follow_log, damaged=summary.integrity
            )
        return summary, stopped


def _once(
    config: Config,
    root: Path,
    source: Source,
    checked: CheckedInputs,
    verbose: bool,
    verify: bool,
    follow_log: bool,
    damaged: Sequence[str] = (),
) -> tuple[Summary, PlumblineError | None]:
    """One run; `damaged` are the messages about damaged artifacts of a run that was stopped because of them."""
    home = root.resolve() / config.dataset.name
    configured = config
    config, earlier = in_force(config, home, checked.fingerprint)
    run_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    plan = plan_run(config, root, run_id, source, checked)
    connection = connection_of(config.metadata, home)
    recorded = is_recorded(plan)
    disk = check_disk(home, expected_writes(plan, connection, cached=recorded))
    reports = plan.reports
    check_root(reports)
    with redirect_output(reports / "run.log", follow_log) as person, run_place(home, run_id, connection):
        progress = Progress(person if verbose else None)
        store = connect(connection, read_only=False, make=True)
        if strange := reconcile(home, store):
            progress.say(strange)
        verifier = Verifier(home, digests=verify, tell=progress.say)
        cached = cached_nodes(home, plan.key, connection, config.dataset.name, run_id, verifier)
        if cached is None:
            if recorded:  # some cached artifacts are damaged or missing: the run writes more than estimated
                disk = check_disk(home, expected_writes(plan, connection, cached=False))
            memory = check_memory(checked.rows.get("train", 0), len(config.features.names))
            for warning in filter(None, [*class_warnings(config, checked.labels), disk, memory]):
                progress.say(warning)
        elif disk:
            progress.say(disk)
        # A fully cached run needs neither job server nor workers.
        services = started(config.beam, reports / "beam") if cached is None else nullcontext(Endpoints())
        with services as beam:
            summary, stopped = _run(plan, cached, connection, beam, progress, verifier)
        if stopped is not None:  # TFX could not record that if the disk or the database failed at that moment
            mark_failed(connection, [run_id])
        if cached is None and stopped is None:
            remember(home, plan.key, connection, run_id)
        if isinstance(stopped, DamagedArtifact):
            verifier.set_aside_uri(store, stopped.uri, str(stopped))
        record_executions(home, store)
        back_up(home, run_id)
        summary = replace(summary, integrity=[*damaged, *([strange] if strange else []), *verifier.lines])
        if earlier is not None:
            summary = replace(summary, tuned={**earlier.best, "run_id": earlier.run_id})
        elif summary.tuned:
            keep(home, configured, summary.tuned, run_id, checked.fingerprint)
        write_text(reports / "report.md", markdown_block(summary_text(for_a_terminal(summary))))
        with section("report"):
            written = _write_report(config, home, summary)
        if not written:
            summary = replace(summary, report=str(reports / "report.md"))
        write_json(reports / "summary.json", summary.to_json())
        _export(config, root, run_id)
    return summary, stopped


def _write_report(config: Config, home: Path, summary: Summary) -> bool:
    """Writes report.html; returns whether that succeeded. A failure is only logged: the run's results are valid."""
    from pipeline.report.write import write_report

    try:
        store = None
        if config.metadata.kind != "sqlite":
            store = connect(connection_of(config.metadata, home))
        write_report(home, summary.to_json(), store)
        return True
    except Exception as exc:
        check_interrupted()
        log_trace(exc)
        return False


def _export(config: Config, root: Path, run_id: str) -> None:
    """Exports the run to MLflow if the settings name a tracking server. A failure is only logged."""
    if not config.mlflow.tracking_uri:
        return
    from pipeline.export.mlflow import export

    try:
        export(config, root, run_id, config.mlflow.tracking_uri)
    except Exception as exc:
        check_interrupted()
        log_trace(exc)


def _run(
    plan: LocalPlan,
    cached: CachedNodes | None,
    connection: Any,
    beam: Endpoints,
    progress: Progress,
    verifier: Verifier,
) -> tuple[Summary, PlumblineError | None]:
    began = time.monotonic()
    config, reports, checked = plan.config, plan.reports, plan.checked
    if checked.corrections is not None:
        progress.say(on_one_line(str(checked.corrections)))
    nodes = cached if cached is not None else _local_nodes(plan, connection, beam, progress, verifier)
    progress.total = len(nodes.ids)
    components: list[ComponentRun] = []
    artifacts: dict[str, StoredArtifact] = {}
    stopped: PlumblineError | None = None
    for node_id in nodes.ids:
        if stopped is not None:
            components.append(ComponentRun(node_id, "skipped", 0.0))
            continue
        try:
            with progress.step(node_id) as step, section(node_id):
                step.state, outputs = nodes.launch(node_id)
                artifacts.update(outputs)
        except PlumblineError as exc:
            stopped = exc
        except Exception as exc:
            check_interrupted()  # C++ code replaces a KeyboardInterrupt by other exceptions
            stopped = _component_failed(node_id, exc, plan)
            stopped.__cause__ = exc
            log_trace(exc)
        components.append(ComponentRun(node_id, step.state, round(step.seconds, 3)))
    found = from_artifacts(artifacts)
    spans = {split: [file.span for file in files] for split, files in checked.window.splits().items()}
    summary = Summary(
        run_id=plan.run_id,
        dataset=config.dataset.name,
        spans=spans,
        components=components,
        fingerprints=plan.fingerprints,
        report=str(reports / "report.html"),
        registry=plan.paths.registry,
        log=str(reports / "run.log"),
        settings=trained_with(config, found.get("tuned", {})).model_dump(mode="json", exclude={"path"}),
        seconds=round(time.monotonic() - began, 3),
        stopped=None if stopped is None else str(stopped),
        **found,
    )
    return summary, stopped


def _local_nodes(
    plan: LocalPlan, connection: Any, beam: Endpoints, progress: Progress, verifier: Verifier
) -> "LocalNodes":
    if "tfx" not in sys.modules:
        check_limits()
        progress.say("loading TensorFlow and TFX")

    with section("the DAG"):
        # These imports are slow (TensorFlow, Beam, TFX); a fully cached run avoids them.
        with without():
            from pipeline.dag import create_pipeline
            from pipeline.runners.local.node_launcher import LocalNodes

        return LocalNodes(
            lambda metadata: create_pipeline(plan.config, plan.source, plan.paths, plan.inputs, metadata, beam),
            connection=connection,
            run_id=plan.run_id,
            verifier=verifier,
        )


def _component_failed(node_id: str, exc: Exception, plan: LocalPlan) -> PlumblineError:
    """Error with the component's name, the reason and the log file, of the same class as a known reason."""
    reason = known(exc, plan.home)
    kind = ComponentFailed if reason is None else type(reason)
    text = f"{node_id} failed: {reason or one_line(exc)}; the trace is in {plan.reports / 'run.log'}"
    return DamagedArtifact(text, reason.uri) if isinstance(reason, DamagedArtifact) else kind(text)


def replay(
    config: Config,
    *,
    root: Path,
    spans: Iterable[int],
    data: str | None = None,
    verify: bool = False,
    verbose: bool = False,
    follow_log: bool = False,
) -> Iterator[tuple[Summary, PlumblineError | None]]:
    """Runs the pipeline for one span after the other, as in production.

    A failed run or one that the data gate stops does not end the replay. All spans are looked up before the first run.

    Args:
      config: Settings of the dataset.
      root: Folder of all runs.
      spans: Eval spans, in order.
      data: See `run`.
      verify: See `run`.
      verbose: See `run`.
      follow_log: See `run`.

    Yields:
      The result of `run` for each span.

    Raises:
      InputError: A span, or one of its training spans, does not exist.
    """
    wanted = list(spans)
    source = source_of(config, data or config.data.directory)
    for span in wanted:
        source.files(span)
    for span in wanted:
        yield run(config, root=root, span=span, data=data, verbose=verbose, verify=verify, follow_log=follow_log)
