"""Baselines of low cost: the prior, and a linear and a single-column model fitted to a sample of the train split."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from components.evaluator.linear_baseline import LinearEncoder, encoder_of, fit_linear_baseline
from components.evaluator.single_column_baseline import ColumnModel, strongest_column
from components.shared.examples.example_reading import column_batches, joined_columns
from components.shared.statistics.threshold_criteria import Criterion
from components.shared.statistics.threshold_selection import choose_threshold

PRIOR, LINEAR, STRONGEST = "prior", "linear", "strongest_column"
SAMPLE_ROWS = 20_000
"""Maximum train rows of the linear baseline, sampled at random."""
MAX_CELLS = 5_000_000
"""Maximum rows x columns of the sample; decoding takes half a microsecond per cell."""
MAX_PRODUCTS = 30_000_000
"""Maximum rows x inputs x classes, the multiplications of one step of the solver."""


@dataclass(frozen=True)
class Baselines:
    """Fitted baselines.

    Attributes:
      prior: Prediction for every row: the share of 1, the share of each class [K], or the mean label.
      line: Maps inputs to predictions of the linear baseline; None if it cannot be fitted.
      encoder: Maps columns to inputs.
      thresholds: Baseline -> decision threshold; binary tasks only.
      rows: Number of rows that the linear baseline was fitted to.
      strongest: Model of the column that predicts best on its own; None if none is better than the prior.
    """

    prior: np.ndarray
    line: Callable[[np.ndarray], np.ndarray] | None
    encoder: LinearEncoder | None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rows: int = 0
    strongest: ColumnModel | None = None

    def linear(self, columns: Mapping[str, pa.Array]) -> np.ndarray | None:
        """Predicts rows with the linear baseline, [N] or [N, K], from all feature columns; None if there is none."""
        return None if self.line is None or self.encoder is None else self.line(self.encoder(columns))

    def constant(self, rows: int) -> np.ndarray:
        """Returns the prior's predictions for `rows` rows, [N] or [N, K]."""
        return np.broadcast_to(self.prior, (rows, *self.prior.shape))


def learn_baselines(
    split: str,
    labels: np.ndarray,
    task: str,
    features: Mapping[str, Any],
    threshold_metric: Criterion,
    classes: int = 0,
    seed: int = 13,
) -> Baselines:
    """Fits the baselines.

    Args:
      split: Folder of the train split's examples.
      labels: Labels of all its rows, encoded by the model, [M]; NaN where missing.
      task: binary, multiclass or regression.
      features: Section [features] of pipeline.toml.
      threshold_metric: Criterion of the decision thresholds.
      classes: Number of classes K of a multiclass task.
      seed: Seed of the sample.
    """
    known = np.flatnonzero(np.isfinite(labels))
    every = labels[known]
    if not len(every):
        return Baselines(np.full(classes, np.nan) if task == "multiclass" else np.array(np.nan), None, None)
    if task == "multiclass":
        prior = np.bincount(every.astype(np.int64), minlength=classes) / len(every)
    else:
        prior = np.array(every.mean(dtype=np.float64))
    names = feature_names(features)
    most = min(SAMPLE_ROWS, max(1, MAX_CELLS // max(1, len(names))))
    random = np.random.default_rng(seed)
    places = known if len(known) <= most else np.sort(random.choice(known, most, replace=False))
    columns = joined_columns(column_batches(split, names, places), names)
    strongest = strongest_column(columns, labels[places], task, features, classes, seed)
    encoder = encoder_of(columns, features)
    inputs, learned = encoder(columns), labels[places]
    fewer = max(100, MAX_PRODUCTS // (max(1, inputs.shape[1]) * max(1, classes)))
    if len(inputs) > fewer:
        kept = np.sort(random.choice(len(inputs), fewer, replace=False))
        inputs, learned = inputs[kept], learned[kept]
    line = fit_linear_baseline(inputs, learned, task, classes)
    thresholds = {}
    if task == "binary":
        thresholds[PRIOR] = choose_threshold(every, np.full(len(every), float(prior)), threshold_metric)
        if line is not None:
            thresholds[LINEAR] = choose_threshold(learned, line(inputs), threshold_metric)
    return Baselines(prior, line, encoder, thresholds, len(learned), strongest)


def feature_names(features: Mapping[str, Any]) -> list[str]:
    """Returns all columns of section [features]."""
    return [name for kind in ("categorical", "numeric", "cyclical", "text") for name in features.get(kind, ())]
