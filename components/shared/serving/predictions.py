"""The Predictions artifact: predictions of candidate and champion for the labelled rows of the eval split.

    eval.parquet          a row for each labelled eval row, in the split's order
      row                 int64: index of the row in the split, from 0
      label               float64: 0 or 1, class code, or number, encoded by the candidate
      <model>             float32, or a list of K for K classes, in the candidate's order of classes
      <model>_class       int64: the predicted class; -1 for one that the candidate does not know
    train_labels.parquet  `label` float64 of every train row, encoded by the candidate; NaN where missing

<model> is candidate, and champion if there is one. Other metadata is JSON in the metadata of the Parquet schema.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.serving.serving_contract import ModelOutput

CANDIDATE, CHAMPION = "candidate", "champion"
EVAL, TRAIN = "eval.parquet", "train_labels.parquet"
_KEY = b"plumbline.predictions"


@dataclass(frozen=True)
class About:
    """Metadata of predictions.

    Attributes:
      task: binary, multiclass or regression.
      rows: Number of rows of the eval split, labelled or not.
      unlabelled: Number of rows without a label.
      unknown_labels: Class that the candidate does not know -> its eval rows, the most frequent first.
      classes: Names of the candidate's K classes by code; empty for other tasks.
      thresholds: Model -> decision threshold; empty unless binary.
      incomparable: Why the champion has no predictions; "" if it has, or there is none.
      lacking: Inputs of the champion without a column in the rows; it treats them as missing.
      converted: Columns whose number type has changed since the champion was trained; they were converted.
      digest: SHA-256 of the eval split's serialized examples; equal for runs on the same rows.
    """

    task: str
    rows: int
    unlabelled: int = 0
    unknown_labels: Mapping[str, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    digest: str = ""
    incomparable: str = ""
    lacking: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelPredictions:
    """Labels and predictions of N labelled eval rows.

    Attributes:
      about: Metadata.
      places: Index of each row in the split, ascending, int64 [N].
      labels: Labels, float64 [N], none missing.
      outputs: Model -> its predictions for these rows.
    """

    about: About
    places: np.ndarray
    labels: np.ndarray
    outputs: Mapping[str, ModelOutput]


def table_of(places: np.ndarray, labels: np.ndarray, outputs: Mapping[str, ModelOutput]) -> pa.Table:
    """Returns rows of eval.parquet.

    Args:
      places: Indices of the rows in the split, [N].
      labels: Labels, [N].
      outputs: Model -> its predictions for these rows.
    """
    columns = {"row": pa.array(places, pa.int64()), "label": pa.array(labels, pa.float64())}
    for name, prediction in outputs.items():
        output = np.asarray(prediction.output, np.float32)
        flat = pa.array(output.reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, output.shape[1]) if output.ndim == 2 else flat
        if prediction.decided is not None:
            columns[f"{name}_class"] = pa.array(prediction.decided, pa.int64())
    return pa.table(columns)


def write_predictions(folder: Path, tables: Iterable[pa.Table], about: About) -> None:
    """Writes eval.parquet atomically; `tables`, of `table_of`, are concatenated."""
    table = pa.concat_tables([*tables])
    metadata = {_KEY: json.dumps(asdict(about), ensure_ascii=False).encode()}
    _write(folder / EVAL, table.replace_schema_metadata(metadata))


def write_train_labels(folder: Path, labels: np.ndarray) -> None:
    """Writes train_labels.parquet; `labels` are float64 [M], NaN where missing."""
    _write(folder / TRAIN, pa.table({"label": pa.array(labels, pa.float64())}))


def read_predictions(folder: Path) -> ModelPredictions:
    """Reads eval.parquet; raises FileNotFoundError if it is missing."""
    table = pq.read_table(folder / EVAL)
    fields: dict[str, Any] = json.loads(table.schema.metadata[_KEY])
    arrays = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    about = About(**(fields | arrays))
    names = [name for name in (CANDIDATE, CHAMPION) if name in table.column_names]
    return ModelPredictions(
        about,
        table.column("row").to_numpy(),
        table.column("label").to_numpy(),
        {name: ModelOutput(_output(table.column(name)), _decided(table, name)) for name in names},
    )


def read_train_labels(folder: Path) -> np.ndarray:
    """Reads train_labels.parquet; float64 [M]."""
    found: np.ndarray = pq.read_table(folder / TRAIN).column("label").to_numpy()
    return found


def _output(column: pa.ChunkedArray) -> np.ndarray:
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column.to_numpy())
    return np.asarray(pc.list_flatten(column).to_numpy()).reshape(-1, column.type.list_size)


def _decided(table: pa.Table, name: str) -> np.ndarray | None:
    return table.column(f"{name}_class").to_numpy() if f"{name}_class" in table.column_names else None


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    # Dictionary encoding does not pay for probabilities, which are nearly all distinct.
    pq.write_table(table, partial, compression="zstd", use_dictionary=False)
    partial.replace(path)
