"""A table of 3,000 rows and 10 columns with a known signal, and a project around it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS = 3_000


def write_table(path: Path, rows: int = ROWS, seed: int = 5) -> None:
    """Writes a CSV: an id, six numbers, two categories, and a binary label, half of it positive.

    The label is drawn from a logistic model with one interaction; its best possible AUC is near 0.85.
    """
    random = np.random.default_rng(seed)
    numbers = {f"x{i}": np.round(random.normal(size=rows), 4) for i in range(6)}
    first, second = random.choice(list("abcdef"), rows), random.choice(["u", "v", "w"], rows)
    score = 1.2 * numbers["x0"] - numbers["x1"] + 0.5 * numbers["x2"] * numbers["x3"] + 0.8 * (first == "a") - 0.3
    label = (random.random(rows) < 1 / (1 + np.exp(-score))).astype(np.int64)
    columns = {"row": np.arange(rows), **numbers, "c1": first, "c2": second, "label": label}
    pyarrow.csv.write_csv(pa.table(columns), path)


def write_project(folder: Path, rows: int = ROWS) -> None:
    """Writes the table below `folder`, and lets `plumbline init` draft its settings as dataset "small"."""
    table = folder / "data" / "small.csv"
    table.parent.mkdir(parents=True)
    write_table(table, rows)
    command = ["init", "--data", str(table), "--label", "label", "--name", "small"]
    subprocess.run([sys.executable, "-m", "pipeline.cli", *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
