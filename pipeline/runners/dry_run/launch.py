"""Runs a container's command as a child process, on this machine or in an image, and ends leftover processes."""

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.runners.dry_run.artifact_paths import TaskPaths
from pipeline.runners.dry_run.failure import TaskFailed


@dataclass(frozen=True)
class ContainerCall:
    """A container to run.

    Attributes:
      task: Name of the task.
      image: Container image.
      command: Program and arguments.
      env: Environment variables of the spec.
      hidden: Environment variables whose values must not appear on command lines or in files.
      mounts: Path in the container -> (folder of this machine, options).
      places: The task's folders.
      log: File to which all output is appended.
    """

    task: str
    image: str
    command: list[str]
    env: Mapping[str, str]
    hidden: Mapping[str, str]
    mounts: Mapping[str, tuple[Path, str]]
    places: TaskPaths
    log: Path


class Launcher(Protocol):
    """Runs containers."""

    inside: bool

    def digest(self, task: str, image: str) -> str:
        """Returns the id of an image.

        Raises:
          TaskFailed: The image does not exist.
        """

    def run(self, call: ContainerCall) -> int:
        """Runs a container and returns its exit code."""

    def clean(self) -> None:
        """Ends leftover processes and containers of a killed dry run."""


class OnMachine:
    """Runs commands without containers, in the current folder; `python` is this process's interpreter."""

    inside = False

    def __init__(self, running: Path) -> None:
        self._running = running

    def digest(self, task: str, image: str) -> str:
        """Returns "none": no image is used."""
        return "none"

    def run(self, call: ContainerCall) -> int:
        """See Launcher."""
        command = list(call.command)
        if command[0] in ("python", "python3"):
            command[0] = sys.executable
        env = {
            # So that shell scripts find the same Python.
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(call.places.local / "tmp"),
            "PLUMBLINE_MOUNT": call.places.seen_mount,
            **call.env,
            **call.hidden,
        }
        return _wait(call, command, env, self._running)

    def clean(self) -> None:
        """See Launcher."""
        end_leftover(self._running)


class InImage:
    """Runs commands in a local image of buildah, in a working container that is removed afterwards."""

    inside = True

    def __init__(self, running: Path, work: Path) -> None:
        self._running = running
        self._prefix = f"plumbline-dry-run-{hashlib.sha256(str(work.resolve()).encode()).hexdigest()[:12]}-"

    def digest(self, task: str, image: str) -> str:
        """See Launcher."""
        found = _buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", image)
        if found.returncode:
            raise TaskFailed(task, f"image {image} is not on this machine (buildah images lists those that are)")
        return found.stdout.strip()

    def run(self, call: ContainerCall) -> int:
        """See Launcher."""
        name = self._prefix + call.task.lower()
        made = _buildah("from", "--pull-never", "--name", name, call.image)
        if made.returncode:
            raise TaskFailed(call.task, f"image {call.image} cannot be used ({_last_line(made.stderr)})", call.log)
        try:
            env = {"PLUMBLINE_MOUNT": call.places.seen_mount, **call.env}
            words = ["buildah", "run", "--isolation", "chroot"]
            words += [word for variable, value in env.items() for word in ("--env", f"{variable}={value}")]
            for host, path in call.places.volumes().items():
                words += ["--volume", f"{host}:{path}"]
            for path, (folder, options) in call.mounts.items():
                words += ["--volume", f"{folder}:{path}" + (f":{options}" if options else "")]
            command, assignments = call.command, ""
            if call.hidden:
                # buildah takes variables only on its command line, which every user of the machine can read.
                command = ["sh", "-c", 'set -a; eval "$(cat)"; set +a; exec "$@" </dev/null', "sh", *command]
                assignments = "".join(f"{key}={shlex.quote(value)}\n" for key, value in call.hidden.items())
            return _wait(call, [*words, "--", name, *command], os.environ, self._running, assignments)
        finally:
            _buildah("rm", name)

    def clean(self) -> None:
        """See Launcher; containers of other work folders are left alone."""
        end_leftover(self._running)
        listed = _buildah("containers", "--format", "{{.ContainerName}}")
        for name in listed.stdout.split():
            if name.startswith(self._prefix):
                _buildah("rm", name)


def _buildah(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        command = ["buildah", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a list, no shell
    except FileNotFoundError:
        raise UsageError("buildah, which runs the images, is not installed; install it or give --no-image") from None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _wait(call: ContainerCall, command: list[str], env: Mapping[str, str], running: Path, text: str = "") -> int:
    with call.log.open("ab") as log:
        try:
            # A new session: the whole process group can be ended.
            process = subprocess.Popen(  # noqa: S603 - the purpose of a dry run is to run the pipeline's commands
                command,
                env=env,
                stdin=subprocess.PIPE if text else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as exc:
            raise TaskFailed(call.task, f"{command[0]} cannot be run ({exc.strerror})", call.log) from exc
        try:
            write_json(running, {"pid": process.pid, "started": _started(process.pid)})
            process.communicate(text.encode() if text else None)
            return process.returncode
        except BaseException:
            _end(process.pid)
            process.wait()
            raise
        finally:
            # Background processes of the command end with its container.
            _end(process.pid)
            running.unlink(missing_ok=True)


def end_leftover(running: Path) -> None:
    """Ends the process that a killed dry run left, unless its process id belongs to another process now."""
    try:
        left = json.loads(running.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    started = _started(left["pid"])
    if started and started == left["started"]:
        _end(left["pid"])
    running.unlink(missing_ok=True)


def _started(pid: int) -> str:
    """Start time of a process in clock ticks; "" if there is no such process or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _end(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
