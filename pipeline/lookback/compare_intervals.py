"""Two runs' models on the same eval rows: predictions made anew, and how sure the differences are.

The evaluator keeps sums and histograms, not what each model said of each row. So both SavedModels are loaded and asked
again; TensorFlow takes some seconds to import, which is why this is only done when asked for.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import InputError
from components.examples import example_batches
from pipeline.lookback.compare_rows import records_of
from pipeline.lookback.paired_bootstrap import (
    LEVEL,
    RESAMPLES,
    Binary,
    Interval,
    Judge,
    multiclass,
    paired_intervals,
    regression,
)

SERVED = ("Format-Serving", "serving_model_dir")
"""Where a Model artifact keeps its SavedModel, in TFX from 0.27 on and before."""
BATCH_ROWS = 1 << 13


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
class Answers:
    """What a model says of N rows.

    Attributes:
      kind: "probability", "probabilities" or "prediction": what its task's answer is called.
      values: float [N], or [N, K].
      labels: As the model learned them: 0 and 1, class codes or numbers, [N]; missing is NaN or -1.
      classes: Names of the K classes.
    """

    kind: str
    values: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]


def intervals(
    models: tuple[str, str],
    examples: str,
    keys: Sequence[Sequence[str]],
    thresholds: tuple[float, float] = (0.5, 0.5),
    resamples: int = RESAMPLES,
) -> Intervals:
    """Asks both models about the same rows.

    Args:
      models: Folders of the Model artifacts, the earlier first.
      examples: Folder of the later run's eval split.
      keys: Slices: columns, or several for their cross.
      thresholds: From which probability on each model says 1.
      resamples: How often rows are drawn.

    Raises:
      InputError: A model or the examples are gone, or the models are of two tasks.
    """
    records = [record for file in sorted(Path(examples).glob("*")) for record in records_of(file)]
    if not records:
        raise InputError(f"{examples}: the eval examples are gone")
    before, after = (answers(_saved(folder), records) for folder in models)
    if before.kind != after.kind:
        raise InputError(f"{models[0]} gives a {before.kind}, {models[1]} a {after.kind}: tasks cannot be compared")
    labelled = np.flatnonzero(np.isfinite(after.labels) & (after.labels != -1 if after.classes else True))
    one, other = judges(before, after, thresholds)
    slices = {
        name: np.flatnonzero(np.isin(labelled, rows, assume_unique=True))
        for name, rows in slice_rows(examples, keys).items()
    }
    found = paired_intervals(one.among(labelled), other.among(labelled), len(labelled), slices, resamples)
    return Intervals(len(labelled), resamples, LEVEL, found.pop(""), dict(sorted(found.items())))


def answers(model: Path, records: Sequence[bytes]) -> Answers:
    """What a SavedModel says of serialized examples."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))
    serve, labels_of = loaded.signatures["serve_examples"], loaded.signatures["transform_labels"]
    said: list[dict[str, np.ndarray]] = []
    for start in range(0, len(records), BATCH_ROWS):
        batch = tf.constant(list(records[start : start + BATCH_ROWS]))
        answer = {name: value.numpy() for name, value in serve(examples=batch).items()}
        (label,) = labels_of(examples=batch).values()
        said.append({**answer, "label": label.numpy()})
    kind = next(name for name in ("probability", "probabilities", "prediction") if name in said[0])
    values, labels = (np.concatenate([one[name] for one in said]) for name in (kind, "label"))
    names = said[0]["classes"][0] if kind == "probabilities" else ()
    return Answers(kind, values, labels.reshape(-1), tuple(name.decode("utf-8", "replace") for name in names))


def judges(before: Answers, after: Answers, thresholds: tuple[float, float] = (0.5, 0.5)) -> tuple[Judge, Judge]:
    """Both against the later model's labels; classes are matched by name."""
    if after.kind == "probability":
        one, other = (
            Binary(after.labels, answer.values, threshold)
            for answer, threshold in zip((before, after), thresholds, strict=True)
        )
        return one, other
    if after.kind == "prediction":
        return regression(after.labels, before.values), regression(after.labels, after.values)
    known = {name: at for at, name in enumerate(before.classes)}
    matched = np.zeros_like(after.values)
    for at, name in enumerate(after.classes):
        if name in known:
            matched[:, at] = before.values[:, known[name]]
    return multiclass(after.labels, matched), multiclass(after.labels, after.values)


def slice_rows(examples: str, keys: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Slice name, as the evaluator has it ("origin=EWR, carrier=UA"), -> rows of the split, by index."""
    names = sorted({name for key in keys for name in key})
    if not names:
        return {}
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for batch in example_batches(examples, names):
        for name in names:
            columns[name] += batch.column(name).to_pylist()
    found: dict[str, list[int]] = {}
    for key in keys:
        for row, cells in enumerate(zip(*(columns[name] for name in key), strict=True)):
            if all(cells):
                parts = (f"{name}={_text(cell[0])}" for name, cell in zip(key, cells, strict=True))
                found.setdefault(", ".join(parts), []).append(row)
    return {name: np.array(rows) for name, rows in found.items()}


def slice_keys(eval_config: str) -> list[list[str]]:
    """The slices that an evaluation was made for, from its parameter `eval_config`."""
    try:
        specs = json.loads(eval_config).get("slicingSpecs", [])
    except (ValueError, AttributeError):
        return []
    return [list(spec["featureKeys"]) for spec in specs if spec.get("featureKeys")]


def _saved(folder: str) -> Path:
    for name in SERVED:
        if (Path(folder) / name / "saved_model.pb").is_file():
            return Path(folder) / name
    raise InputError(
        f"{folder}: the model is gone, so it cannot be asked again; run again on that span to make it anew"
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
