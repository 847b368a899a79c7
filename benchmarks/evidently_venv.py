"""A virtual environment that holds Evidently, made when a benchmark first asks for it.

    python -m benchmarks.evidently_venv      # makes it if it is not there; prints the path of its Python

It is apart from .venv because Evidently is only measured against: who uses Plumbline should not install it, and its
dependencies should not hold back ours. Making it needs the network, once; about a minute and 1 GB below build/,
which `make clean` removes.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from components.errors import PlumblineError, UsageError

REQUIREMENTS = Path(__file__).with_name("evidently_requirements.txt")
VENVS = Path(__file__).resolve().parents[1] / "build" / "venvs"


def evidently_python(requirements: Path = REQUIREMENTS, venvs: Path = VENVS) -> Path:
    """The Python of a virtual environment with these requirements; the environment is made when it is missing.

    Its folder is named by a hash of the requirements and of this Python's version, so that a change of either makes a
    new one. It is built under a temporary name and renamed when whole; processes that ask at the same time wait for
    the one that builds.

    Returns:
      Absolute path of an executable; run it as a process of its own, with `environment()`.

    Raises:
      UsageError: pip cannot install the requirements.
    """
    key = hashlib.sha256(requirements.read_bytes() + platform.python_version().encode()).hexdigest()[:12]
    target = venvs / f"evidently-{key}"
    if not target.exists():
        venvs.mkdir(parents=True, exist_ok=True)
        (venvs / ".gitignore").write_text("*\n")  # no commit shall ever take it in
        with (venvs / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel when the process ends, however it ends
            if not target.exists():
                _build(requirements, target)
    return target / "bin" / "python"


def environment() -> dict[str, str]:
    """The environment variables to run it with: this process' own, less what points at .venv, and no telemetry."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}


def _build(requirements: Path, target: Path) -> None:
    """Makes the environment beside its final place. Only bin/python is used later, which does not mind the renaming."""
    print(f"evidently: making {target} (once; about a minute)", file=sys.stderr)
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=".making-"))
    try:
        _run([sys.executable, "-m", "venv", str(unfinished)])
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        _run([str(unfinished / "bin" / "python"), *install, "--requirement", str(requirements)])
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"Evidently could not be installed to measure against ({reason[0]}); is there a network?")


def main() -> int:
    """Prints the path; returns an exit code."""
    try:
        print(evidently_python())
    except PlumblineError as error:
        print(f"evidently: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
