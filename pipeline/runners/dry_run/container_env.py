"""Environment variables and volumes of a container, from the spec, the platform spec and the command line.

The spec only names secrets. Their values come from --env or from this process's environment, and are not written to any
record of the run.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.errors import ConfigError, UsageError
from pipeline.runners.dry_run.spec import Task


@dataclass(frozen=True)
class AddedEnvironment:
    """Environment variables and volumes of the command line.

    Attributes:
      env: Name -> value.
      volumes: Path in the container -> (folder of this machine, options such as "ro").
    """

    env: Mapping[str, str]
    volumes: Mapping[str, tuple[Path, str]]


def parse_additions(env: list[str], volumes: list[str]) -> AddedEnvironment:
    """Reads --env NAME=VALUE or --env NAME, and --volume FOLDER:PATH[:ro].

    Raises:
      UsageError: The syntax is wrong, a variable is not set, or a folder does not exist.
    """
    values = {}
    for one in env:
        name, equals, value = one.partition("=")
        if not equals and name not in os.environ:
            raise UsageError(f"--env {name}: not set in this environment; give --env {name}=VALUE")
        values[name] = value if equals else os.environ[name]
    folders = {}
    for one in volumes:
        host, _, rest = one.partition(":")
        path, _, options = rest.partition(":")
        if not path.startswith("/") or options not in ("", "ro", "rw"):
            raise UsageError(f"--volume {one}: legal: FOLDER:/PATH or FOLDER:/PATH:ro")
        if not Path(host).is_dir():
            raise UsageError(f"--volume {one}: {host} is no folder")
        folders[path.rstrip("/")] = (Path(host).resolve(), options)
    return AddedEnvironment(values, folders)


def environment(task: Task, extra: AddedEnvironment) -> tuple[dict[str, str], dict[str, str]]:
    """Collects the environment variables of a task's container.

    Args:
      task: The task.
      extra: Values of the command line.

    Returns:
      Variables whose values are in the spec; and variables of secrets, config maps and --env, which must not appear on
      command lines or in files.

    Raises:
      ConfigError: A required secret or config map has no value.
    """
    shown = {one["name"]: one.get("value", "") for one in task.container.get("env", [])}
    for source in task.kubernetes.get("fieldPathAsEnv", []):
        shown[source["name"]] = f"dry-run/{source.get('fieldPath', '')}"
    hidden: dict[str, str] = {}
    for kind, key, what in (("secretAsEnv", "secretKey", "secret"), ("configMapAsEnv", "configMapKey", "config map")):
        for source in task.kubernetes.get(kind, []):
            name = _name(source, what)
            for pair in source.get("keyToEnv", []):
                variable = pair["envVar"]
                value = extra.env.get(variable, os.environ.get(variable))
                if value is not None:
                    hidden[variable] = value
                elif not source.get("optional"):
                    raise ConfigError(
                        f"task {task.name}: {variable} comes from key {pair[key]} of {what} {name}; "
                        f"give --env {variable}=VALUE"
                    )
    return shown, {**hidden, **extra.env}


def mounts(task: Task, extra: AddedEnvironment, inside: bool) -> dict[str, tuple[Path, str]]:
    """Collects the additional volumes of a task's container.

    Args:
      task: The task.
      extra: Values of the command line.
      inside: Whether the task runs in a container.

    Returns:
      Path in the container -> (folder of this machine, options).

    Raises:
      ConfigError: A volume of the platform spec has no --volume or, without containers, no folder on this machine.
    """
    for path, what in _volumes(task):
        covered = path.rstrip("/") in extra.volumes if inside else Path(path).is_dir()
        if not covered:
            hint = f"give --volume FOLDER:{path}" if inside else f"{path} must be a folder of this machine"
            raise ConfigError(f"task {task.name}: mounts {what} at {path}; {hint}")
    return dict(extra.volumes) if inside else {}


def _volumes(task: Task) -> Iterator[tuple[str, str]]:
    for kind, what in (
        ("pvcMount", "a volume claim"),
        ("secretAsVolume", "secret"),
        ("configMapAsVolume", "config map"),
    ):
        for source in task.kubernetes.get(kind, []):
            if not source.get("optional"):
                name = "" if kind == "pvcMount" else f" {_name(source, what)}"
                yield source["mountPath"], what + name


def _name(source: dict[str, Any], what: str) -> str:
    key = "secretName" if what == "secret" else "configMapName"
    constant = source.get(f"{key}Parameter", {}).get("runtimeValue", {}).get("constant")
    return str(constant or source.get(key, ""))
