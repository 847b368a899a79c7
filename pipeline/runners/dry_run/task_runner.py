"""Executes a task as KFP's driver and launcher do: resolve inputs, run the container, collect outputs."""

import hashlib
import json
import re
import shutil
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.runners.dry_run import executor_input as told
from pipeline.runners.dry_run import outputs
from pipeline.runners.dry_run.artifact_paths import TaskPaths, is_remote
from pipeline.runners.dry_run.container_env import AddedEnvironment, environment, mounts
from pipeline.runners.dry_run.failure import TaskFailed
from pipeline.runners.dry_run.inputs import RunFacts, resolve
from pipeline.runners.dry_run.launch import ContainerCall, Launcher
from pipeline.runners.dry_run.retries import waits, window
from pipeline.runners.dry_run.spec import Task
from pipeline.runners.dry_run.store import Content, Stores
from pipeline.runners.dry_run.work_folder import TaskRecord, WorkFolder

TAIL = 64 << 10
SAYS_WHY = re.compile(r"^(plumbline: |[\w.]*(Error|Exception|Blocked|Failed)\b)")
BUILDAHS_OWN = re.compile(r"^(Error: )?(subprocess exited with|exit) status \d+$")
CHATTER = re.compile(r"^([IWEF]\d{4} |WARNING:|INFO:|\[|\s)")


@dataclass(frozen=True)
class TaskContext:
    """The context in which tasks are executed.

    Attributes:
      run: The run.
      work: Its work folder.
      stores: Stores of the artifacts.
      launcher: Runs containers.
      image: Image of every task; "" uses the images in the spec.
      given: Environment variables and volumes of the command line.
      retry: Whether failed tasks are retried by their retry policies.
    """

    run: RunFacts
    work: WorkFolder
    stores: Stores
    launcher: Launcher
    image: str
    given: AddedEnvironment
    retry: bool

    def image_of(self, task: Task) -> str:
        """Returns the image of a task."""
        return self.image or str(task.container.get("image", ""))


def prepare(task: Task, doing: TaskContext, done: dict[str, TaskRecord]) -> tuple[dict[str, Any], str]:
    """Resolves a task's inputs and computes its cache key.

    Values from the environment, such as secrets, are not part of the key.

    Args:
      task: The task.
      doing: The context.
      done: Records of the upstream tasks, by name.

    Returns:
      The `inputs` of the ExecutorInput, and a SHA-256 in hexadecimal.
    """
    inputs = resolve(task, doing.run, done)
    image = doing.launcher.digest(task.name, doing.image_of(task)) if task.container else ""
    depends = {"inputs": inputs, "component": task.component, "executor": task.executor, "image": image}
    depends |= {"root": doing.run.folder, "kubernetes": task.kubernetes}
    text = json.dumps(depends, sort_keys=True)
    return inputs, hashlib.sha256(text.encode()).hexdigest()


def is_kept(record: TaskRecord | None, key: str, stores: Stores) -> bool:
    """Returns whether a task's earlier result can be used: same key, and all artifacts exist with their size.

    The log artifact is not checked.

    Args:
      record: The task's record; None if there is none.
      key: Cache key, see `prepare`.
      stores: Stores of the artifacts.
    """
    if record is None or record.state != "done" or record.key != key:
        return False
    return all(_is_whole(artifact, stores) for name, artifact in record.artifacts.items() if name != told.LOGS)


def run_task(task: Task, doing: TaskContext, inputs: dict[str, Any], key: str) -> tuple[TaskRecord, int]:
    """Executes a task, with retries by its retry policy.

    Args:
      task: The task.
      doing: The context.
      inputs: Its resolved inputs, see `prepare`.
      key: Its cache key, see `prepare`.

    Returns:
      The task's record, and the number of attempts.

    Raises:
      TaskFailed: The last attempt failed.
    """
    began = time.monotonic()
    _forget(task, doing)
    record = TaskRecord("started", key, str(uuid4()))
    doing.work.remember(task.name, record)
    log = doing.work.log(task.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    attempts = 0
    policy = task.spec.get("retryPolicy", {}) if doing.retry else {}
    for wait in (*waits(policy), None):
        attempts += 1
        _note(log, f"attempt {attempts} of task {task.name}, execution {record.execution}")
        try:
            if task.container:
                _container(task, doing, inputs, record, log)
            else:
                _importer(task, doing, inputs, record)
            break
        except TaskFailed as exc:
            _note(log, exc.cause)
            if wait is None or time.monotonic() - began > window(policy):
                exc.attempts = attempts
                record.state, record.seconds = "failed", time.monotonic() - began
                doing.work.remember(task.name, record)
                raise
            time.sleep(wait)
    record.state, record.seconds = "done", time.monotonic() - began
    doing.work.remember(task.name, record)
    return record, attempts


def _container(task: Task, doing: TaskContext, inputs: dict[str, Any], record: TaskRecord, log: Path) -> None:
    places = TaskPaths(doing.work.local(task.name).resolve(), doing.launcher.inside)
    try:
        shutil.rmtree(places.local, ignore_errors=True)
        _remove_execution(task, doing, record)  # partial artifacts of the previous attempt
        places.make()
        _download(task, doing, inputs, places, log)
        executor_input = {
            "inputs": inputs,
            "outputs": told.outputs(task, doing.run.folder, record.execution, places),
        }
        said = _output_folders(executor_input, places)
        seen = _plain_folders(executor_input) if doing.launcher.inside else {}
        shown, hidden = environment(task, doing.given)
        call = ContainerCall(
            task=task.name,
            image=doing.image_of(task),
            command=told.command(task, executor_input, places),
            env=shown,
            hidden=hidden,
            mounts={**mounts(task, doing.given, doing.launcher.inside), **seen},
            places=places,
            log=log,
        )
        copy = places.host(executor_input["outputs"]["artifacts"][told.LOGS]["artifacts"][0]["uri"])
        copy.touch()  # the launcher creates it before the command begins
        begin = log.stat().st_size
        code = doing.launcher.run(call)
        _copy_from(log, begin, copy)
        if code:
            raise TaskFailed(task.name, f"exit code {code}: {error_summary(log)}", log, code)
        try:
            output = outputs.executor_output(said)
            record.parameters = outputs.collect_parameters(task, executor_input, output, places)
            record.artifacts = outputs.collect_artifacts(executor_input, output, places, doing.stores)
        except outputs.OutputError as exc:
            raise TaskFailed(task.name, str(exc), log) from exc
    finally:
        shutil.rmtree(places.local, ignore_errors=True)


def _download(task: Task, doing: TaskContext, inputs: dict[str, Any], places: TaskPaths, log: Path) -> None:
    for name, listed in inputs["artifacts"].items():
        uri = listed["artifacts"][0]["uri"]
        producer = task.inputs("artifacts")[name]["taskOutputArtifact"]["producerTask"]
        recorded = doing.work.record(producer)
        artifact = next((one for one in recorded.artifacts.values() if one["uri"] == uri), None) if recorded else None
        found = doing.stores.of(uri).download(uri, places.host(uri))
        if artifact is None or found.objects != artifact["objects"]:
            expected = artifact["objects"] if artifact else "some"
            raise TaskFailed(
                task.name,
                f"input artifact {name}, made by {producer}, is missing: {found.objects} of {expected} files at {uri}",
                log,
            )


def _output_folders(executor_input: dict[str, Any], places: TaskPaths) -> Path:
    """Creates the folders of outputs as the launcher does; returns the path of the ExecutorOutput."""
    outputs_ = executor_input["outputs"]
    said = places.on_host(outputs_["outputFile"])
    artifacts = [places.host(one["artifacts"][0]["uri"]) for one in outputs_["artifacts"].values()]
    paths = [said, *(places.on_host(one["outputFile"]) for one in outputs_["parameters"].values()), *artifacts]
    for folder in {*(path.parent for path in paths), *(path.parent.parent for path in artifacts)}:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # an image may run as any user; the Tuner stores its trials beside the execution's folder
    return said


def _plain_folders(executor_input: dict[str, Any]) -> dict[str, tuple[Path, str]]:
    """Mounts of artifacts in plain folders: inputs read-only, outputs writable."""
    found = {}
    for side, options in (("inputs", "ro"), ("outputs", "")):
        for listed in executor_input[side]["artifacts"].values():
            uri = listed["artifacts"][0]["uri"]
            if not is_remote(uri):
                folder = Path(uri) if side == "inputs" else Path(uri).parent.parent
                found[str(folder)] = (folder, options)
    return found


def _copy_from(log: Path, begin: int, target: Path) -> None:
    """Copies a log from byte `begin` on, which is the output of this attempt's container."""
    with log.open("rb") as source, target.open("wb") as file:
        source.seek(begin)
        shutil.copyfileobj(source, file)


def _importer(task: Task, doing: TaskContext, inputs: dict[str, Any], record: TaskRecord) -> None:
    """Records an existing artifact (importer_launcher.go)."""
    importer = task.executor["importer"]
    uri = importer["artifactUri"].get("constant") or inputs["parameterValues"].get(
        importer["artifactUri"].get("runtimeParameter", "")
    )
    stored = doing.stores.of(uri).content(uri) if uri else Content()
    if not stored.objects:
        raise TaskFailed(task.name, f"imported artifact is missing: no files at {uri or 'an empty URI'}")
    (name,) = task.declared("output", "artifacts")
    record.artifacts[name] = {
        "name": name,
        "type": importer.get("typeSchema", {}),
        "uri": uri,
        "metadata": importer.get("metadata", {}),
        "objects": stored.objects,
        "bytes": stored.bytes,
    }


def _is_whole(artifact: dict[str, Any], stores: Stores) -> bool:
    found = stores.of(artifact["uri"]).content(artifact["uri"])
    return (found.objects, found.bytes) == (artifact["objects"], artifact["bytes"])


def _forget(task: Task, doing: TaskContext) -> None:
    """Removes the files of an incomplete execution."""
    left = doing.work.record(task.name)
    if left is not None and left.state != "done":
        _remove_execution(task, doing, left)


def _remove_execution(task: Task, doing: TaskContext, record: TaskRecord) -> None:
    uri = f"{doing.run.folder}/{task.name}/{record.execution}"
    doing.stores.of(uri).remove(uri)


def _note(log: Path, text: str) -> None:
    now = datetime.now(timezone.utc).strftime("%H:%M:%S")
    with log.open("a", encoding="utf-8") as file:
        file.write(f"[dry-run {now}] {text}\n")


def error_summary(log: Path) -> str:
    """Returns the line of a log that most likely explains the failure.

    That is the last line of an error in the last attempt, else the last line that is no log message of a library.
    """
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    attempt = max((number for number, line in enumerate(lines) if line.startswith("[dry-run ")), default=-1)
    lines = [line.rstrip() for line in lines[attempt + 1 :] if line.strip() and not BUILDAHS_OWN.match(line)]
    for wanted in (SAYS_WHY.match, lambda line: not CHATTER.match(line), lambda line: True):
        for line in reversed(lines):
            if wanted(line):
                return line.strip()[:500]
    return "it printed nothing"
