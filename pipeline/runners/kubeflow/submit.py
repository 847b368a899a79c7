"""`plumbline submit`: compiles the pipeline and submits it to Kubeflow Pipelines, as one run or on a schedule.

A schedule starts runs independently of new data. Without a new span only the preflight step is executed
(preflight_task.py), and all others are cached. Schedules have no catch-up, since each run uses the newest span, and a
concurrency of 1.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.errors import ConfigError, GateBlocked, PlumblineError, UsageError
from pipeline.runners.kubeflow.artifact_paths import is_local
from pipeline.runners.kubeflow.client import ServerFailed, Unreachable, connect_client, converted_errors, host_of, quiet
from pipeline.runners.kubeflow.plan import resolve_plan
from pipeline.settings.config import Config

GATES = {"DataGate": "", "Transform": "[gate] values"}
"""Steps that a policy of [gate] may stop -> text that their message contains in that case."""

ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
"""Final states of a run."""

PATIENCE = 20
"""Number of consecutive failed requests after which waiting ends. A run takes hours; a restart of the API server or a
lost port-forward takes minutes."""


@dataclass(frozen=True)
class Submitted:
    """A submitted run or schedule.

    Attributes:
      id: Id of the run or recurring run.
      url: Its page in the KFP UI.
      experiment: Name of the experiment.
      state: Final state of the run; "" if it was not waited for.
      every: Cron expression of a schedule; "" for a single run.
    """

    id: str
    url: str
    experiment: str
    state: str = ""
    every: str = ""

    def to_json(self) -> dict[str, str]:
        """Returns the output of `plumbline submit --json`."""
        key = "recurring_run_id" if self.every else "run_id"
        found = {key: self.id, "url": self.url, "experiment": self.experiment}
        return found | {name: value for name in ("state", "every") if (value := getattr(self, name))}

    def to_text(self) -> str:
        """Formats the submission as two lines of text."""
        what = f"scheduled run {self.id}, every {self.every}" if self.every else f"run {self.id}"
        return f"{what}{f': {self.state}' if self.state else ''}\n{self.url}"


@dataclass(frozen=True)
class Request:
    """Options of `plumbline submit`; None uses the settings.

    Attributes:
      host: URL of the API.
      experiment: Name of the experiment.
      service_account: Kubernetes service account of the steps.
      data: Folder or URL of the spans on the cluster.
      root: URL of artifacts and registry.
      image: Container image.
      span: Eval span; None is the newest.
      window: Number of training spans.
      every: Cron expression of a schedule; None is a single run.
      replace: Replace an existing schedule.
    """

    host: str | None = None
    experiment: str | None = None
    service_account: str | None = None
    data: str | None = None
    root: str | None = None
    image: str | None = None
    span: int | None = None
    window: int | None = None
    every: str | None = None
    replace: bool = False


def submit(config: Config, request: Request, compile_to: Callable[[Path], None]) -> tuple[Submitted, Any]:
    """Submits one run or a schedule.

    Args:
      config: Settings of the dataset.
      request: Options of the command line.
      compile_to: Writes the compiled pipeline to a path; called after the connection to the server is made.

    Returns:
      The submitted run or schedule, and the client.

    Raises:
      ConfigError: Image, root or data is missing or cannot be reached from a cluster.
      UsageError: The server cannot be reached, refuses the credentials or the pipeline, or the schedule exists already.
    """
    plan = resolve_plan(config, data=request.data, root=request.root, image=request.image, target="kubeflow")
    if is_local(plan.artifacts):
        raise ConfigError(f"root {plan.artifacts}: the cluster cannot reach this folder; give s3://, gs:// or minio://")
    settings, name = config.kubeflow, config.dataset.name
    cron = None if request.every is None else cron_of(request.every)
    if cron and request.span is not None:
        raise UsageError("--span with --every: a schedule uses the newest span in each run; remove --span")
    host = host_of(request.host, settings.host)
    client = connect_client(host, settings.namespace, os.environ.get(settings.token_variable, ""))
    experiment = request.experiment or settings.experiment or name
    parameters = {
        key: value for key, value in (("span", request.span), ("window", request.window)) if value is not None
    }
    account = request.service_account or settings.service_account or None
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        package = Path(folder) / f"{name}.yaml"
        compile_to(package)
        common = {
            "params": parameters,
            "pipeline_package_path": str(package),
            "pipeline_root": plan.artifacts,
            "service_account": account,
        }
        with converted_errors(host or "the cluster's own API"), quiet():
            home = client.create_experiment(experiment, namespace=settings.namespace or None)
            if cron:
                return _schedule(client, home, f"plumbline-{name}", cron, request, common, host), client
            title = f"{name} {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
            run = client.run_pipeline(home.experiment_id, title, **common)
    return Submitted(run.run_id, f"{host}/#/runs/details/{run.run_id}", experiment), client


def _schedule(
    client: Any, home: Any, title: str, cron: str, request: Request, common: dict[str, Any], host: str
) -> Submitted:
    """Creates the schedule of a dataset; there is only one, since two would run everything twice."""
    before = [one for one in _schedules(client, home.experiment_id) if one.display_name == title]
    if before and not request.replace:
        raise UsageError(
            f"{title}: is scheduled already ({before[0].recurring_run_id}); --replace replaces that schedule"
        )
    made = client.create_recurring_run(
        experiment_id=home.experiment_id,
        job_name=title,
        cron_expression=cron,
        no_catchup=True,
        max_concurrency=1,
        **common,
    )
    for one in before:
        client.delete_recurring_run(one.recurring_run_id)
    id_ = made.recurring_run_id
    return Submitted(id_, f"{host}/#/recurringrun/details/{id_}", home.display_name, every=cron)


def _schedules(client: Any, experiment_id: str) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = client.list_recurring_runs(page_token=token, page_size=100, experiment_id=experiment_id)
        found += page.recurring_runs or []
        token = page.next_page_token or ""
        if not token:
            return found


def cron_of(every: str) -> str:
    """Converts a schedule to KFP's cron expression, which has seconds.

    Args:
      every: Five fields (minute, hour, day of month, month, weekday), six fields with seconds first, or hourly, daily,
        weekly or monthly.

    Returns:
      A cron expression of six fields.

    Raises:
      UsageError: It is no cron expression.
    """
    named = {"hourly": "0 * * * *", "daily": "0 6 * * *", "weekly": "0 6 * * 1", "monthly": "0 6 1 * *"}
    fields = named.get(every, every).split()
    if len(fields) == 5:
        fields = ["0", *fields]
    legal = f"legal: {', '.join(named)}, or a cron expression such as '0 6 * * *'"
    if len(fields) != 6:
        raise UsageError(f"--every '{every}': {len(fields)} fields; {legal}")
    for field, (name, low, high, names) in zip(fields, CRON, strict=True):
        if not all(_is_cron(part, low, high, names) for part in field.split(",")):
            raise UsageError(f"--every '{every}': {name} '{field}' is not within {low} to {high}; {legal}")
    return " ".join(fields)


CRON = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("weekday", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
"""Fields of a cron expression of robfig/cron, which KFP uses: name, minimum, maximum, names of the values."""


def _is_cron(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    """Whether an item of a field is `*`, `?`, a value or an ascending range, optionally with a step."""
    found = re.fullmatch(r"(?:[*?]|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
    if found is None:
        return False
    ends = [
        names.index(end.lower()) + low if end.lower() in names else int(end) if end.isdecimal() else -1
        for end in found.groups()[:2]
        if end is not None
    ]
    return all(low <= end <= high for end in ends) and ends == sorted(ends) and found[3] != "0"


def wait(client: Any, submitted: Submitted, seconds: float = 15.0) -> Submitted:
    """Waits for a run to end.

    Args:
      client: The client that `submit` returned.
      submitted: A single run.
      seconds: Polling interval.

    Returns:
      The run with its final state.

    Raises:
      GateBlocked: The data gate stopped the run.
      PlumblineError: The run failed or was cancelled, and the message names the step; or the server cannot be reached.
    """
    missed = 0
    while True:
        try:
            with converted_errors(submitted.url.partition("/#/")[0]), quiet():
                run = client.get_run(submitted.id)
            missed = 0
            if run.state in ENDED:
                break
        except (Unreachable, ServerFailed) as exc:
            missed += 1
            if missed > PATIENCE:
                raise type(exc)(f"{exc}; run {submitted.id} continues, see {submitted.url}") from exc
        time.sleep(seconds)
    if run.state == "SUCCEEDED":
        return Submitted(submitted.id, submitted.url, submitted.experiment, run.state)
    failed = [task for task in getattr(run.run_details, "task_details", None) or [] if task.state == "FAILED"]
    steps = [task for task in failed if task.display_name in _steps(run)] or failed
    step = steps[0].display_name if steps else ""
    said = next((error.message for error in (*(task.error for task in steps), run.error) if error), "")
    about = " ".join(f"{step + ': ' if step else ''}{said}".split())
    kind = GateBlocked if step in GATES and GATES[step] in said else PlumblineError
    raise kind(f"run {submitted.id} {run.state.lower()}{f' ({about})' if about else ''}; see {submitted.url}")


def run_ended(config: Config, run_id: str) -> str:
    """Returns how a submitted run ended, such as "FAILED"; "" while it is under way.

    Raises:
      UsageError: The server cannot be reached, or does not know the run.
    """
    settings = config.kubeflow
    host = host_of(None, settings.host)
    client = connect_client(host, settings.namespace, os.environ.get(settings.token_variable, ""))
    with converted_errors(host or "the cluster's own API"), quiet():
        state = str(client.get_run(run_id).state)
    return state if state in ENDED else ""


def _steps(run: Any) -> set[str]:
    """Names of the pipeline's steps. KFP's task list also contains drivers and the root DAG."""
    spec = run.pipeline_spec or {}
    spec = spec.get("pipeline_spec", spec)
    return set(spec.get("root", {}).get("dag", {}).get("tasks", {}))
