"""Decides whether the best trial is adopted: only if it is significantly better than the current settings."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from components.shared.statistics.bootstrap import poisson_draws, standard_error
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from components.shared.statistics.weighted_metrics import (
    BinaryMetrics,
    WeightedMetrics,
    multiclass_metrics,
    regression_metrics,
)

RESAMPLES = 500


@dataclass(frozen=True)
class AcceptanceDecision:
    """Gain of the best trial and its significance.

    Attributes:
      gain: Improvement of the score, at least 0.
      p_value: Probability of such a gain of the best of all trials under the null hypothesis that none is better; None
        if it cannot be computed.
    """

    gain: float
    p_value: float | None


def trial_metrics(task: str, labels: np.ndarray, predictions: np.ndarray) -> WeightedMetrics:
    """Returns a metric calculator for predictions.

    Args:
      task: binary, multiclass or regression.
      labels: Labels, [V].
      predictions: Probabilities of the positive class [V], of all classes [V, K], or predicted values [V].
    """
    if task == "binary":
        return BinaryMetrics(labels, predictions)
    return multiclass_metrics(labels, predictions) if task == "multiclass" else regression_metrics(labels, predictions)


def score_of(task: str, labels: np.ndarray, predictions: np.ndarray, metric: str) -> float:
    """Returns the unweighted metric `metric` of predictions, see `trial_metrics`; NaN where it is undefined."""
    calculator = trial_metrics(task, labels, predictions)
    return float(calculator(np.ones(len(labels)))[calculator.names.index(metric)])


def decide_acceptance(
    task: str, labels: np.ndarray, before: np.ndarray, after: np.ndarray, metric: str, looks: int, seed: int
) -> AcceptanceDecision:
    """Tests the best trial's gain by a paired bootstrap over the validation rows.

    The test is one-sided: the gain divided by its standard error is compared with the normal distribution. The p-value
    is multiplied by the number of trials (Bonferroni), because the best of many trials is selected.

    Args:
      task: binary, multiclass or regression.
      labels: Labels of the validation rows, [V].
      before: Predictions with the current settings.
      after: Predictions of the best trial.
      metric: The optimised metric.
      looks: Number of trials from which the best was selected.
      seed: Seed of the bootstrap.
    """
    calculators = {"before": trial_metrics(task, labels, before), "after": trial_metrics(task, labels, after)}
    at = calculators["before"].names.index(metric)
    rows = len(labels)
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may lack a class, which leaves metrics undefined
        drawn = poisson_draws(calculators, {"": np.arange(rows)}, rows, RESAMPLES, seed)[""]
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    differences = sign * (drawn["after"][:, at] - drawn["before"][:, at])
    gain = float(differences[0])
    if gain <= 0:
        return AcceptanceDecision(0.0, 1.0)
    error = standard_error(differences[1:])
    if not np.isfinite(error) or error <= 0:
        return AcceptanceDecision(gain, None)
    return AcceptanceDecision(gain, min(1.0, max(looks, 1) * float(norm.sf(gain / error))))
