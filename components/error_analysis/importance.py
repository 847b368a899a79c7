"""What each feature is worth: how much worse the model gets when the feature's values are dealt out anew."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.row_losses import Outcomes, figures
from components.shared.statistics.metric_names import LOWER_IS_BETTER

MOST_CELLS = 6_000_000
"""What the model is asked about, in rows x columns, over all permutations: encoding and parsing cost a microsecond."""
FEWEST_ROWS = 500
"""Rows are taken away before features are, down to that many."""
FEWEST_FEATURES = 10
"""Features are left out down to that many, before rows are taken away again."""


@dataclass(frozen=True)
class Importance:
    """Permutation importance of a feature.

    Attributes:
      feature: Its name.
      metric: What is measured.
      drop: How much worse the metric gets, mean over the permutations; about 0 for a feature without use. None where
        the metric cannot be told.
      standard_error: Of that mean, over the permutations of these rows; None with a single one.
      loss: How much the mean loss rises.
    """

    feature: str
    metric: str
    drop: float | None
    standard_error: float | None
    loss: float


def affordable(features: int, rows: int, repeats: int) -> tuple[int, int]:
    """(features, rows) whose permutations cost no more than MOST_CELLS, or nearly so: linear in the columns.

    Args:
      features: That the model has.
      rows: That there are.
      repeats: Permutations of each feature.
    """
    each = repeats * max(1, features)
    measured = min(features, max(FEWEST_FEATURES, MOST_CELLS // (each * FEWEST_ROWS)))
    return measured, min(rows, max(FEWEST_ROWS // 5, MOST_CELLS // (each * max(1, measured))))


def correlation_ratios(codes: Mapping[str, np.ndarray], scores: np.ndarray) -> dict[str, float]:
    """Share of the variance of a model's answers that lies between the slices of each feature, in [0, 1].

    The correlation ratio, or first-order Sobol index, over all outputs together; it misses a feature that matters only
    by interaction. 0 where the answers do not vary.

    Args:
      codes: Feature -> code of each row's slice, [N].
      scores: Answers [N] or [N, K].
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
    predict: Callable[[Sequence[tuple[str | None, np.ndarray]]], Iterable[Outcomes]],
    metric: str,
    repeats: int,
    seed: int,
) -> list[Importance]:
    """Importance of features to a trained model (Breiman, Random Forests, Machine Learning 45, 2001), largest first.

    Of two features that say the same, each looks useless: the other stays.

    Args:
      features: Names.
      rows: How many rows there are.
      predict: (feature, order [rows]) of each question -> outcomes with that feature's values in that order; None: as
        they are. All questions at once, so that the model answers many in one call.
      metric: One of outcomes.figures.
      repeats: Permutations, the same ones for each feature, so that features are compared alike.
      seed: Of the permutations.
    """
    if not rows:
        return []
    draw = np.random.default_rng(seed)
    orders = [draw.permutation(rows) for _ in range(repeats)]
    questions = [(None, np.arange(rows)), *((feature, order) for feature in features for order in orders)]
    whole, *answered = ((float(one.loss.mean()), figures(one)[metric]) for one in predict(questions))
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found = []
    for at, feature in enumerate(features):
        shuffled = answered[at * repeats : (at + 1) * repeats]
        loss = float(np.mean([loss for loss, _ in shuffled]) - whole[0])
        drops = [sign * (whole[1] - value) for _, value in shuffled if whole[1] is not None and value is not None]
        error = float(np.std(drops, ddof=1) / len(drops) ** 0.5) if len(drops) > 1 else None
        found.append(Importance(feature, metric, float(np.mean(drops)) if drops else None, error, loss))
    return sorted(found, key=lambda one: (-(one.drop if one.drop is not None else one.loss), one.feature))
