"""One run on this machine: TFX's launcher node by node, SQLite metadata, progress, summary."""

import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from components.arrow_example_gen.source import Source
from components.errors import PlumblineError
from components.files import write_json, write_text
from components.registry.champion import champion_for
from components.registry.versions import Registry
from pipeline.alone import alone
from pipeline.beam.arguments import Endpoints
from pipeline.beam.services import started
from pipeline.config import Config, registry_folder
from pipeline.dvc import tracked
from pipeline.fingerprints import code_fingerprint
from pipeline.metadata_connection import connect, connection_config
from pipeline.preflight import Checked, check_data, check_root, share_of, source_of
from pipeline.summary import ComponentRun, Summary, for_a_person, from_artifacts
from pipeline.talk import Progress, chatter_to
from pipeline.tuned import in_force, keep, trained_with


class ComponentFailed(PlumblineError):
    """A component raised something that is not a finding about the user's input."""


def run(
    config: Config,
    *,
    root: Path,
    span: int | None = None,
    data: str | None = None,
    verbose: bool = True,
    sample: int | None = None,
) -> tuple[Summary, PlumblineError | None]:
    """Runs the pipeline once.

    Args:
      config: Settings of the dataset.
      root: Folder for everything that is made; this dataset's lies in <root>/<dataset>.
      span: The eval span; None is the newest.
      data: Folder or URL of the spans, instead of the one in the settings.
      verbose: Show progress on stderr.
      sample: Take about that many rows of train and eval together, drawn at random; None is all.

    Returns:
      The summary, also kept as <root>/<dataset>/reports/<run_id>/summary.json; and what stopped the run before its
      end, or None.

    Raises:
      PlumblineError: Nothing was begun: bad input, settings or root, or a run is already under way there.
    """
    # Absolute, because ML Metadata keeps the paths: the next run may start in another folder.
    home = root.resolve() / config.dataset.name
    check_root(home)
    with alone(home):
        source = source_of(config, data or config.data.directory)
        scans = home / "cache" / "scans.json"
        if sample is not None:
            source = replace(source, sample=share_of(source, span, sample, scans))
        checked = check_data(source, span, scans)
        asked = config
        config, earlier = in_force(config, home, checked.fingerprint)
        registry = Registry(registry_folder(config, root))
        registry_id = registry.create().id
        run_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        reports = home / "reports" / run_id
        check_root(reports)
        with started(config.beam, reports / "beam") as beam, chatter_to(reports / "run.log") as person:
            summary, stopped = _run(
                config, home, reports, run_id, source, checked, registry, registry_id, beam, person if verbose else None
            )
            if earlier is not None:
                summary = replace(summary, tuned={**earlier.found, "run_id": earlier.run_id})
            elif summary.tuned:
                keep(home, asked, summary.tuned, run_id, checked.fingerprint)
            write_text(reports / "report.md", for_a_person(summary) + "\n")
            if not _write_report(config, home, summary):
                summary = replace(summary, report=str(reports / "report.md"))
            write_json(reports / "summary.json", summary.to_json())
            _export(config, root, run_id)
        return summary, stopped


def _write_report(config: Config, home: Path, summary: Summary) -> bool:
    """Whether report.html could be written. A run is what it is without its picture: a failure here is only logged."""
    from pipeline.report.write import write_report

    try:
        store = None
        if config.metadata.kind != "sqlite":
            store = connect(connection_config(config.metadata, home / "metadata.sqlite"))
        write_report(home, summary.to_json(), store)
        return True
    except Exception as exc:
        _log_trace(exc)
        return False


def _export(config: Config, root: Path, run_id: str) -> None:
    """To MLflow, where the settings ask for it. A tracker that is down is logged and fails no run."""
    if not config.mlflow.tracking_uri:
        return
    from pipeline.export.mlflow import export

    try:
        export(config, root, run_id, config.mlflow.tracking_uri)
    except Exception as exc:
        _log_trace(exc)


def _run(
    config: Config,
    home: Path,
    reports: Path,
    run_id: str,
    source: Source,
    checked: Checked,
    registry: Registry,
    registry_id: str,
    beam: Endpoints,
    person: TextIO | None,
) -> tuple[Summary, PlumblineError | None]:
    began = time.monotonic()
    fingerprints = {"data": checked.fingerprint, "code": code_fingerprint(config)}
    champion = champion_for(registry, fingerprints)
    versioned = tracked(source.directory)
    if person is not None and checked.corrections is not None:
        person.write(f"{checked.corrections}\n")
    if person is not None and "tfx" not in sys.modules:
        person.write("loading TensorFlow and TFX\n")

    # Slow (TensorFlow, Beam, TFX): imported once it is clear that there is something to run.
    from pipeline.dag import Inputs, Paths, create_pipeline
    from pipeline.local_nodes import LocalNodes

    nodes = LocalNodes(
        lambda connection: create_pipeline(
            config,
            source,
            Paths(
                schema=_pinned_schema(config, home),
                artifacts=str(home / "artifacts"),
                registry=registry.where,
            ),
            Inputs(
                checked.window.eval[0].span,
                checked.fingerprint,
                champion or 0,
                registry_id,
                versioned.to_json() if versioned else "",
            ),
            connection,
            beam,
        ),
        connection=connection_config(config.metadata, home / "metadata.sqlite"),
        run_id=run_id,
    )
    progress = Progress(person, total=len(nodes.ids))
    components: list[ComponentRun] = []
    artifacts: dict[str, Any] = {}
    stopped: PlumblineError | None = None
    for node_id in nodes.ids:
        if stopped is not None:
            components.append(ComponentRun(node_id, "skipped", 0.0))
            continue
        try:
            with progress.step(node_id) as step:
                step.state, outputs = nodes.launch(node_id)
                artifacts.update(outputs)
        except PlumblineError as exc:
            stopped = exc
        except Exception as exc:
            stopped = ComponentFailed(f"{node_id} failed: {_last_line(exc)}; the trace is in {reports / 'run.log'}")
            stopped.__cause__ = exc
            _log_trace(exc)
        components.append(ComponentRun(node_id, step.state, round(step.seconds, 3)))
    found = from_artifacts(artifacts)
    spans = {split: [file.span for file in files] for split, files in checked.window.splits().items()}
    summary = Summary(
        run_id=run_id,
        dataset=config.dataset.name,
        spans=spans,
        components=components,
        fingerprints=fingerprints,
        report=str(reports / "report.html"),
        registry=registry.where,
        log=str(reports / "run.log"),
        settings=trained_with(config, found.get("tuned", {})).model_dump(mode="json", exclude={"path"}),
        seconds=round(time.monotonic() - began, 3),
        stopped=None if stopped is None else str(stopped),
        **found,
    )
    return summary, stopped


def _pinned_schema(config: Config, home: Path) -> str:
    """A copy of the schema whose path names its content: ImportSchemaGen's cache key is the path alone."""
    import hashlib

    text = config.schema_path.read_text(encoding="utf-8-sig")
    path = home / "cache" / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}" / "schema.pbtxt"
    if not path.is_file():
        write_text(path, text)
    return str(path)


def _last_line(exc: BaseException) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return f"{type(exc).__name__}: {lines[-1] if lines else ''}"[:400]


def _log_trace(exc: BaseException) -> None:
    import traceback

    traceback.print_exception(exc, file=sys.stderr)  # stderr is the run's log here


def replay(
    config: Config, *, root: Path, spans: Iterable[int], data: str | None = None
) -> Iterator[tuple[Summary, PlumblineError | None]]:
    """Runs span after span, as if time passed; yields what `run` returns for each.

    A span that the gate stops, or whose run fails, does not end the replay: the next month came all the same. All
    spans are checked before the first run, so that a missing one is not found out after an hour.
    """
    wanted = list(spans)
    source = source_of(config, data or config.data.directory)
    for span in wanted:
        source.files(span)
    for span in wanted:
        yield run(config, root=root, span=span, data=data, verbose=False)
