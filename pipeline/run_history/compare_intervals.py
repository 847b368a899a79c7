"""Two runs' models on the same eval rows, and how sure the differences are.

Where both runs kept their predictions of these very rows, these are compared. Else both SavedModels are loaded and
asked again, for which TensorFlow takes some seconds to import; so all this is done only when asked for.
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
"""Where a Model artifact keeps its SavedModel, in TFX from 0.27 on and before."""


@dataclass(frozen=True)
class Intervals:
    """Differences between two models, both judged on the eval rows of the later run.

    Attributes:
      rows: How many there are.
      resamples: How often they were drawn.
      level: What share of the drawn differences an interval holds.
      metrics: Overall.
      slices: Slice -> metric -> interval.
    """

    rows: int
    resamples: int
    level: float
    metrics: dict[str, Interval]
    slices: dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Answered:
    """What a model says of N rows.

    Attributes:
      task: binary, multiclass or regression.
      output: Probability of 1 [N], probabilities [N, K], or predictions [N].
      labels: As the model learned them, NaN where it knows none, [N].
      places: Where the rows stand in the split, rising, [N].
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
    """Compares what both models say of the same rows.

    Args:
      models: Folders of the Model artifacts, the earlier first.
      examples: Folder of the later run's eval split.
      keys: Slices: columns, or several for their cross.
      thresholds: From which probability on each model says 1.
      resamples: How often rows are drawn.
      predictions: Folders of the Predictions artifacts, where both runs have one.
      contents: Folder of an artifact -> its CONTENT, see artifacts/integrity.py, for those without a record.

    Raises:
      InputError: A model, predictions or the examples are gone or damaged, or the models are of two tasks.
    """
    if not any(Path(examples).glob("*")):
        raise InputError(f"{examples}: the eval examples are gone")
    contents = contents or {}
    _check(str(Path(examples).parent), contents, digests=False)
    for folder in predictions or ():
        _check(folder, contents, digests=False)
    found = predictions and _kept(*predictions)
    if not found:
        saved = [_saved(folder) for folder in models]
        for folder in models:
            _check(folder, contents, digests=True)  # a SavedModel is a program: none runs that is not as it was written
        found = tuple(_asked(folder, examples) for folder in saved)
    before, after = found
    if before.task != after.task:
        kinds = OUTPUTS[before.task], OUTPUTS[after.task]
        raise InputError(f"{models[0]} gives a {kinds[0]}, {models[1]} a {kinds[1]}: tasks cannot be compared")
    both = np.isfinite(after.labels) & np.isin(after.places, before.places, assume_unique=True)
    place = np.searchsorted(before.places, after.places[both])
    one, other = judges(_only(before, place), _only(after, both), thresholds)
    rows = int(both.sum())
    if not rows:
        raise InputError(f"{examples}: no row has a label that both models know")
    slices = slice_rows(examples, keys, after.places[both])
    drawn = paired_intervals(one, other, rows, slices, resamples)
    return Intervals(rows, resamples, LEVEL, drawn.pop(""), dict(sorted(drawn.items())))


def judges(
    before: Answered, after: Answered, thresholds: tuple[float, float] = (NO_THRESHOLD, NO_THRESHOLD)
) -> tuple[WeightedMetrics, WeightedMetrics]:
    """Both against the later model's labels; classes are matched by name."""
    if after.task == "binary":
        one, other = (
            BinaryMetrics(after.labels, answer.output, threshold)
            for answer, threshold in zip((before, after), thresholds, strict=True)
        )
        return one, other
    if after.task == "regression":
        return regression_metrics(after.labels, before.output), regression_metrics(after.labels, after.output)
    codes = after.labels.astype(np.int64)
    known = matched(before.output, before.classes, after.classes)
    return multiclass_metrics(codes, known), multiclass_metrics(codes, after.output)


def slice_rows(examples: str, keys: Sequence[Sequence[str]], places: np.ndarray) -> dict[str, np.ndarray]:
    """Slice name, as the evaluator has it ("origin=EWR, carrier=UA"), -> its rows among those at `places`, by index."""
    names = sorted({name for key in keys for name in key})
    if not names:
        return {}
    columns = joined_columns(column_batches(examples, names, places), names)
    return {one.name: one.rows for one in slices_of(columns, keys)}


def _check(uri: str, contents: Mapping[str, str], *, digests: bool) -> None:
    """InputError if an artifact is not as its component wrote it; one that is not there is told by who reads it."""
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


def _kept(before: str, after: str) -> tuple[Answered, ...] | None:
    """Predictions of both runs; None if one is gone, or if they are not of the same rows."""
    try:
        one, other = (read_predictions(Path(folder)) for folder in (before, after))
    except FileNotFoundError:
        return None
    if one.about.digest != other.about.digest:
        return None
    return tuple(map(_answered, (one, other)))


def _answered(found: ModelPredictions) -> Answered:
    about = found.about
    return Answered(about.task, found.answers[CANDIDATE].output, found.labels, found.places, about.classes)


def _asked(folder: Path, examples: str) -> Answered:
    """What a SavedModel says of all rows of a split."""
    model = SavedModel(folder)
    outputs, labels = [], []
    for records in record_batches(examples):
        outputs.append(model.predict(records))
        labels.append(model.labels(records))
    output = np.concatenate([one.output for one in outputs])
    task = "multiclass" if output.ndim == 2 else "regression" if outputs[0].decided is None else "binary"
    return Answered(task, output, np.concatenate(labels), np.arange(len(output)), model.classes)


def _only(answered: Answered, rows: np.ndarray) -> Answered:
    return Answered(
        answered.task, answered.output[rows], answered.labels[rows], answered.places[rows], answered.classes
    )


def _saved(folder: str) -> Path:
    for name in SERVED:
        if (Path(folder) / name / "saved_model.pb").is_file():
            return Path(folder) / name
    raise InputError(
        f"{folder}: the model is gone, so it cannot be asked again; run again on that span to make it anew"
    )
