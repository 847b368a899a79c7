"""A small trained model with its run's artifacts, traffic to it, and the monitor of both.

The label is drawn by a logistic function of the features; a logistic regression learns it. The SavedModel, examples,
predictions and the error analysis are files as the pipeline writes them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from components.drift_validator.drift_detection import DriftConfig
from components.registry.registry import Registry
from components.shared.files import write_json
from components.shared.serving.predictions import CANDIDATE, About, table_of, write_predictions
from components.shared.serving.serving_contract import DECISION_THRESHOLD, SERVING_INPUTS, ModelOutput
from monitor.alarms.settings import AlarmSettings
from monitor.changes.diagnosis import ChangeSettings
from monitor.inputs.replay import Replayer
from monitor.inputs.settings import InputSettings
from monitor.label_checks import changes_check, performance_check
from monitor.performance.settings import PerformanceSettings
from monitor.store import MonitorStore
from monitor.watch import MonitorSettings, Watch, WatchDependencies
from monitor.windows.baseline_reading import Baselines, RunArtifacts
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.settings import WindowSettings
from serving.models.loaded_model import LoadedModel
from serving.request_log.feedback import Origin, import_labels
from serving.request_log.reading import RequestLog
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter

ORIGINS = np.array(["EWR", "JFK", "LGA"])
FEATURES = {"origin": "string", "distance": "float64", "gusts": "float64", "seats": "int64"}
DATASET = MonitoredDataset(
    "flights", "binary", "late", FEATURES, skew=DriftConfig(slices=[("origin",)]), drift=DriftConfig()
)
START = datetime(2026, 11, 2, tzinfo=timezone.utc)  # a Monday
Columns = Mapping[str, np.ndarray]


def draw(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws rows: features, and the label."""
    columns: dict[str, np.ndarray] = {
        "origin": ORIGINS[rng.choice(3, count, p=[0.5, 0.3, 0.2])],
        "distance": rng.gamma(4.0, 250.0, count).astype(np.float32),
        "gusts": np.where(rng.random(count) < 0.2, np.nan, rng.normal(20, 5, count)).astype(np.float32),
        "seats": rng.integers(50, 300, count),
    }
    return {**columns, "late": (rng.random(count) < probability(columns)).astype(np.int64)}


def probability(columns: Columns) -> np.ndarray:
    """Probability of the label, (N,)."""
    gusts = np.nan_to_num(columns["gusts"], nan=20.0)
    logit = 0.8 * (columns["origin"] == "EWR") + 0.1 * (gusts - 20) + 0.001 * (columns["distance"] - 1000) - 1.2
    found: np.ndarray = 1 / (1 + np.exp(-logit))
    return found


class Logistic(tf.Module):
    """The logistic regression over encoded columns, with the signature of a served model."""

    def __init__(self, weights: np.ndarray, bias: float) -> None:
        super().__init__()
        self.weights, self.bias = tf.Variable(weights.astype(np.float32)), tf.Variable(np.float32(bias))

    def predict(self, origin: tf.Tensor, distance: tf.Tensor, gusts: tf.Tensor, seats: tf.Tensor) -> Any:
        gusts = tf.where(tf.math.is_nan(gusts), 20.0, gusts)
        parts = [tf.cast(origin == name, tf.float32) for name in ORIGINS]
        parts += [distance / 1000.0, gusts / 10.0, tf.cast(seats, tf.float32) / 100.0]
        encoded = tf.stack(parts, axis=1)
        return {"probability": tf.sigmoid(tf.linalg.matvec(encoded, self.weights) + self.bias)}


def encoded(columns: Columns) -> np.ndarray:
    """Columns as `Logistic` encodes them, (N, 6)."""
    gusts = np.nan_to_num(columns["gusts"], nan=20.0)
    parts = [columns["origin"] == name for name in ORIGINS]
    return np.column_stack([*parts, columns["distance"] / 1000, gusts / 10, columns["seats"] / 100]).astype(np.float32)


@dataclass
class World:
    """A project folder with one trained version, whose run left its artifacts."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, seed: int = 1) -> "World":
        """Trains the model and pushes it as version 1."""
        rng = np.random.default_rng(seed)
        train, evaluated = draw(4000, rng), draw(1500, rng)
        fitted = LogisticRegression(C=100.0).fit(encoded(train), train["late"])
        model = folder / "model"
        _save(Logistic(fitted.coef_[0], float(fitted.intercept_[0])), model)
        run = folder / "run"
        for split, columns in (("train", train), ("eval", evaluated)):
            _write_examples(run / "examples" / f"Split-{split}", columns)
        scores = fitted.predict_proba(encoded(evaluated))[:, 1].astype(np.float32)
        output = ModelOutput(scores, (scores >= 0.5).astype(np.int64))
        rows = table_of(np.arange(1500), evaluated["late"].astype(float), {CANDIDATE: output})
        write_predictions(run / "predictions", [rows], About("binary", 1500, thresholds={CANDIDATE: 0.4}))
        drops = {"origin": 0.1, "gusts": 0.08, "distance": 0.06, "seats": 0.0}
        known = {"standard_error": 0.0}
        importance = [{"feature": name, "drop": drop, "loss": drop, **known} for name, drop in drops.items()]
        write_json(run / "errors" / "errors.json", {"importance": importance})
        order = np.argsort(scores)
        ranks = np.empty(1500)
        ranks[order] = np.arange(1, 1501)
        late = evaluated["late"] == 1
        auc = (ranks[late].sum() - late.sum() * (late.sum() + 1) / 2) / (late.sum() * (~late).sum())
        manifest = {"run_id": "run-1", "metrics": {"auc": float(auc)}, "rows": {"train": 4000, "eval": 1500}}
        Registry(folder / "registry").push(model, manifest)
        return cls(folder)

    def serve(
        self,
        columns: Columns,
        start: datetime,
        length: timedelta,
        *,
        name: str = "",
        version: int = 1,
        event_time: bool = True,
        lag: timedelta = timedelta(hours=1),
        rows: int = 1,
    ) -> list[str]:
        """Logs requests of `rows` rows at regular times from `start`, with the model's answers; returns their ids.

        They arrive `lag` after their event time, or have none.
        """
        model = LoadedModel(self.folder / "registry" / "1", "flights", 1)
        inputs = {
            "origin": np.array([text.encode() for text in columns["origin"]], object),
            **{one: columns[one] for one in ("distance", "gusts", "seats")},
        }
        outputs = model.run("serving_default", inputs)
        model.close()
        writer = RequestLogWriter(self.folder / "requests", LogSettings())
        count, ids = len(columns["origin"]), []
        for first in range(0, count, rows):
            here = slice(first, first + rows)
            at = int((start + first * length / count).timestamp() * 1e6)
            ids.append(f"{name or start.isoformat()}-{first}")
            writer.append(
                Records(
                    "flights",
                    version,
                    "live",
                    ids[-1],
                    at + (lag // timedelta(microseconds=1) if event_time else 0),
                    0.003 + 0.001 * (first % 7),
                    features={one: values[here] for one, values in inputs.items()},
                    outputs={one: values[here] for one, values in outputs.items()},
                    event_time=at if event_time else None,
                )
            )
        writer.close()
        return ids

    def label(self, ids: list[str], labels: np.ndarray, known: datetime) -> None:
        """Imports labels that became known at a time."""
        batch = pa.RecordBatch.from_pydict(
            {
                "request_id": ids,
                "row": pa.nulls(len(ids), pa.int32()),
                "target": [str(one) for one in labels],
                "label_time": pa.array([known] * len(ids), pa.timestamp("us", tz="UTC")),
            }
        )
        import_labels(self.folder / "requests", [batch], Origin("labels.csv", "", "test"))

    def parts(self, store: MonitorStore, *, labels: bool = False, **settings: Any) -> WatchDependencies:
        """What a look works with. `settings` replaces `windows`, `inputs` or `alarms`."""
        inputs = InputSettings(min_rows=100, joint_rows=0, replay_rows=50)
        registry = Registry(self.folder / "registry")
        run = self.folder / "run"
        artifacts = RunArtifacts(run / "examples", run / "predictions", run / "errors")
        defaults = MonitorSettings(WindowSettings(), inputs, AlarmSettings())
        return WatchDependencies(
            DATASET,
            replace(defaults, **settings),
            RequestLog(self.folder / "requests"),
            Baselines(registry, self.folder / "monitor" / "baselines", DATASET, lambda _: artifacts),
            store,
            Replayer(registry, "flights"),
            {"performance": performance_check(PerformanceSettings()), "changes": changes_check(ChangeSettings())}
            if labels
            else {},
        )

    def watch(self, store: MonitorStore, **options: Any) -> Watch:
        """The monitor of this world."""
        return Watch(self.parts(store, **options))

    def store(self) -> MonitorStore:
        """The monitor's store."""
        return MonitorStore(self.folder / "monitor")


def _save(module: Logistic, folder: Path) -> None:
    types = {"origin": tf.string, "distance": tf.float32, "gusts": tf.float32, "seats": tf.int64}
    specs = [tf.TensorSpec([None], dtype, name=name) for name, dtype in types.items()]
    signatures = {"serving_default": tf.function(module.predict, input_signature=specs)}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    about = {"inputs": {name: name for name in types}, "task": "binary", "label": "late"}
    (folder / SERVING_INPUTS).parent.mkdir(parents=True, exist_ok=True)
    (folder / SERVING_INPUTS).write_text(json.dumps(about))
    (folder / DECISION_THRESHOLD).write_text(json.dumps({"threshold": 0.4}))


def _write_examples(folder: Path, columns: Columns) -> None:
    folder.mkdir(parents=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for at in range(len(columns["origin"])):
            fields = {
                "origin": tf.train.Feature(bytes_list=tf.train.BytesList(value=[columns["origin"][at].encode()])),
                "distance": tf.train.Feature(float_list=tf.train.FloatList(value=[columns["distance"][at]])),
                "seats": tf.train.Feature(int64_list=tf.train.Int64List(value=[columns["seats"][at]])),
                "late": tf.train.Feature(int64_list=tf.train.Int64List(value=[columns["late"][at]])),
            }
            if not np.isnan(columns["gusts"][at]):
                fields["gusts"] = tf.train.Feature(float_list=tf.train.FloatList(value=[columns["gusts"][at]]))
            writer.write(tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString())
