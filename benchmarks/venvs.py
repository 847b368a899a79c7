"""Virtual environments for libraries with which benchmarks compare, created on first use.

They are separate from .venv: users of Plumbline do not need these packages, and their dependencies could conflict with
those of Plumbline. They are in build/, which `make clean` removes; creating one needs network access.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.shared.errors import UsageError

VENVS = Path(__file__).resolve().parents[1] / "build" / "venvs"


def venv_python(name: str, requirements: Path, venvs: Path = VENVS, options: Sequence[str] = ()) -> Path:
    """Returns the Python of a virtual environment with these requirements; creates the environment if it is missing.

    The folder's name contains a hash of the requirements and of the Python version, so that a change creates a new
    environment. It is built under a temporary name and renamed when complete; parallel processes wait for the build.

    Args:
      name: First part of the folder's name.
      requirements: A requirements file of pip.
      venvs: Parent folder of the environments.
      options: Additional options of `pip install`, such as --no-deps.

    Returns:
      Absolute path of the executable; run it as a child process with `environment()`.

    Raises:
      UsageError: pip cannot install the requirements.
    """
    key = hashlib.sha256(requirements.read_bytes() + platform.python_version().encode()).hexdigest()[:12]
    target = venvs / f"{name}-{key}"
    if not target.exists():
        venvs.mkdir(parents=True, exist_ok=True)
        (venvs / ".gitignore").write_text("*\n")  # no commit shall ever take it in
        with (venvs / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel when the process ends, however it ends
            if not target.exists():
                _build(name, requirements, target, options)
    return target / "bin" / "python"


def environment() -> dict[str, str]:
    """The environment variables to run it with: this process' own, less what points at .venv, and no telemetry."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}


def _build(name: str, requirements: Path, target: Path, options: Sequence[str]) -> None:
    """Makes the environment beside its final place. Only bin/python is used later, which does not mind the renaming."""
    print(f"{name}: making {target} (once; about a minute)", file=sys.stderr)
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=".making-"))
    try:
        _run(name, [sys.executable, "-m", "venv", str(unfinished)])
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *options]
        _run(name, [str(unfinished / "bin" / "python"), *install, "--requirement", str(requirements)])
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _run(name: str, command: list[str]) -> None:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"the packages of {name} could not be installed ({reason[0]}); is there a network?")
