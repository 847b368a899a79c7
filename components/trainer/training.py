"""Trains a model on the train split and exports it; TFX's Trainer calls `run_fn`."""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.custom_module import KEY as OWN
from components.shared.errors import InputError
from components.shared.features.derived_features import sent
from components.shared.features.vocabulary_escaping import unescaped
from components.shared.serving.serving_contract import DECISION_THRESHOLD, MEMBERS
from components.shared.statistics.threshold_criteria import Criterion
from components.shared.statistics.threshold_selection import choose_threshold
from components.trainer.candidates import Task
from components.trainer.class_balancing import DataSteps
from components.trainer.custom_run_fn import run_own
from components.trainer.fitting import Fitted, fit
from components.trainer.network_losses import validation_metrics
from components.trainer.raw_inputs import SentAsText
from components.trainer.signatures import ServedModel, predictor
from components.trainer.small_data import fitted_to
from components.trainer.training_columns import Columns, RecordBatchFactory, read_columns

REPORT = "training.json"
LOGS = "tensorboard"


def run_fn(fn_args: Any) -> None:
    """Reads `train_files`, trains, writes the SavedModel to `serving_model_dir` and training.json to `model_run_dir`.

    `fn_args` is TFX's FnArgs; its `custom_config` holds pipeline.toml's tables `dataset`, `features`, `training`,
    `balance` and `augmentation` (without the last two nothing is done), and `ordered`: whether the rows come in the
    order of time. Where a Tuner ran, its `hyperparameters` are best_settings.json: what is found in `settings` there
    stands instead of what `training` says.
    The same rows, settings and seed give the same model. Raises InputError when the labels cannot be learned from.
    Where `custom_config` holds a module of the user's, all is left to its run_fn, see own.py.
    """
    if OWN in fn_args.custom_config:
        run_own(fn_args)
        return
    started = time.monotonic()
    tables = fn_args.custom_config
    dataset, features, settings = tables["dataset"], tables["features"], tables["training"]
    task = dataset["task"]
    found = (getattr(fn_args, "hyperparameters", None) or {}).get("settings", {})
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    with tf.io.gfile.GFile(fn_args.schema_path) as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    rows = labelled_rows(fn_args.train_files, fn_args.data_accessor.record_batch_factory, schema, transform, tables)
    read = time.monotonic()

    classes = class_names(transform, task)
    settings, small = fitted_to(with_found(settings, found), len(rows))
    center, spread = label_scale(rows.labels, task)
    what = Task(task, len(classes), vocabulary_size(transform, features), tables["ordered"])
    logs = f"{fn_args.model_run_dir}/{LOGS}"
    steps = DataSteps(tables.get("balance", {}), tables.get("augmentation", {}), task, classes, settings["seed"])
    fitted = fit(scaled(rows, center, spread), what, settings, steps, logs=logs)
    trained = time.monotonic()

    answer = predictor(task, classes, center, spread)(tf.constant(fitted.answer, tf.float32))
    threshold = None
    if task == "binary":
        threshold = validated_threshold(fitted, answer["probability"].numpy(), tables.get("decide_by", "f1"))
    labels = fitted.labels * spread + center if task == "regression" else fitted.labels
    report = fitted.report | {
        "decision_threshold": threshold,
        "rows": {"train": len(rows), "validation": len(fitted.labels)},
        "small_data": small,
        "tuned": found,
        "data_steps": steps.done,
        "validation": validation_metrics(task, labels, answer),
        "seconds": {"read": read - started, "train": trained - read},
    }
    names = sent(features)
    categorical = features.get("categorical", ())
    predict = predictor(task, classes, center, spread, threshold or 0.5)
    texts = SentAsText.of(features)
    served = ServedModel(fitted.model, transform, schema, names, categorical, dataset["label"], predict, texts)
    served.save(fn_args.serving_model_dir)
    if threshold is not None:
        _write_json(f"{fn_args.serving_model_dir}/{DECISION_THRESHOLD}", {"threshold": threshold})
    tried = {"members": report["members"], "seconds": round(trained - started, 3)}
    _write_json(f"{fn_args.serving_model_dir}/{MEMBERS}", tried)
    report["seconds"]["export"] = time.monotonic() - trained
    _write_json(f"{fn_args.model_run_dir}/{REPORT}", report)


def validated_threshold(fitted: Fitted, probability: np.ndarray, by: Criterion) -> float:
    """The decision threshold: the median of the best ones of all validation folds.

    Each fold of a rolling origin has the base rate of its own stretch of time, and so has the month that comes. Over
    the months of 2013 the median loses less F1 than the threshold that is best on all folds pooled, and less than one
    moved to a prior that is estimated from unlabelled rows (docs/model.md).
    """
    each = [
        choose_threshold(fitted.labels[rows], probability[rows], by)
        for rows in (fitted.folds == fold for fold in np.unique(fitted.folds))
        if (fitted.labels[rows] > 0.5).any()
    ]
    return float(np.median(each)) if each else 0.5


def _write_json(path: str, value: Mapping[str, Any]) -> None:
    tf.io.gfile.makedirs(str(PurePosixPath(path).parent))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(value, indent=2) + "\n")


def with_found(settings: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The table `training` with what a search has found better; `found` is a part of such a table."""
    return {**settings, **found, "trees": {**settings["trees"], **found.get("trees", {})}}


def labelled_rows(
    files: Iterable[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    transform: tft.TFTransformOutput,
    tables: Mapping[str, Any],
) -> Columns:
    """The rows to learn from, in the order of time, or in one drawn by the seed where they have none.

    Raises InputError when the labels cannot be learned from.
    """
    dataset = tables["dataset"]
    rows = read_columns(files, record_batches, schema, transform, time=dataset.get("time", ""))
    check_labels(rows.labels, dataset["task"], dataset["label"])
    if len(rows) < 2:
        raise InputError("the train split has only one labelled row; add rows or widen [data] window")
    return rows if tables["ordered"] else shuffled(rows, tables["training"]["seed"])


def shuffled(rows: Columns, seed: int) -> Columns:
    """The rows in an order drawn by `seed`: where they have no order of time, they may be sorted by their label."""
    return rows.taken(np.random.default_rng(seed).permutation(len(rows)))


def class_names(transform: tft.TFTransformOutput, task: str) -> list[str]:
    """Names of a multiclass label by index; empty for other tasks."""
    if task != "multiclass":
        return []
    return [unescaped(entry).decode("utf-8", "replace") for entry in transform.vocabulary_by_name("label")]


def vocabulary_size(transform: tft.TFTransformOutput, features: Mapping[str, Any]) -> int:
    """Ids that the matrix `categorical` may hold: the vocabulary, and missing and unknown of each column."""
    columns = len(features.get("categorical", ()))
    return transform.vocabulary_size_by_name("categorical") + 2 * columns if columns else 0


def check_labels(labels: np.ndarray, task: str, name: str) -> None:
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


def label_scale(labels: np.ndarray, task: str) -> tuple[float, float]:
    """Mean and standard deviation of a regression label; 0 and 1 for other tasks."""
    if task != "regression":
        return 0.0, 1.0
    return float(labels.mean(dtype=np.float64)), float(labels.std(dtype=np.float64)) or 1.0


def scaled(rows: Columns, center: float, spread: float) -> Columns:
    """A regression's labels in units of their spread; class indices stay what they are."""
    if rows.labels.dtype.kind == "i":
        return rows
    return Columns(rows.features, ((rows.labels - center) / spread).astype(np.float32))
