"""Writes metrics in the format of TFMA's result, for `tfma.load_eval_result` and its notebook views.

    eval_config.json                      EvalRun: the config, TFMA's version, the locations of data and models
    metrics-00000-of-00001.tfrecord       a MetricsForSlice for each slice
    plots-00000-of-00001.tfrecord         a PlotsForSlice for each: confusion matrices by threshold; binary tasks only

TFMA itself would run a Beam pipeline over the rows, and importing it takes 9 s. Its generated protobuf modules depend
on protobuf only, so they are loaded from their files, without the package.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluator.eval_config import COUNTS, CURVE_STEPS, METRIC_SPECS, eval_config
from components.evaluator.slicing import Slice, Value
from components.shared.files import write_text
from components.shared.serving.predictions import CANDIDATE, CHAMPION

METRICS_FILE, PLOTS_FILE = "metrics-00000-of-00001.tfrecord", "plots-00000-of-00001.tfrecord"
Metrics = Mapping[str, float]


def write_result(
    folder: Path,
    task: str,
    keys: Sequence[Sequence[str]],
    slices: Sequence[Slice],
    measured: Mapping[str, Mapping[str, Metrics]],
    labels: np.ndarray,
    outputs: Mapping[str, np.ndarray],
    locations: Mapping[str, str],
    data: str,
) -> None:
    """Writes the files.

    Args:
      folder: Folder of the evaluation.
      task: binary, multiclass or regression.
      keys: Columns of each slicing spec.
      slices: Slices without the overall one, which is written first.
      measured: Model -> slice name -> metric -> value, with `rows`.
      labels: Labels, [N].
      outputs: Model -> probability of 1 [N]; not used for other tasks.
      locations: Model -> folder of its SavedModel.
      data: Folder of the eval split.
    """
    import tensorflow as tf

    names = _names(locations)
    folder.mkdir(parents=True, exist_ok=True)
    run = {
        "evalConfig": json.loads(eval_config(task, keys, [*locations])),
        "version": version("tensorflow_model_analysis"),
        "dataLocation": data,
        "fileFormat": "tfrecords",
        "modelLocations": {names[model]: location for model, location in locations.items()},
    }
    write_text(folder / "eval_config.json", json.dumps(run, indent=2))
    parts = [Slice((), np.arange(len(labels))), *slices]
    with tf.io.TFRecordWriter(str(folder / METRICS_FILE)) as file:
        for part in parts:
            figures = {model: measured[model][part.name] for model in locations}
            file.write(_metrics_proto(task, part, figures, names).SerializeToString())
    with tf.io.TFRecordWriter(str(folder / PLOTS_FILE)) as file:
        for part in parts if task == "binary" else ():
            file.write(_plots_proto(part, labels, {model: outputs[model] for model in locations}, names))


def _names(models: Mapping[str, Any]) -> dict[str, str]:
    """Model names in TFMA's result; "" for a single model."""
    return {model: model if len(models) > 1 else "" for model in models}


def _metrics_proto(task: str, part: Slice, figures: Mapping[str, Metrics], names: Mapping[str, str]) -> Any:
    found = _protos().MetricsForSlice()
    _set_key(found.slice_key, part)
    counts = [one["config"]["name"] for one in COUNTS]
    wanted = [name for one in METRIC_SPECS[task] if (name := one["config"]["name"]) not in (*counts, "confusion")]
    for model, metrics in figures.items():
        values = {**dict.fromkeys(counts, metrics["rows"]), **{name: _value(metrics, name) for name in wanted}}
        for name, value in values.items():
            _add(found, name, names[model], value)
    if CHAMPION in figures:
        before, after = figures[CHAMPION], figures[CANDIDATE]
        for name in wanted:
            _add(found, name, names[CANDIDATE], _value(after, name) - _value(before, name), is_diff=True)
    return found


def _value(metrics: Metrics, name: str) -> float:
    return metrics["rmse"] ** 2 if name == "mse" else metrics[name]


def _add(found: Any, name: str, model: str, value: float, is_diff: bool = False) -> None:
    added = found.metric_keys_and_values.add()
    added.key.name, added.key.model_name, added.key.is_diff = name, model, is_diff
    added.key.example_weighted.SetInParent()
    added.value.double_value.value = value


def _plots_proto(part: Slice, labels: np.ndarray, outputs: Mapping[str, np.ndarray], names: Mapping[str, str]) -> bytes:
    found = _protos().PlotsForSlice()
    _set_key(found.slice_key, part)
    for model, output in outputs.items():
        added = found.plot_keys_and_values.add()
        added.key.name, added.key.model_name = "confusion", names[model]
        added.key.example_weighted.SetInParent()
        matrices = added.value.confusion_matrix_at_thresholds.matrices
        for row in confusion_matrices(labels[part.rows], output[part.rows]):
            matrices.add(**row)
    serialized: bytes = found.SerializeToString()
    return serialized


def confusion_matrices(labels: np.ndarray, probability: np.ndarray) -> list[dict[str, float]]:
    """Returns the fields of TFMA's ConfusionMatrixAtThresholds at -1e-6, 0, 0.01 .. 1, by ascending threshold.

    A row is predicted as 1 if probability >= threshold, as in the served model; TFMA compares with >, which differs
    only for probabilities equal to a threshold. Undefined values are those of TFMA: precision 1 if no row is predicted
    as 1, false omission rate NaN if all are, other rates 0.

    Args:
      labels: 0 or 1, [N].
      probability: Probability of 1, [N].
    """
    thresholds = np.append(-1e-6, np.arange(CURVE_STEPS + 1) / CURVE_STEPS)
    place = np.searchsorted(thresholds.astype(np.float32), probability.astype(np.float32), side="right")
    positive = labels > 0.5
    tp, fp = (
        np.bincount(place[rows], minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:].astype(np.float64)
        for rows in (positive, ~positive)
    )
    fn, tn = positive.sum() - tp, (~positive).sum() - fp
    precision, recall = _ratio(tp, tp + fp, 1.0), _ratio(tp, tp + fn, 0.0)
    columns = {
        "threshold": thresholds.round(6),
        "true_positives": tp,
        "false_positives": fp,
        "true_negatives": tn,
        "false_negatives": fn,
        "precision": precision,
        "recall": recall,
        "false_positive_rate": _ratio(fp, fp + tn, 0.0),
        "f1": _ratio(2 * precision * recall, precision + recall, 0.0),
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn, 0.0),
        "false_omission_rate": _ratio(fn, fn + tn, np.nan),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _ratio(part: np.ndarray, whole: np.ndarray, otherwise: float) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), otherwise), where=whole > 0)


def _set_key(message: Any, part: Slice) -> None:
    message.SetInParent()
    for column, value in part.key:
        single = message.single_slice_keys.add()
        single.column = column
        _set_value(single, value)


def _set_value(single: Any, value: Value) -> None:
    if isinstance(value, bytes | str):
        single.bytes_value = value.encode() if isinstance(value, str) else value
    elif isinstance(value, int):
        single.int64_value = value
    else:
        single.float_value = value


@cache
def _protos() -> Any:
    """TFMA's metrics_for_slice_pb2."""
    from google.protobuf import wrappers_pb2  # noqa: F401  (a dependency that has to be imported first)

    package = importlib.util.find_spec("tensorflow_model_analysis")
    assert package is not None and package.submodule_search_locations
    file = Path(package.submodule_search_locations[0]) / "proto" / "metrics_for_slice_pb2.py"
    spec = importlib.util.spec_from_file_location("plumbline_metrics_for_slice_pb2", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
