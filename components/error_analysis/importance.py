"""Permutation importance: how much worse the model gets when the values of a feature are permuted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.row_losses import RowLosses, task_metrics
from components.shared.statistics.metric_names import LOWER_IS_BETTER

MAX_CELLS = 6_000_000
"""Maximum number of cells (rows x columns, over all permutations) to predict; encoding and parsing take about 1 µs per
cell."""
MIN_ROWS = 500
"""To stay within MAX_CELLS, first the number of rows is reduced down to this."""
MIN_FEATURES = 10
"""Then the number of features is reduced down to this, then the number of rows again."""


@dataclass(frozen=True)
class FeatureImportance:
    """Permutation importance of a feature.

    Attributes:
      feature: Name of the feature.
      metric: Name of the metric.
      drop: Mean deterioration of the metric over the permutations; about 0 for an unused feature. None where the metric
        is not defined.
      standard_error: Standard error of `drop` over the permutations; None for a single permutation.
      loss: Mean increase of the mean loss.
    """

    feature: str
    metric: str
    drop: float | None
    standard_error: float | None
    loss: float


def affordable(features: int, rows: int, repeats: int) -> tuple[int, int]:
    """Returns the numbers of features and rows whose permutations stay within MAX_CELLS (approximately).

    Args:
      features: Number of features of the model.
      rows: Number of available rows.
      repeats: Permutations of each feature.
    """
    each = repeats * max(1, features)
    measured = min(features, max(MIN_FEATURES, MAX_CELLS // (each * MIN_ROWS)))
    return measured, min(rows, max(MIN_ROWS // 5, MAX_CELLS // (each * max(1, measured))))


def correlation_ratios(codes: Mapping[str, np.ndarray], scores: np.ndarray) -> dict[str, float]:
    """Computes the share of the variance of predictions that lies between the slices of each feature.

    This is the correlation ratio, or first-order Sobol index, over all outputs together. It is small for a feature that
    matters by interaction only.

    Args:
      codes: Feature -> code of each row's slice, [N].
      scores: Predictions [N] or [N, K].

    Returns:
      Feature -> share in [0, 1]; 0 for constant predictions.
    """
    outputs = scores.reshape(len(scores), -1).T
    centred = outputs - outputs.mean(axis=1, keepdims=True)
    whole = float((centred**2).sum())
    found = {}
    for name, coded in codes.items():
        counts = np.maximum(np.bincount(coded), 1)
        between = sum(float((np.bincount(coded, output) ** 2 / counts).sum()) for output in centred)
        found[name] = between / whole if whole else 0.0
    return found


def permutation_importance(
    features: Sequence[str],
    rows: int,
    predict: Callable[[Sequence[tuple[str | None, np.ndarray]]], Iterable[RowLosses]],
    metric: str,
    repeats: int,
    seed: int,
) -> list[FeatureImportance]:
    """Measures permutation importance (Breiman, Random Forests, Machine Learning 45, 2001).

    Redundant features get a low importance, because the model can use the other one.

    Args:
      features: Names of the features.
      rows: Number of rows.
      predict: List of (feature, order [rows]) -> outcomes with the values of that feature in that order; feature None
        stands for unpermuted rows. It takes all pairs at once, so that the model predicts in large batches.
      metric: One of the metrics of `row_losses.figures`.
      repeats: Permutations of each feature. All features use the same permutations.
      seed: Random seed of the permutations.

    Returns:
      Importance of each feature, largest first.
    """
    if not rows:
        return []
    draw = np.random.default_rng(seed)
    orders = [draw.permutation(rows) for _ in range(repeats)]
    permutations = [(None, np.arange(rows)), *((feature, order) for feature in features for order in orders)]
    whole, *permuted = ((float(one.loss.mean()), task_metrics(one)[metric]) for one in predict(permutations))
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found = []
    for at, feature in enumerate(features):
        shuffled = permuted[at * repeats : (at + 1) * repeats]
        loss = float(np.mean([loss for loss, _ in shuffled]) - whole[0])
        drops = [sign * (whole[1] - value) for _, value in shuffled if whole[1] is not None and value is not None]
        error = float(np.std(drops, ddof=1) / len(drops) ** 0.5) if len(drops) > 1 else None
        found.append(FeatureImportance(feature, metric, float(np.mean(drops)) if drops else None, error, loss))
    return sorted(found, key=lambda one: (-(one.drop if one.drop is not None else one.loss), one.feature))
