"""What a container has around it: environment variables and folders, as the spec and its platform settings say.

Secrets come by reference: the spec names them, their values come from --env or from this process's environment, and no
record of the run holds them.
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
    """What the command line adds to what the spec says.

    Attributes:
      env: Name -> value.
      volumes: Path in the container -> (folder of this machine, options such as "ro").
    """

    env: Mapping[str, str]
    volumes: Mapping[str, tuple[Path, str]]


def parse_additions(env: list[str], volumes: list[str]) -> AddedEnvironment:
    """Reads --env NAME=VALUE or --env NAME, and --volume FOLDER:PATH[:ro].

    Raises:
      UsageError: Another form, a variable that is not set, or a folder that is not there.
    """
    values = {}
    for one in env:
        name, equals, value = one.partition("=")
        if not equals and name not in os.environ:
            raise UsageError(f"--env {name}: not set in this environment; --env {name}=VALUE gives it")
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
    """The variables of a task's container: those that the spec holds, and those that it only names.

    The latter, and those of --env, may be secrets: no command line and no file may show them.

    Raises:
      ConfigError: A secret or setting that must be there is not given.
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
                        f"--env {variable}=VALUE gives it here"
                    )
    return shown, {**hidden, **extra.env}


def mounts(task: Task, extra: AddedEnvironment, inside: bool) -> dict[str, tuple[Path, str]]:
    """Folders that a task's container sees besides its own: path -> (folder of this machine, options).

    Raises:
      ConfigError: A volume of the platform settings is not given with --volume.
    """
    for path, what in _volumes(task):
        covered = path.rstrip("/") in extra.volumes if inside else Path(path).is_dir()
        if not covered:
            hint = f"--volume FOLDER:{path} gives it here" if inside else f"{path} must be a folder of this machine"
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
