"""The tables of text.py, from an environment of their own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.venvs import environment, venv_python
from components.shared.errors import UsageError

HERE = Path(__file__).parent


def catalog() -> dict[str, dict[str, Any]]:
    """Name -> what run_text_source.py lists; UsageError if the packages cannot be installed."""
    return {one["name"]: one for one in json.loads(_asked("--list"))}


def write_table(name: str, folder: Path) -> pd.DataFrame:
    """The rows of a table, which are written into the folder first."""
    _asked(name, str(folder))
    return pd.read_parquet(folder / "rows.parquet")


def _asked(*arguments: str) -> str:
    python = venv_python("text", HERE / "text_requirements.txt", options=["--no-deps"])
    command = [str(python), str(HERE / "run_text_source.py"), *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"run_text_source.py {' '.join(arguments[:1])} failed: {said[0]}")
    return done.stdout
