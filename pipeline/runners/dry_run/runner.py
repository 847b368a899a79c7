"""The dry run itself: checks, then one task after the other."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from components.shared.errors import PlumblineError, UsageError
from pipeline.process.console import Progress
from pipeline.process.error_messages import known, one_line
from pipeline.process.signals import check_interrupted
from pipeline.runners.dry_run.artifact_paths import is_remote
from pipeline.runners.dry_run.compatibility import check_compatibility
from pipeline.runners.dry_run.container_env import environment, mounts, parse_additions
from pipeline.runners.dry_run.executor_input import LOGS
from pipeline.runners.dry_run.failure import TaskFailed
from pipeline.runners.dry_run.inputs import RunFacts
from pipeline.runners.dry_run.launch import InImage, Launcher, OnMachine
from pipeline.runners.dry_run.report import Report, StepReport
from pipeline.runners.dry_run.spec import Spec, Task, load
from pipeline.runners.dry_run.store import S3Store, Stores
from pipeline.runners.dry_run.task_order import in_order
from pipeline.runners.dry_run.task_runner import TaskContext, is_kept, prepare, run_task
from pipeline.runners.dry_run.values import given_parameters
from pipeline.runners.dry_run.work_folder import TaskRecord, WorkFolder

KFP_ROOT = "minio://mlpipeline/v2/artifacts"
"""Where KFP keeps artifacts if neither the run nor the pipeline says it."""

DEFAULT_STORAGE = Path("runs") / "dry-run"


@dataclass(frozen=True)
class DryRunOptions:
    """What the command line says; see `plumbline dry-run --help`.

    Attributes:
      image: Image for every task; "" takes the spec's own.
      on_machine: Without images, on this machine.
      root: Folder or URL for artifacts; "" takes the spec's, else KFP's own default.
      storage: Folder that stands in for object stores; None: the real one where AWS_ENDPOINT_URL is set, runs/dry-run
        elsewhere.
      work: Folder for records and logs; None: <storage or root>/.dry-run/<pipeline>.
      parameters: Name -> text.
      env: NAME=VALUE or NAME.
      volumes: FOLDER:PATH[:ro].
      fresh: Forget what an earlier dry run did.
      retry: Try failed tasks again as their retry policies say.
    """

    image: str = ""
    on_machine: bool = False
    root: str = ""
    storage: Path | None = None
    work: Path | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    env: Sequence[str] = ()
    volumes: Sequence[str] = ()
    fresh: bool = False
    retry: bool = True


def dry_run(path: Path, options: DryRunOptions, stream: TextIO | None) -> tuple[Report, PlumblineError | None]:
    """Runs a compiled pipeline.

    Args:
      path: The YAML.
      options: What else was said.
      stream: Gets a line for each task; None for silence.

    Returns:
      What was done, and the failure that ended it (None: none).

    Raises:
      ConfigError: The pipeline is none, or a cluster would refuse it; nothing was run.
      UsageError: The options do not fit, or the work folder is taken or cannot be written.
    """
    spec = load(path)
    check_compatibility(spec)
    tasks = in_order(spec)
    parameters = given_parameters(spec, options.parameters)
    extra = parse_additions(list(options.env), list(options.volumes))
    for task in tasks:
        environment(task, extra)
        mounts(task, extra, inside=not options.on_machine)
    root = (options.root or spec.root or KFP_ROOT).rstrip("/")
    if "://" in root and not is_remote(root) and not root.startswith("file://"):
        raise UsageError(f"--root {root}: legal: a folder, or gs://, s3:// or minio:// and a bucket")
    if not is_remote(root):
        root = str(Path(root.removeprefix("file://")).resolve())
    stores, base = _stores(root, options.storage)
    work = WorkFolder((options.work or base / ".dry-run" / spec.name).resolve())
    with work.alone():
        run = _run_facts(spec, root, parameters, work, options.fresh)
        launcher: Launcher = OnMachine(work.running) if options.on_machine else InImage(work.running, work.folder)
        launcher.clean()
        doing = TaskContext(run, work, stores, launcher, options.image, extra, options.retry)
        report = Report(spec.name, run.run_id, run.folder, str(work.folder))
        try:
            _all(tasks, doing, report, Progress(stream, total=len(tasks)))
        except PlumblineError as exc:
            return report, exc
    return report, None


def _all(tasks: list[Task], doing: TaskContext, report: Report, progress: Progress) -> None:
    for task in tasks:
        if task.container:  # a missing image is told before hours are spent on the tasks before it
            doing.launcher.digest(task.name, doing.image_of(task))
    done: dict[str, TaskRecord] = {}
    for task in tasks:
        log, began, attempts = doing.work.log(task.name), time.monotonic(), 0
        state = "failed"
        try:
            with progress.step(task.name) as step:
                inputs, key = prepare(task, doing, done)
                record = doing.work.record(task.name)
                if record is not None and is_kept(record, key, doing.stores):
                    state = "kept"
                else:
                    record, attempts = run_task(task, doing, inputs, key)
                    state = "done"
                step.state = state
        except TaskFailed as exc:
            attempts = exc.attempts
            raise
        except KeyboardInterrupt:
            raise
        except PlumblineError as exc:  # the store, above all
            raise TaskFailed(task.name, str(exc), log if log.exists() else None, exc.exit_code) from exc
        except Exception as exc:  # the disk
            check_interrupted()
            error = known(exc, doing.work.folder)
            raise TaskFailed(
                task.name,
                str(error) if error is not None else one_line(exc),
                log if log.exists() else None,
                error.exit_code if error is not None else 1,
            ) from exc
        finally:
            seconds = round(time.monotonic() - began, 3)
            report.steps.append(StepReport(task.name, state, seconds, str(log), attempts))
        done[task.name] = record
        for name, artifact in record.artifacts.items():
            if name == LOGS:  # steps name the log of all attempts
                continue
            kept = {key: artifact.get(key) for key in ("uri", "objects", "bytes", "metadata")}
            report.outputs.append({"step": task.name, "name": name, **kept})
        for name, value in record.parameters.items():
            report.parameters.append({"step": task.name, "name": name, "value": value})


def _stores(root: str, storage: Path | None) -> tuple[Stores, Path]:
    """The stores, and the folder below which the work folder lies."""
    folder = (storage or DEFAULT_STORAGE).resolve()
    base = folder if is_remote(root) or storage else Path(root)
    if storage is not None or not os.environ.get("AWS_ENDPOINT_URL"):
        return Stores(folder, None), base
    if find_spec("obstore") is None:
        raise UsageError(
            "AWS_ENDPOINT_URL is set, but the client for object stores is missing: pip install 'plumbline[cloud]', "
            "or --storage names a folder that stands in"
        )
    return Stores(folder, S3Store()), base


def _run_facts(spec: Spec, root: str, parameters: dict, work: WorkFolder, fresh: bool) -> RunFacts:
    """Goes on with the run that the work folder knows, unless a new one is asked for or the root is another."""
    known = None if fresh else work.run()
    if known is None or known["root"] != root:
        for name in ("tasks", "logs"):
            shutil.rmtree(work.folder / name, ignore_errors=True)
        known = {
            "run_id": str(uuid4()),
            "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "root": root,
        }
        try:
            work.remember_run(known)
        except OSError as exc:
            raise UsageError(f"{work.folder}: cannot be written ({exc.strerror}); --work names another folder") from exc
    return RunFacts(spec.name, known["run_id"], root, known["created"], parameters)
