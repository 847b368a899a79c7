"""Inside the set-up: compiles the packages that a run loads, so that no start compiles TensorFlow anew.

pip compiles what it installs, uv does not; and where PYTHONDONTWRITEBYTECODE is set (many containers, CI) Python never
keeps what it has compiled: each start would spend 10 s of CPU on it. Compiled are the distributions that the project
requires, directly or not, without its extras, their tests, and the cloud clients that no run loads.
"""

import compileall
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OWN = ("pipeline", "components", "serving", "data")

NOT_LOADED = frozenset(
    {
        *("google-cloud-aiplatform", "google-genai", "google-cloud-resource-manager", "google-cloud-monitoring"),
        *("google-cloud-dlp", "google-cloud-spanner", "google-cloud-bigtable", "google-cloud-vision"),
        *("google-cloud-videointelligence", "google-cloud-language", "google-cloud-recommendations-ai"),
        *("google-cloud-datastore", "google-api-python-client", "tensorflow-estimator", "tensorboard", "kfp"),
        *("kfp-server-api", "debugpy", "pip", "setuptools"),
    }
)
"""Requirements of requirements that are large and that no run imports."""

TESTS = re.compile(r"(^|/)(tests?|testdata)/|_test\.py$|(^|/)test_[^/]*\.py$")


def required(name: str) -> set[str]:
    """Distributions that one requires in this environment, directly or not, and itself; its extras are left out."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = [(name, "")]
    while waiting:
        name, extras = waiting.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found or name in NOT_LOADED:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        for text in requires:
            requirement = Requirement(text)
            environments = [{"extra": extra} for extra in ("", *extras.split(","))]
            if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
                waiting.append((requirement.name, ",".join(requirement.extras)))
    return found


def modules(name: str) -> list[str]:
    """Paths of a distribution's Python files, without its tests."""
    files = distribution(name).files or []
    return [str(file.locate()) for file in files if file.suffix == ".py" and not TESTS.search(file.as_posix())]


def own(project: Path) -> list[str]:
    """Paths of the project's own modules."""
    return [str(file) for package in OWN for file in (project / package).rglob("*.py")]


def compiled(path: str) -> None:
    """Writes a file's bytecode unless it is there; a file that is no valid Python (a template) stays as it is."""
    try:
        compileall.compile_file(path, quiet=2)
    except (OSError, ValueError):
        pass


def main() -> int:
    """Compiles on all cores."""
    paths = [path for name in sorted(required("plumbline")) for path in modules(name)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(compiled, [*own(PROJECT), *paths], chunksize=64):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
