"""Confidence intervals of the metric differences between two runs' models on the same eval rows.

If both runs kept predictions of these rows, they are compared. Otherwise both SavedModels are loaded and score the
rows; importing TensorFlow takes some seconds, so this runs only on request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.evaluator.eval_config import slice_keys as slice_keys
from components.evaluator.slicing import slices_of
from components.shared.artifacts.integrity import check_artifact, check_content, load_record
from components.shared.errors import InputError
from components.shared.examples.example_reading import column_batches, joined_columns, record_batches
from components.shared.serving.predictions import CANDIDATE, ModelPredictions, read_predictions
from components.shared.serving.serving_contract import NO_THRESHOLD, OUTPUTS, SavedModel, matched
from components.shared.statistics.bootstrap import LEVEL, RESAMPLES, Interval, paired_intervals
from components.shared.statistics.weighted_metrics import (
    BinaryMetrics,
    WeightedMetrics,
    multiclass_metrics,
    regression_metrics,
)

SERVED = ("Format-Serving", "serving_model_dir")
"""Folder of the SavedModel in a Model artifact, in TFX from 0.27 on and before."""


@dataclass(frozen=True)
class Intervals:
    """Differences between two models on the eval rows of the later run.

    Attributes:
      rows: Number of rows.
      resamples: Number of bootstrap resamples.
      level: Confidence level, in (0, 1).
      metrics: Metric -> interval over all rows.
      slices: Slice -> metric -> interval.
    """

    rows: int
    resamples: int
    level: float
    metrics: dict[str, Interval]
    slices: dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class EvalPredictions:
    """Predictions of a model on N rows.

    Attributes:
      task: binary, multiclass or regression.
      output: Probability of the positive class [N], class probabilities [N, K], or predicted values [N].
      labels: Labels as encoded by the model, [N]; NaN for unknown ones.
      places: Row numbers in the split, ascending, [N].
      classes: Names of the K classes by code.
    """

    task: str
    output: np.ndarray
    labels: np.ndarray
    places: np.ndarray
    classes: tuple[str, ...] = ()


def intervals(
    models: tuple[str, str],
    examples: str,
    keys: Sequence[Sequence[str]],
    thresholds: tuple[float, float] = (NO_THRESHOLD, NO_THRESHOLD),
    resamples: int = RESAMPLES,
    predictions: tuple[str, str] | None = None,
    contents: Mapping[str, str] | None = None,
) -> Intervals:
    """Compares the predictions of two models on the same rows by a paired bootstrap.

    Args:
      models: Folders of the Model artifacts, earlier run first.
      examples: Folder of the later run's eval split.
      keys: Columns of each slice; several columns are crossed.
      thresholds: Decision threshold of each model.
      resamples: Number of bootstrap resamples.
      predictions: Folders of the Predictions artifacts, if both runs have one.
      contents: Folder of an artifact -> its CONTENT, see artifacts/integrity.py.

    Raises:
      InputError: A model, predictions or the examples were deleted or are damaged, or the tasks differ.
    """
    if not any(Path(examples).glob("*")):
        raise InputError(f"{examples}: the eval examples were deleted")
    contents = contents or {}
    _check(str(Path(examples).parent), contents, digests=False)
    for folder in predictions or ():
        _check(folder, contents, digests=False)
    found = predictions and _kept(*predictions)
    if not found:
        saved = [_saved(folder) for folder in models]
        for folder in models:
            _check(folder, contents, digests=True)  # a SavedModel is executable, so its digests are checked first
        found = tuple(_predicted(folder, examples) for folder in saved)
    before, after = found
    if before.task != after.task:
        kinds = OUTPUTS[before.task], OUTPUTS[after.task]
        raise InputError(f"{models[0]} gives a {kinds[0]}, {models[1]} a {kinds[1]}: tasks cannot be compared")
    both = np.isfinite(after.labels) & np.isin(after.places, before.places, assume_unique=True)
    place = np.searchsorted(before.places, after.places[both])
    one, other = metric_calculators(_only(before, place), _only(after, both), thresholds)
    rows = int(both.sum())
    if not rows:
        raise InputError(f"{examples}: no row has a label that both models know")
    slices = slice_rows(examples, keys, after.places[both])
    drawn = paired_intervals(one, other, rows, slices, resamples)
    return Intervals(rows, resamples, LEVEL, drawn.pop(""), dict(sorted(drawn.items())))


def metric_calculators(
    before: EvalPredictions, after: EvalPredictions, thresholds: tuple[float, float] = (NO_THRESHOLD, NO_THRESHOLD)
) -> tuple[WeightedMetrics, WeightedMetrics]:
    """Returns the metric calculators of both models with the later model's labels; classes are matched by name."""
    if after.task == "binary":
        one, other = (
            BinaryMetrics(after.labels, model.output, threshold)
            for model, threshold in zip((before, after), thresholds, strict=True)
        )
        return one, other
    if after.task == "regression":
        return regression_metrics(after.labels, before.output), regression_metrics(after.labels, after.output)
    codes = after.labels.astype(np.int64)
    known = matched(before.output, before.classes, after.classes)
    return multiclass_metrics(codes, known), multiclass_metrics(codes, after.output)


def slice_rows(examples: str, keys: Sequence[Sequence[str]], places: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the rows of each slice.

    Args:
      examples: Folder of an eval split.
      keys: Columns of each slice.
      places: Row numbers of the compared rows, ascending, [N].

    Returns:
      Slice name as in the evaluator ("origin=EWR, carrier=UA") -> indices into `places`.
    """
    names = sorted({name for key in keys for name in key})
    if not names:
        return {}
    columns = joined_columns(column_batches(examples, names, places), names)
    return {one.name: one.rows for one in slices_of(columns, keys)}


def _check(uri: str, contents: Mapping[str, str], *, digests: bool) -> None:
    """Raises InputError if an artifact was changed since it was written; a missing one is reported by its reader."""
    if not Path(uri).exists():
        return
    record = load_record(uri)
    if record is not None:
        found = check_artifact(uri, record, digests=digests)
    else:
        found = check_content(uri, contents[uri]) if contents.get(uri) else []
    if found:
        what = f"{found[0].file} {found[0].detail}".strip()
        raise InputError(
            f"{uri}: {what}; set it aside (plumbline doctor --digests --repair), and run again on that span to make it "
            "anew"
        )


def _kept(before: str, after: str) -> tuple[EvalPredictions, ...] | None:
    """Predictions of both runs; None if one was deleted, or if they are for different rows."""
    try:
        one, other = (read_predictions(Path(folder)) for folder in (before, after))
    except FileNotFoundError:
        return None
    if one.about.digest != other.about.digest:
        return None
    return tuple(map(_of_run, (one, other)))


def _of_run(found: ModelPredictions) -> EvalPredictions:
    about = found.about
    return EvalPredictions(about.task, found.outputs[CANDIDATE].output, found.labels, found.places, about.classes)


def _predicted(folder: Path, examples: str) -> EvalPredictions:
    """Predictions of a SavedModel for all rows of a split."""
    model = SavedModel(folder)
    outputs, labels = [], []
    for records in record_batches(examples):
        outputs.append(model.predict(records))
        labels.append(model.labels(records))
    output = np.concatenate([one.output for one in outputs])
    task = "multiclass" if output.ndim == 2 else "regression" if outputs[0].decided is None else "binary"
    return EvalPredictions(task, output, np.concatenate(labels), np.arange(len(output)), model.classes)


def _only(predictions: EvalPredictions, rows: np.ndarray) -> EvalPredictions:
    return EvalPredictions(
        predictions.task,
        predictions.output[rows],
        predictions.labels[rows],
        predictions.places[rows],
        predictions.classes,
    )


def _saved(folder: str) -> Path:
    for name in SERVED:
        if (Path(folder) / name / "saved_model.pb").is_file():
            return Path(folder) / name
    raise InputError(
        f"{folder}: the model was deleted, so it cannot score the rows; run again on that span to train it"
    )
