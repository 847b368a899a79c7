"""Trains the network on the train split and exports it; TFX's Trainer calls `run_fn`."""

import json
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.errors import InputError, PlumblineError
from components.trainer.examples import Columns, read_columns
from components.trainer.model import Shape, build_model
from components.trainer.objective import best_threshold, ensemble_loss, member_loss, validation_metrics
from components.trainer.signatures import ServedModel, predictor

REPORT = "training.json"
DECISION_THRESHOLD = "assets.extra/decision_threshold.json"
"""In the SavedModel: {"threshold": t}; a probability of at least t is class 1. Chosen for F1 on the validation rows."""
STEPS_PER_EXECUTION = 20
"""Steps in one call of the compiled loop: Keras' Python between steps would cost more than they do."""


def run_fn(fn_args: Any) -> None:
    """Reads `train_files`, trains, writes the SavedModel to `serving_model_dir` and training.json to `model_run_dir`.

    `fn_args` is TFX's FnArgs; its `custom_config` holds pipeline.toml's tables `dataset`, `features` and `training`,
    and `ordered`: whether the rows come in the order of time.
    The same rows, settings and seed give the same model. Raises InputError when the labels cannot be learned from.
    """
    started = time.monotonic()
    tables = fn_args.custom_config
    dataset, features, settings = tables["dataset"], tables["features"], tables["training"]
    task = dataset["task"]
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    with tf.io.gfile.GFile(fn_args.schema_path) as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    rows = read_columns(fn_args.train_files, fn_args.data_accessor.record_batch_factory, schema, transform)
    read = time.monotonic()

    classes = _classes(transform, task)
    _check_labels(rows.labels, task, dataset["label"])
    if not tables["ordered"]:
        rows = shuffled(rows, settings["seed"])
    training, validation = split_off(rows, settings["validation_share"])
    center, spread = _scale(training.labels, task)
    ids = _vocabulary_size(transform, features)
    model, report = train(training, validation, ids, len(classes), tables, center, spread)
    trained = time.monotonic()

    outputs = tf.constant(model.predict(validation.features, batch_size=8192, verbose=0))
    answer = predictor(task, classes, center, spread)(outputs)
    threshold = best_threshold(validation.labels, answer["probability"].numpy()) if task == "binary" else None
    report |= {
        "decision_threshold": threshold,
        "rows": {"train": len(training), "validation": len(validation)},
        "validation": validation_metrics(task, validation.labels, answer),
        "seconds": {"read": read - started, "train": trained - read},
        "examples_per_second": len(training) * report["epochs"] / (trained - read),
    }
    names = [name for kind in ("categorical", "numeric", "cyclical") for name in features.get(kind, ())]
    categorical = features.get("categorical", ())
    predict = predictor(task, classes, center, spread, threshold or 0.5)
    served = ServedModel(model, transform, schema, names, categorical, dataset["label"], predict)
    served.save(fn_args.serving_model_dir)
    if threshold is not None:
        _write_json(f"{fn_args.serving_model_dir}/{DECISION_THRESHOLD}", {"threshold": threshold})
    report["seconds"]["export"] = time.monotonic() - trained
    _write_json(f"{fn_args.model_run_dir}/{REPORT}", report)


def _write_json(path: str, value: Mapping[str, Any]) -> None:
    tf.io.gfile.makedirs(str(PurePosixPath(path).parent))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(value, indent=2) + "\n")


def shuffled(rows: Columns, seed: int) -> Columns:
    """The rows in an order drawn by `seed`: where they have no order of time, they may be sorted by their label."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return Columns({name: matrix[order] for name, matrix in rows.features.items()}, rows.labels[order])


def split_off(rows: Columns, validation_share: float) -> tuple[Columns, Columns]:
    """The first rows to learn from and the last `validation_share`, the newest, to stop by; at least one row each."""
    if len(rows) < 2:
        raise InputError("the train split has only one labelled row; add rows or widen [data] window")
    held_out = min(max(round(len(rows) * validation_share), 1), len(rows) - 1)
    return rows.rows(slice(None, -held_out)), rows.rows(slice(-held_out, None))


def train(
    training: Columns,
    validation: Columns,
    ids: int,
    classes: int,
    tables: Mapping[str, Any],
    center: float = 0.0,
    spread: float = 1.0,
) -> tuple[keras.Model, dict[str, Any]]:
    """The model with the weights of its best epoch on `validation`, and {epochs, best_epoch} (from 1).

    `ids` is the size of the vocabulary, `classes` the number of a multiclass label's. A regression learns
    (label - center) / spread. Raises PlumblineError when the loss is no longer a number.
    """
    task, settings = tables["dataset"]["task"], tables["training"]
    keras.utils.set_random_seed(settings["seed"])
    shape = Shape({name: matrix.shape[1] for name, matrix in training.features.items()}, ids, max(classes, 1))
    model = build_model(shape, settings)
    batch = min(settings["batch_size"], len(training))
    steps = -(-len(training) // batch)
    # Half an epoch up, then down to 0 along a cosine: with the rate held, the last steps decide by chance.
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * settings["epochs"], warmup_target=settings["learning_rate"], warmup_steps=-(-steps // 2)
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=settings["weight_decay"]),
        loss=member_loss(task),
        metrics=[keras.metrics.MeanMetricWrapper(ensemble_loss(task), name="ensemble")],
        steps_per_execution=min(STEPS_PER_EXECUTION, steps),
        jit_compile=False,  # XLA on the CPU took tens of seconds per epoch where plain TensorFlow takes three
    )
    stop = keras.callbacks.EarlyStopping(
        "val_ensemble", mode="min", patience=settings["patience"], restore_best_weights=True
    )
    history = model.fit(
        _batches(training, batch, center, spread, seed=settings["seed"]),
        validation_data=_batches(validation, 8192, center, spread),
        epochs=settings["epochs"],
        callbacks=[keras.callbacks.TerminateOnNaN(), stop],
        shuffle=False,  # the batches come shuffled
        verbose=0,
    ).history
    losses = history["loss"] + history.get("val_ensemble", [float("nan")])
    if not np.isfinite(losses).all():
        raise PlumblineError(
            f"training stopped in epoch {len(history['loss'])}: the loss is not a number; "
            f"lower [training] learning_rate ({settings['learning_rate']}) in pipeline.toml"
        )
    best = int(np.argmin(history["val_ensemble"]))
    return model, {"epochs": len(history["loss"]), "best_epoch": best + 1}


def _batches(rows: Columns, size: int, center: float, spread: float, seed: int | None = None) -> tf.data.Dataset:
    """(features, labels) in batches, shuffled anew every epoch if there is a seed; gathered, not parsed row by row."""
    labels = rows.labels if rows.labels.dtype.kind == "i" else (rows.labels - center) / spread
    features = {name: tf.constant(matrix) for name, matrix in rows.features.items()}
    targets = tf.constant(labels)
    index = tf.data.Dataset.range(len(rows))
    if seed is not None:
        index = index.shuffle(len(rows), seed=seed)
    pick = lambda i: ({name: tf.gather(matrix, i) for name, matrix in features.items()}, tf.gather(targets, i))  # noqa: E731
    return index.batch(size).map(pick, num_parallel_calls=1).prefetch(4)


def _classes(transform: tft.TFTransformOutput, task: str) -> list[str]:
    """Names of a multiclass label by index; empty for other tasks."""
    if task != "multiclass":
        return []
    return [name.decode() for name in transform.vocabulary_by_name("label")]


def _vocabulary_size(transform: tft.TFTransformOutput, features: Mapping[str, Any]) -> int:
    """Ids that the matrix `categorical` may hold: the vocabulary, and missing and unknown of each column."""
    columns = len(features.get("categorical", ()))
    return transform.vocabulary_size_by_name("categorical") + 2 * columns if columns else 0


def _check_labels(labels: np.ndarray, task: str, name: str) -> None:
    """Raises InputError when there is nothing to tell apart, or a binary label is not 0 and 1."""
    if task == "regression":
        return
    values = np.unique(labels)
    if task == "binary" and not np.isin(values, (0, 1)).all():
        other = values[~np.isin(values, (0, 1))][0]
        raise InputError(
            f"label {name} has the value {other:g}, but the task is binary: give 0 and 1, "
            "or name the positive value as [dataset] positive"
        )
    if len(values) < 2:
        raise InputError(
            f"label {name} has a single class in all {len(labels)} rows of the train split; "
            "widen [data] window or check the label column"
        )


def _scale(labels: np.ndarray, task: str) -> tuple[float, float]:
    """Mean and standard deviation of a regression label; 0 and 1 for other tasks."""
    if task != "regression":
        return 0.0, 1.0
    return float(labels.mean(dtype=np.float64)), float(labels.std(dtype=np.float64)) or 1.0
