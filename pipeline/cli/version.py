"""`plumbline --version`: the versions that a bug report needs."""

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

STACK = ("tfx", "tensorflow", "apache-beam", "ml-metadata", "kfp")


def plumbline_version() -> str:
    """Plumbline's own version, such as 0.1.0."""
    return _version("plumbline")


def version_line() -> str:
    """`plumbline 0.1.0 (Python 3.11.9, tfx 1.21.0, ...)`; nothing is imported for it."""
    names = ", ".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in STACK)])
    return f"plumbline {plumbline_version()} ({names})"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


class VersionAction(argparse.Action):
    """Prints the versions and ends the process; argparse's own action would look them up at each start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        """Ends the process with exit code 0."""
        print(version_line())
        parser.exit()
