"""Runs `plumbline init` and `plumbline run` on a table, and reads the model's predictions.

The rows go in as Parquet: one file, whose eval rows the pipeline draws by a hash of row_id, or, where they have an
order of time, four spans of equal size, the newest of which is eval. One line of the drafted pipeline.toml is changed:
an anomaly warns and does not block.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.finished_run import FinishedRun, initialise, run
from benchmarks.measured import Measured

SPANS = 4
BATCH = 4096


@dataclass(frozen=True)
class Run:
    """A finished run: what it left, what it took, and its summary."""

    left: FinishedRun
    took: Measured
    summary: dict[str, Any]

    @property
    def trainer_seconds(self) -> float:
        """Wall seconds of the component."""
        return float(next(one["seconds"] for one in self.summary["components"] if one["id"] == "Trainer"))


def run_pipeline(rows: pd.DataFrame, name: str, label: str, ordered: bool, folder: Path) -> Run:
    """Runs the pipeline on a table in an empty folder.

    Args:
      rows: Columns row_id, features, label; ordered by time if `ordered`.
      name: Name of the dataset.
      label: Name of the label column.
      ordered: Whether the rows are ordered by time.
      folder: Folder for data, settings and the run.

    Raises:
      UsageError: A command failed; the message is the last line of its log.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    parts = np.array_split(np.arange(len(rows)), SPANS if ordered else 1)
    for number, part in enumerate(parts, start=1):
        rows.iloc[part].to_parquet(data / f"span-{number}.parquet", index=False)
    initialise(folder, "data", label, ["--name", name])
    settings = folder / "schemas" / name / "pipeline.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('anomalies = "block"', 'anomalies = "warn"'), encoding="utf-8")
    return Run(*run(folder, name))


def row_ids(split: Path) -> np.ndarray:
    """row_id of a split's examples, in their order."""
    from components.shared.examples.example_reading import read_examples

    return read_examples(str(split), ["row_id"]).row_id.to_numpy(np.int64)


def answers(model: Path, split: Path) -> tuple[np.ndarray, list[str]]:
    """Predictions of the SavedModel's signature `serve_examples` for a split.

    Returns:
      Probability of 1 [N], the number [N], or probabilities [N, K]; and the names of the K classes, else empty.
    """
    import tensorflow as tf

    serve = tf.saved_model.load(str(model)).signatures["serve_examples"]
    files = sorted(str(path) for path in split.iterdir())
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(BATCH)
    found = [serve(examples=batch) for batch in records]
    key = next(name for name in ("probabilities", "probability", "prediction") if name in found[0])
    values = np.concatenate([answer[key].numpy() for answer in found])
    if key != "probabilities":
        return values.reshape(-1).astype(np.float64), []
    return values.astype(np.float64), [text.decode() for text in found[0]["classes"].numpy()[0]]
