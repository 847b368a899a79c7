"""A synthetic dataset of a few hundred rows, transformed and trained on in process; conftest.py shares it."""

import types
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.tfxio import tf_example_record

from components.shared.examples.example_reading import example_batches
from components.trainer.training import run_fn
from components.transform.analysis import analyse_batches
from components.transform.freezing import write_transform_graph
from components.transform.matrices import write_matrices
from components.transform.preprocessing import SKETCH_ERROR
from components.transform.scaling import QUANTILES

Rows = list[dict[str, Any]]

SCHEMA = """
feature { name: "id" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "color" type: BYTES value_count { min: 0 max: 1 } }
feature { name: "grade" type: INT value_count { min: 0 max: 1 } }
feature { name: "height" type: FLOAT value_count { min: 0 max: 1 } }
feature { name: "count" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "absent" type: FLOAT value_count { min: 0 max: 1 } }
feature { name: "minute" type: INT value_count { min: 0 max: 1 } }
feature { name: "sold" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "kind" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "price" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""
LABELS = {"binary": "sold", "multiclass": "kind", "regression": "price"}
FEATURES = {
    "categorical": ["color", "grade"],
    "numeric": ["height", "count", "absent"],
    "cyclical": {"minute": 1440.0},
    "min_count": 2,
}
TRAINING = {
    "epochs": 2, "batch_size": 64, "learning_rate": 0.003, "hidden_units": [16], "dropout": 0.1,
    "weight_decay": 1e-4, "patience": 3, "validation_share": 0.2, "time_budget": 60, "seed": 13, "members": 4,
    "model": "blend", "refit": True,
    "trees": {"n_estimators": 50, "num_leaves": 15, "learning_rate": 0.1, "l2": 1.0, "colsample_bytree": 0.5},
}  # fmt: skip


def make_rows(count: int, seed: int = 0) -> Rows:
    """Rows whose labels depend on `height` and `color`, with some missing values."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        color, height = draw.choice(["red", "green", "blue"]), draw.normal()
        price = height + {"red": 1.0, "green": 0.0, "blue": -1.0}[color]
        row = {
            "id": f"row-{number}",
            "color": color,
            "grade": int(draw.integers(1, 4)),
            "height": float(height),
            "count": int(draw.integers(0, 100)),
            "minute": int(draw.integers(0, 1440)),
            "sold": int(price > 0.5),
            "kind": "low" if price < -1 else "middle" if price < 1 else "high",
            "price": float(price * 10 + 200),
        }
        for name in ("color", "grade", "height", "minute"):
            if draw.random() < 0.1:
                row[name] = None
        rows.append(row)
    return rows


def serialize(rows: Rows) -> list[bytes]:
    """Rows as serialized tf.Examples; None or an absent name is a feature without a value."""
    examples = []
    for row in rows:
        example = tf.train.Example()
        for name, value in row.items():
            feature = example.features.feature[name]
            if isinstance(value, str):
                feature.bytes_list.value.append(value.encode())
            elif isinstance(value, int):
                feature.int64_list.value.append(value)
            elif value is not None:
                feature.float_list.value.append(value)
        examples.append(example.SerializeToString())
    return examples


class Project:
    """A folder with `rows` as train split and a transform graph fitted to it; `train` runs the Trainer's function."""

    def __init__(self, folder: Path, rows: Rows, task: str) -> None:
        self.folder, self.rows, self.task = folder, rows, task
        self.schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
        self.tables: dict[str, Any] = {
            "dataset": {"label": LABELS[task], "task": task, "id": ["id"]},
            "features": FEATURES,
            "training": TRAINING,
            "ordered": True,
        }
        (folder / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
            for example in serialize(rows):
                writer.write(example)
        self._analyse()

    def _analyse(self) -> None:
        batches = example_batches(str(self.folder / "data_tfrecord-00000-of-00001.gz"))
        facts = analyse_batches(batches, self.tables, QUANTILES, SKETCH_ERROR)
        target = str(self.folder / "transform")
        write_transform_graph(facts, self.schema, self.tables, target)
        specs = schema_utils.schema_as_feature_spec(self.schema).feature_spec
        write_matrices(facts, specs[LABELS[self.task]].dtype, self.tables, target)

    @staticmethod
    def record_batches(files: list[str], options: Any, schema: schema_pb2.Schema) -> Any:
        """The argument that TFX passes as data_accessor.record_batch_factory."""
        return tf_example_record.TFExampleRecord(files, schema=schema).RecordBatches(options)

    def train(self, name: str = "model", **settings: Any) -> Path:
        """Trains with `settings` over the defaults; returns the SavedModel's folder; writes NAME-run/training.json."""
        run_fn(
            types.SimpleNamespace(
                train_files=[str(self.folder / "data*")],
                transform_graph_path=str(self.folder / "transform"),
                schema_path=str(self.folder / "schema.pbtxt"),
                serving_model_dir=str(self.folder / name),
                model_run_dir=str(self.folder / f"{name}-run"),
                custom_config=self.tables | {"training": TRAINING | settings},
                data_accessor=types.SimpleNamespace(record_batch_factory=self.record_batches),
            )
        )
        return self.folder / name
