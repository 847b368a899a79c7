"""The Predictions artifact: what candidate and champion answer to the labelled rows of the eval split. Pure.

    eval.parquet          a row for each labelled eval row, in the split's order
      row                 int64: its place in the split, from 0
      label               float64: 0 or 1, class code, or number, as the candidate learned it
      <model>             float32, or a list of K for K classes, in the candidate's order of classes
      <model>_class       int64: the class that the model itself says; -1 for one that the candidate does not know
    train_labels.parquet  `label` float64 of every train row, as the candidate learned it; NaN where there is none

<model> is candidate, and champion where there is one. What does not fit into columns is JSON in the schema's metadata.
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

from components.shared.serving.serving_contract import Answers

CANDIDATE, CHAMPION = "candidate", "champion"
EVAL, TRAIN = "eval.parquet", "train_labels.parquet"
_KEY = b"plumbline.predictions"


@dataclass(frozen=True)
class About:
    """What is known of predictions beside the rows.

    Attributes:
      task: binary, multiclass or regression.
      rows: Of the eval split, labelled or not.
      unlabelled: Rows without a label.
      unknown_labels: Class that the candidate does not know -> eval rows that have it, the most frequent first.
      classes: Names of the candidate's K classes by code; empty for other tasks.
      thresholds: Model -> its decision threshold; empty unless binary.
      incomparable: Why the champion was not asked; "" if it was, or there is none.
      lacking: Inputs of the champion that the rows have no column for: it answers as if they were missing.
      converted: Columns that are a number of another type now than the champion learned, and were brought to its type.
      digest: SHA-256 of the eval split's serialized examples: two runs with the same one have the same rows.
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
class Predictions:
    """Labels and answers of N labelled eval rows.

    Attributes:
      about: See About.
      places: Where each row stands in the split, rising, int64 [N].
      labels: float64 [N], none missing.
      answers: Model -> its answers to these rows.
    """

    about: About
    places: np.ndarray
    labels: np.ndarray
    answers: Mapping[str, Answers]


def table_of(places: np.ndarray, labels: np.ndarray, answers: Mapping[str, Answers]) -> pa.Table:
    """Rows of eval.parquet."""
    columns = {"row": pa.array(places, pa.int64()), "label": pa.array(labels, pa.float64())}
    for name, answer in answers.items():
        output = np.asarray(answer.output, np.float32)
        flat = pa.array(output.reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, output.shape[1]) if output.ndim == 2 else flat
        if answer.decided is not None:
            columns[f"{name}_class"] = pa.array(answer.decided, pa.int64())
    return pa.table(columns)


def write_predictions(folder: Path, tables: Iterable[pa.Table], about: About) -> None:
    """Writes eval.parquet whole or not at all; `tables` are of `table_of`, those of several batches in a row."""
    table = pa.concat_tables([*tables])
    metadata = {_KEY: json.dumps(asdict(about), ensure_ascii=False).encode()}
    _write(folder / EVAL, table.replace_schema_metadata(metadata))


def write_train_labels(folder: Path, labels: np.ndarray) -> None:
    """Writes train_labels.parquet; `labels` float64 [M], NaN where there is none."""
    _write(folder / TRAIN, pa.table({"label": pa.array(labels, pa.float64())}))


def read_predictions(folder: Path) -> Predictions:
    """Reads eval.parquet; FileNotFoundError if it is gone."""
    table = pq.read_table(folder / EVAL)
    fields: dict[str, Any] = json.loads(table.schema.metadata[_KEY])
    arrays = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    about = About(**(fields | arrays))
    names = [name for name in (CANDIDATE, CHAMPION) if name in table.column_names]
    return Predictions(
        about,
        table.column("row").to_numpy(),
        table.column("label").to_numpy(),
        {name: Answers(_output(table.column(name)), _decided(table, name)) for name in names},
    )


def read_train_labels(folder: Path) -> np.ndarray:
    """Reads train_labels.parquet: float64 [M]."""
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
    # Dictionaries do not pay for probabilities, of which hardly two are equal.
    pq.write_table(table, partial, compression="zstd", use_dictionary=False)
    partial.replace(path)
