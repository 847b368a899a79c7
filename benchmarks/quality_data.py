"""The flights in three splits, as inputs of the trainer: TFRecords and a transform graph analysed on train.

`random` holds a random third of the year out; `december` and `october` hold out a month and learn from all before it.
"""

import functools
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SPLITS = ("random", "december", "october")
FLIGHTS = Path("data/flights")
SETTINGS = Path("schemas/flights/pipeline.toml")


@dataclass(frozen=True)
class Split:
    """Rows to learn from, rows to be judged by, in the order of time; `ordered` if the second come after the first."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    ordered: bool


def flights() -> pd.DataFrame:
    """All labelled flights of the year, with the column `month`."""
    spans = [pd.read_csv(FLIGHTS / f"span-{month:02d}.csv").assign(month=month) for month in range(1, 13)]
    return pd.concat(spans, ignore_index=True)


def split(name: str, rows: pd.DataFrame, seed: int = 0) -> Split:
    """One of SPLITS; `seed` draws the random third."""
    if name == "random":
        held_out = np.random.default_rng(seed).random(len(rows)) < 1 / 3
        return Split(name, rows[~held_out], rows[held_out], ordered=False)
    month = {"december": 12, "october": 10}[name]
    return Split(name, rows[rows.month < month], rows[rows.month == month], ordered=True)


class Prepared:
    """A split on disk, as Trainer finds it; `train` runs the pipeline's own training on it."""

    def __init__(self, one: Split, folder: Path) -> None:
        """Writes TFRecords and analyses the transform graph; existing ones are taken as they are."""
        from google.protobuf import text_format
        from tensorflow_metadata.proto.v0 import schema_pb2

        from pipeline.settings.config import load_config

        self.split, self.folder = one, folder
        self.config = load_config(SETTINGS)
        self.schema = text_format.Parse(self.config.schema_path.read_text(), schema_pb2.Schema())
        tables = self.config.model_dump(mode="json")
        self.tables: dict[str, Any] = {key: tables[key] for key in ("dataset", "features", "training")}
        self.tables["ordered"] = one.ordered
        if not (folder / "transform").is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            for part, rows in {"train": one.train, "test": one.test}.items():
                self._write(rows, folder / f"{part}.gz")
            self._analyse()

    def _write(self, rows: pd.DataFrame, path: Path) -> None:
        import pyarrow as pa

        from components.arrow_example_gen.example_encoding import example_batch, write_examples

        kinds = {1: pa.string(), 2: pa.int64(), 3: pa.float32()}
        types_ = [pa.field(feature.name, kinds[feature.type]) for feature in self.schema.feature]
        columns = []
        for field in types_:
            values = rows[field.name]
            if pa.types.is_integer(field.type):
                values = values.astype("Int64")
            columns.append(pa.array(values, type=field.type, from_pandas=True))
        table = pa.table(columns, schema=pa.schema(types_))
        write_examples((example_batch(batch) for batch in table.to_batches(max_chunksize=8192)), str(path))

    def _analyse(self) -> None:
        import apache_beam as beam
        import tensorflow_transform.beam as tft_beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from tfx_bsl.tfxio import tf_example_record

        from components.transform.preprocessing import preprocessing_fn

        function = functools.partial(preprocessing_fn, custom_config=self.tables)
        source = tf_example_record.TFExampleRecord([str(self.folder / "train.gz")], schema=self.schema)
        options = PipelineOptions(["--runner=FnApiRunner"])
        with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(self.folder / "tmp")):
            data = pipeline | source.BeamSource()
            fitted = (data, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(function)
            _ = fitted | tft_beam.WriteTransformFn(str(self.folder / "transform"))

    def columns(self, part: str) -> Any:
        """`train` or `test`, transformed, as the trainer reads it."""
        import tensorflow_transform as tft

        from components.trainer.training_columns import read_columns

        transform = tft.TFTransformOutput(str(self.folder / "transform"))
        return read_columns([str(self.folder / f"{part}.gz")], _record_batches, self.schema, transform)

    def train(self, name: str, **training: Any) -> Path:
        """The folder of a SavedModel trained with `training` over the flights' settings."""
        (self.folder / "schema.pbtxt").write_text(self.config.schema_path.read_text())
        from components.trainer.training import run_fn

        run_fn(
            types.SimpleNamespace(
                train_files=[str(self.folder / "train.gz")],
                transform_graph_path=str(self.folder / "transform"),
                schema_path=str(self.folder / "schema.pbtxt"),
                serving_model_dir=str(self.folder / name),
                model_run_dir=str(self.folder / f"{name}-run"),
                custom_config=self.tables | {"training": self.tables["training"] | training},
                data_accessor=types.SimpleNamespace(record_batch_factory=_record_batches),
            )
        )
        return self.folder / name

    def probabilities(self, model: Path) -> np.ndarray:
        """What the SavedModel's `serve_examples` says of the test rows, [N]."""
        import tensorflow as tf

        serve = tf.saved_model.load(str(model)).signatures["serve_examples"]
        records = tf.data.TFRecordDataset(str(self.folder / "test.gz"), compression_type="GZIP").batch(4096)
        return np.concatenate([serve(examples=batch)["probability"].numpy() for batch in records])


def _record_batches(files: list[str], options: Any, schema: Any) -> Any:
    """What TFX hands over as data_accessor.record_batch_factory."""
    from tfx_bsl.tfxio import tf_example_record

    return tf_example_record.TFExampleRecord(files, schema=schema).RecordBatches(options)
