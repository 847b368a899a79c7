"""Whether the best trial is taken: only if it beats the settings as they are by more than chance. Pure."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from components.shared.statistics.bootstrap import poisson_draws, standard_error
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from components.shared.statistics.weighted_metrics import Binary, Judge, multiclass, regression

RESAMPLES = 500


@dataclass(frozen=True)
class Verdict:
    """How sure the gain of the best trial is.

    Attributes:
      gain: By how much its score is better, 0 at least.
      p_value: Chance of such a gain of the best of all trials if none were better; None if it cannot be told.
    """

    gain: float
    p_value: float | None


def judge_of(task: str, labels: np.ndarray, answer: np.ndarray) -> Judge:
    """Metrics of answers to rows: probabilities of class 1 [V], of all classes [V, K], or predictions [V]."""
    if task == "binary":
        return Binary(labels, answer)
    return multiclass(labels, answer) if task == "multiclass" else regression(labels, answer)


def score_of(task: str, labels: np.ndarray, answer: np.ndarray, metric: str) -> float:
    """A metric of answers to rows; NaN where it is not defined."""
    judge = judge_of(task, labels, answer)
    return float(judge(np.ones(len(labels)))[judge.names.index(metric)])


def verdict(
    task: str, labels: np.ndarray, before: np.ndarray, after: np.ndarray, metric: str, looks: int, seed: int
) -> Verdict:
    """How sure the best trial's gain is, by a paired bootstrap over the validation rows.

    One-sided: the gain over its standard error against the normal distribution; times the number of trials that it
    is the best of (Bonferroni), since the best of many draws is better than a draw.

    Args:
      task: binary, multiclass or regression.
      labels: Of the validation rows, [V].
      before: Answers under the settings as they are.
      after: Those of the best trial.
      metric: What was searched for.
      looks: Trials that it is the best of.
      seed: Of the draws.
    """
    judges = {"before": judge_of(task, labels, before), "after": judge_of(task, labels, after)}
    at = judges["before"].names.index(metric)
    rows = len(labels)
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw may lack a class; its metric is then unknown
        drawn = poisson_draws(judges, {"": np.arange(rows)}, rows, RESAMPLES, seed)[""]
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    differences = sign * (drawn["after"][:, at] - drawn["before"][:, at])
    gain = float(differences[0])
    if gain <= 0:
        return Verdict(0.0, 1.0)
    error = standard_error(differences[1:])
    if not np.isfinite(error) or error <= 0:
        return Verdict(gain, None)
    return Verdict(gain, min(1.0, max(looks, 1) * float(norm.sf(gain / error))))
