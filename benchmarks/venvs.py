"""Virtual environments for what is only measured against, made when a benchmark first asks for one.

They are apart from .venv because who uses Plumbline should not install these packages, and their dependencies should
not hold back ours. They lie below build/, which `make clean` removes; making one needs the network, once.
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
    """The Python of a virtual environment with these requirements; the environment is made when it is missing.

    Its folder is named by a hash of the requirements and of this Python's version, so that a change of either makes a
    new one. It is built under a temporary name and renamed when whole; processes that ask at the same time wait for
    the one that builds.

    Args:
      name: What it is for; the first part of the folder's name.
      requirements: A requirements file of pip.
      venvs: Folder of all such environments.
      options: More for `pip install`, such as --no-deps.

    Returns:
      Absolute path of an executable; run it as a process of its own, with `environment()`.

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
