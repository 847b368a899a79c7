"""Runs a dry run: validates the pipeline, then executes its tasks in topological order."""

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
"""KFP's default pipeline root."""

DEFAULT_STORAGE = Path("runs") / "dry-run"


@dataclass(frozen=True)
class DryRunOptions:
    """Options of `plumbline dry-run`.

    Attributes:
      image: Image of every task; "" uses the images in the spec.
      on_machine: Run tasks as processes of this machine, without images.
      root: Folder or URL for artifacts; "" uses the spec's root, else KFP's default.
      storage: Folder that replaces object stores; None uses the S3 store at AWS_ENDPOINT_URL if that is set, else
        runs/dry-run.
      work: Folder for records and logs; None is <storage or root>/.dry-run/<pipeline>.
      parameters: Pipeline parameters: name -> text.
      env: Environment variables: NAME=VALUE or NAME.
      volumes: Volumes: FOLDER:PATH[:ro].
      fresh: Do not keep tasks of an earlier dry run.
      retry: Retry failed tasks by their retry policies.
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
    """Executes a compiled pipeline on this machine.

    Args:
      path: The compiled YAML.
      options: Options of the command line.
      stream: Output stream for progress; None prints nothing.

    Returns:
      The report; and the error that ended the run, or None.

    Raises:
      ConfigError: The file is no pipeline, or a cluster would refuse it; no task was run.
      UsageError: An option is illegal, or the work folder is locked or cannot be written.
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
        if task.container:  # report a missing image before the first task runs
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
        except PlumblineError as exc:  # mostly errors of the object store
            raise TaskFailed(task.name, str(exc), log if log.exists() else None, exc.exit_code) from exc
        except Exception as exc:  # such as a full disk
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
            if name == LOGS:  # StepReport.log is the log of all attempts
                continue
            kept = {key: artifact.get(key) for key in ("uri", "objects", "bytes", "metadata")}
            report.outputs.append({"step": task.name, "name": name, **kept})
        for name, value in record.parameters.items():
            report.parameters.append({"step": task.name, "name": name, "value": value})


def _stores(root: str, storage: Path | None) -> tuple[Stores, Path]:
    """The stores, and the parent of the default work folder."""
    folder = (storage or DEFAULT_STORAGE).resolve()
    base = folder if is_remote(root) or storage else Path(root)
    if storage is not None or not os.environ.get("AWS_ENDPOINT_URL"):
        return Stores(folder, None), base
    if find_spec("obstore") is None:
        raise UsageError(
            "AWS_ENDPOINT_URL is set, but the client for object stores is missing: pip install 'plumbline[cloud]', "
            "or give a folder with --storage"
        )
    return Stores(folder, S3Store()), base


def _run_facts(spec: Spec, root: str, parameters: dict, work: WorkFolder, fresh: bool) -> RunFacts:
    """Continues the run in the work folder, or starts a new one with `fresh` or if the root has changed."""
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
