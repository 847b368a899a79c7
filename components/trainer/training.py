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
from components.shared.features.vocabulary_escaping import unescape_entry
from components.shared.serving.serving_contract import DECISION_THRESHOLD, MEMBERS
from components.shared.statistics.threshold_criteria import Criterion
from components.shared.statistics.threshold_selection import choose_threshold
from components.trainer.candidates import TaskSpec
from components.trainer.class_balancing import DataSteps
from components.trainer.custom_run_fn import run_own
from components.trainer.fitting import Fitted, fit
from components.trainer.network_losses import validation_metrics
from components.trainer.raw_inputs import SentAsText
from components.trainer.serving_inputs import write_serving_inputs
from components.trainer.signatures import ServedModel, predictor
from components.trainer.small_data import fitted_to
from components.trainer.training_columns import RecordBatchFactory, TrainingColumns, read_columns
from components.trainer.warmup_requests import write_warmup_requests

REPORT = "training.json"
LOGS = "tensorboard"


def run_fn(fn_args: Any) -> None:
    """Trains the model: the `run_fn` of TFX's Trainer.

    Writes the SavedModel to `serving_model_dir` and training.json to `model_run_dir`. The same rows, settings and seed
    give the same model. If `custom_config` names a user's module, its run_fn is called instead, see custom_run_fn.py.

    Args:
      fn_args: TFX's FnArgs. Its `custom_config` holds the sections `dataset`, `features`, `training`, `balance` and
        `augmentation` of pipeline.toml (without the last two, rows are neither balanced nor jittered), and `ordered`:
        whether the rows are ordered in time. After a Tuner, `hyperparameters` is the content of best_settings.json,
        whose `settings` replace those of `training`.

    Raises:
      InputError: The labels cannot be trained on.
    """
    if OWN in fn_args.custom_config:
        run_own(fn_args)
        _write_for_servers(fn_args, _read_schema(fn_args))
        return
    started = time.monotonic()
    tables = fn_args.custom_config
    dataset, features, settings = tables["dataset"], tables["features"], tables["training"]
    task = dataset["task"]
    found = (getattr(fn_args, "hyperparameters", None) or {}).get("settings", {})
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    schema = _read_schema(fn_args)
    rows = labelled_rows(fn_args.train_files, fn_args.data_accessor.record_batch_factory, schema, transform, tables)
    read = time.monotonic()

    classes = class_names(transform, task)
    settings, small = fitted_to(with_hyperparameters(settings, found), len(rows))
    settings = {**settings, "augmentation": tables.get("augmentation", {})}
    center, spread = label_scale(rows.labels, task)
    what = TaskSpec(task, len(classes), vocabulary_size(transform, features), tables["ordered"])
    logs = f"{fn_args.model_run_dir}/{LOGS}"
    steps = DataSteps(tables.get("balance", {}), tables.get("augmentation", {}), task, classes, settings["seed"])
    fitted = fit(scaled(rows, center, spread), what, settings, steps, logs=logs)
    trained = time.monotonic()

    answer = predictor(task, classes, center, spread)(tf.constant(fitted.answer, tf.float32))
    threshold = None
    if task == "binary":
        threshold = validated_threshold(fitted, answer["probability"].numpy(), tables.get("threshold_metric", "f1"))
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
    _write_for_servers(fn_args, schema)
    report["seconds"]["export"] = time.monotonic() - trained
    _write_json(f"{fn_args.model_run_dir}/{REPORT}", report)


def validated_threshold(fitted: Fitted, probability: np.ndarray, by: Criterion) -> float:
    """Returns the decision threshold: the median over the validation folds of each fold's best threshold.

    Each fold of a rolling origin has the base rate of its own period, and so will the next month. Over the months of
    2013 the median loses less F1 than the best threshold of all folds pooled, and less than one adjusted to a class
    prior that is estimated from unlabelled rows (docs/model.md).

    Args:
      fitted: Labels and folds of the validation rows.
      probability: Out-of-sample probabilities of the positive class, [V].
      by: Criterion of the threshold.

    Returns:
      A probability; 0.5 if no fold has a positive row.
    """
    each = [
        choose_threshold(fitted.labels[rows], probability[rows], by)
        for rows in (fitted.folds == fold for fold in np.unique(fitted.folds))
        if (fitted.labels[rows] > 0.5).any()
    ]
    return float(np.median(each)) if each else 0.5


def _read_schema(fn_args: Any) -> schema_pb2.Schema:
    with tf.io.gfile.GFile(fn_args.schema_path) as file:
        return text_format.Parse(file.read(), schema_pb2.Schema())


def _write_for_servers(fn_args: Any, schema: schema_pb2.Schema) -> None:
    """Writes what servers read beside the graph: the columns behind the inputs, and requests to warm up with."""
    folder, tables = fn_args.serving_model_dir, fn_args.custom_config
    write_serving_inputs(folder, schema, tables)
    factory = fn_args.data_accessor.record_batch_factory
    write_warmup_requests(folder, fn_args.train_files, factory, schema, tables)


def _write_json(path: str, value: Mapping[str, Any]) -> None:
    tf.io.gfile.makedirs(str(PurePosixPath(path).parent))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(value, indent=2) + "\n")


def with_hyperparameters(settings: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns section `training` with the Tuner's `found` settings, a part of such a section, in place."""
    return {**settings, **found, "trees": {**settings["trees"], **found.get("trees", {})}}


def labelled_rows(
    files: Iterable[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    transform: tft.TFTransformOutput,
    tables: Mapping[str, Any],
) -> TrainingColumns:
    """Reads the labelled training rows, ordered in time, or shuffled by the seed if they have no order.

    Args:
      files: Patterns of the example files.
      record_batches: Opens them as record batches.
      schema: Schema of the examples.
      transform: Output of the Transform component.
      tables: Sections of pipeline.toml, as in `run_fn`.

    Raises:
      InputError: The labels cannot be trained on, or fewer than two rows have one.
    """
    dataset = tables["dataset"]
    rows = read_columns(files, record_batches, schema, transform, time=dataset.get("time", ""))
    check_labels(rows.labels, dataset["task"], dataset["label"])
    if len(rows) < 2:
        raise InputError("the train split has only one labelled row; add rows or widen [data] window")
    return rows if tables["ordered"] else shuffled(rows, tables["training"]["seed"])


def shuffled(rows: TrainingColumns, seed: int) -> TrainingColumns:
    """Shuffles the rows; without an order in time they may be sorted by their label."""
    return rows.taken(np.random.default_rng(seed).permutation(len(rows)))


def class_names(transform: tft.TFTransformOutput, task: str) -> list[str]:
    """Returns the names of a multiclass label by index; [] for other tasks."""
    if task != "multiclass":
        return []
    return [unescape_entry(entry).decode("utf-8", "replace") for entry in transform.vocabulary_by_name("label")]


def vocabulary_size(transform: tft.TFTransformOutput, features: Mapping[str, Any]) -> int:
    """Returns the number of ids in the matrix `categorical`: the vocabulary, and missing and unknown per column."""
    columns = len(features.get("categorical", ()))
    return transform.vocabulary_size_by_name("categorical") + 2 * columns if columns else 0


def check_labels(labels: np.ndarray, task: str, name: str) -> None:
    """Checks that the labels can be trained on.

    Args:
      labels: Labels of the train split, [N].
      task: binary, multiclass or regression.
      name: Name of the label column, for the message.

    Raises:
      InputError: All labels are equal, or a binary label has a value other than 0 and 1.
    """
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
    """Returns mean and standard deviation of a regression label; 0 and 1 for other tasks."""
    if task != "regression":
        return 0.0, 1.0
    return float(labels.mean(dtype=np.float64)), float(labels.std(dtype=np.float64)) or 1.0


def scaled(rows: TrainingColumns, center: float, spread: float) -> TrainingColumns:
    """Standardises the labels of a regression; class indices are unchanged."""
    if rows.labels.dtype.kind == "i":
        return rows
    return TrainingColumns(rows.features, ((rows.labels - center) / spread).astype(np.float32))
