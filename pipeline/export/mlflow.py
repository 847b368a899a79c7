"""Exports a run and its pushed model to an MLflow tracking server. Repeated exports are idempotent."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from components.registry.registry import Registry
from components.shared.errors import UsageError
from pipeline.export.mlflow_models import CHALLENGER, CHAMPION, RUN, model_version, move_aliases
from pipeline.export.tracking_data import TrackingData, gather_tracking_data
from pipeline.metadata.connection import known_store
from pipeline.run_history.run_names import run_named
from pipeline.settings.config import registry_folder

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store
    from mlflow import MlflowClient

    from pipeline.settings.config import Config

BATCH = 100
"""Maximum number of parameters, tags or metrics of one request."""
PATIENCE = 10
"""Timeout of the first request, seconds."""


@dataclass(frozen=True)
class ExportResult:
    """Result of an export.

    Attributes:
      run_id: Plumbline's run id.
      tracking_uri: Tracking URI without user and password.
      experiment: Name of the experiment.
      mlflow_run_id: MLflow's run id.
      created: False if the run existed and was updated.
      model: Name of the registered model.
      model_version: MLflow's version number, or None if the run pushed nothing.
      champion: Number in Plumbline's registry of the version with the alias, or None.
      challenger: Number in Plumbline's registry of the version with the alias, or None.
      missing: Alias -> number in Plumbline's registry of the version that should have it and was never exported.
    """

    run_id: str
    tracking_uri: str
    experiment: str
    mlflow_run_id: str
    created: bool
    model: str
    model_version: str | None
    champion: int | None
    challenger: int | None
    missing: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `plumbline export mlflow --json` prints."""
        return asdict(self)

    def to_text(self) -> str:
        """Returns the result in lines."""
        did = "exported" if self.created else "brought up to date"
        lines = [f"run {self.run_id}: {did} in experiment {self.experiment} on {self.tracking_uri}"]
        if self.model_version is None:
            lines.append("  it pushed no model")
        else:
            lines.append(f"  its model is version {self.model_version} of {self.model}")
        for alias, version in ((CHAMPION, self.champion), (CHALLENGER, self.challenger)):
            if version is not None:
                lines.append(f"  {alias} is our version {version}")
        for alias, version in self.missing.items():
            lines.append(f"  {alias} would be our version {version}: export it, too")
        return "\n".join(lines)


def export(
    config: "Config",
    root: Path,
    which: str = "last",
    tracking_uri: str | None = None,
    *,
    name: str | None = None,
    store: "metadata_store.MetadataStore | None" = None,
) -> ExportResult:
    """Exports one run and the model that it pushed.

    Args:
      config: Settings of the dataset.
      root: Folder of all runs.
      which: Name of the run, see run_history/run_names.py: "last", "live", a version, an id.
      tracking_uri: Address of a server, or of a local store (`sqlite:///…`, which needs the full MLflow package); None
        is the value of MLFLOW_TRACKING_URI.
      name: Name of the experiment and of the registered model; None is the name of the dataset.
      store: An open MetadataStore; None opens the one of [metadata].

    Raises:
      UsageError: MLflow is not installed, the server does not respond or refuses, or the run does not exist.
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise UsageError("no MLflow server is named; give --tracking-uri or set MLFLOW_TRACKING_URI")
    home = root.resolve() / config.dataset.name
    registry = Registry(registry_folder(config, root))
    run_id = run_named(home, which, registry)
    if store is None:
        store = known_store(config.metadata, home)
    facts = gather_tracking_data(store, home, registry, run_id, config.model_dump(mode="json"))
    name = name or config.dataset.name
    with _talking(uri) as client:
        experiment = _experiment(client, name)
        mlflow_run, created = _run(client, experiment, facts)
        _tell(client, mlflow_run, facts)
        version = model_version(client, name, mlflow_run, facts, facts.pushed) if facts.pushed else None
        roles, missing = move_aliases(client, name, registry)
        client.set_terminated(
            mlflow_run.info.run_id, "FAILED" if facts.stopped else "FINISHED", end_time=max(facts.ended, facts.began)
        )
    return ExportResult(
        run_id=run_id,
        tracking_uri=without_password(uri),
        experiment=name,
        mlflow_run_id=mlflow_run.info.run_id,
        created=created,
        model=name,
        model_version=version,
        champion=roles.get(CHAMPION),
        challenger=roles.get(CHALLENGER),
        missing=missing,
    )


@contextmanager
def _talking(uri: str) -> Iterator["MlflowClient"]:
    """A client of a reachable server; errors of requests become one-line messages."""
    # MLflow's defaults retry for minutes, print URLs to stdout and send usage statistics.
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    }
    with _environment(quiet):
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
        except ImportError as exc:
            raise UsageError(f"MLflow is not installed ({exc}); pip install 'plumbline[mlflow]'") from exc
        place = without_password(uri)
        try:
            first = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(PATIENCE)}
            with _environment(first):
                client = MlflowClient(tracking_uri=uri, registry_uri=uri)
                client.search_experiments(max_results=1)
        except (MlflowException, OSError, ImportError, ValueError) as exc:
            raise UsageError(f"{place}: no MLflow server or store answers there ({_short(exc, uri)})") from exc
        try:
            yield client
        except (MlflowException, OSError) as exc:
            raise UsageError(
                f"{place}: MLflow did not take it ({_short(exc, uri)}); what it took is kept, export again to go on"
            ) from exc


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def without_password(uri: str) -> str:
    """Returns a URI without user and password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def _short(exc: BaseException, uri: str) -> str:
    """The innermost cause on one line; MLflow wraps errors in four layers of pool and retry exceptions."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    text = " ".join(str(exc).replace(uri, without_password(uri)).split()) or type(exc).__name__
    return text if len(text) <= 200 else f"{text[:199]}…"


def _experiment(client: "MlflowClient", name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage == "deleted":
        raise UsageError(f"experiment {name} was deleted in MLflow; restore it there or export under another name")
    return str(found.experiment_id)


def _run(client: "MlflowClient", experiment: str, facts: TrackingData) -> tuple[Any, bool]:
    """The run on the server, and whether it was created now. A tag with Plumbline's run id identifies it."""
    there = client.search_runs([experiment], f"tags.`{RUN}` = '{facts.run_id}'", max_results=1)
    if there:
        return there[0], False
    tags = {RUN: facts.run_id}
    return client.create_run(experiment, start_time=facts.began, tags=tags, run_name=facts.run_id), True


def _tell(client: "MlflowClient", mlflow_run: Any, facts: TrackingData) -> None:
    from mlflow.entities import Metric, Param, RunTag

    id_, there = mlflow_run.info.run_id, mlflow_run.data
    # Parameters can be written only once, and a metric written again would get a second point.
    parameters = [Param(key, value) for key, value in facts.parameters.items() if key not in there.params]
    metrics = [
        Metric(key, value, facts.ended, 0) for key, value in facts.metrics.items() if there.metrics.get(key) != value
    ]
    tags = [RunTag(key, value) for key, value in facts.tags.items()]
    for part in _batches(parameters):
        client.log_batch(id_, params=part)
    for part in _batches(metrics):
        client.log_batch(id_, metrics=part)
    for part in _batches(tags):
        client.log_batch(id_, tags=part)
    for path in facts.files:
        client.log_artifact(id_, str(path))


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
