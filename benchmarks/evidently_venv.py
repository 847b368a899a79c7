"""A virtual environment that holds Evidently, made when a benchmark first asks for it, see venvs.py.

    python -m benchmarks.evidently_venv      # makes it if it is not there; prints the path of its Python

Making it takes about a minute and 1 GB.
"""

import sys
from pathlib import Path

from benchmarks.venvs import VENVS, environment, venv_python
from components.shared.errors import PlumblineError

__all__ = ["environment", "evidently_python"]

REQUIREMENTS = Path(__file__).with_name("evidently_requirements.txt")


def evidently_python(requirements: Path = REQUIREMENTS, venvs: Path = VENVS) -> Path:
    """The Python of a virtual environment with these requirements; UsageError if pip cannot install them."""
    return venv_python("evidently", requirements, venvs)


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
