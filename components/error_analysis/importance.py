"""What each feature is worth: how much worse the model gets when the feature's values are dealt out anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.error_analysis.outcomes import Outcomes, figures
from components.metric_names import LOWER_IS_BETTER


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


def permutation_importance(
    features: Sequence[str],
    rows: int,
    predict: Callable[[str | None, np.ndarray], Outcomes],
    metric: str,
    repeats: int,
    seed: int,
) -> list[Importance]:
    """Importance of features to a trained model (Breiman, Random Forests, Machine Learning 45, 2001), largest first.

    Of two features that say the same, each looks useless: the other stays.

    Args:
      features: Names.
      rows: How many rows there are.
      predict: (feature, order [rows]) -> outcomes with that feature's values in that order; None: as they are.
      metric: One of outcomes.figures.
      repeats: Permutations, the same ones for each feature, so that features are compared alike.
      seed: Of the permutations.
    """
    if not rows:
        return []
    draw = np.random.default_rng(seed)
    orders = [draw.permutation(rows) for _ in range(repeats)]
    whole = predict(None, np.arange(rows))
    best = figures(whole)[metric]
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found = []
    for feature in features:
        shuffled = [predict(feature, order) for order in orders]
        loss = float(np.mean([one.loss.mean() for one in shuffled]) - whole.loss.mean())
        values = [figures(one)[metric] for one in shuffled]
        drops = [sign * (best - value) for value in values if best is not None and value is not None]
        error = float(np.std(drops, ddof=1) / len(drops) ** 0.5) if len(drops) > 1 else None
        found.append(Importance(feature, metric, float(np.mean(drops)) if drops else None, error, loss))
    return sorted(found, key=lambda one: (-(one.drop if one.drop is not None else one.loss), one.feature))
