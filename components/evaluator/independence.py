"""Tests whether a model's predictions are independent of the labels; valid for any number of rows."""

import math

import numpy as np

from components.shared.serving.serving_contract import likeliest

PERMUTATIONS = 199
MAX_ROWS = 20_000
"""Maximum rows of the permutation test; more are sampled down."""


def independence_p_value(task: str, labels: np.ndarray, answer: np.ndarray, seed: int = 13) -> float:
    """Returns the p-value of "predictions and labels are independent" against a positive association, one-sided.

    binary      H. B. Mann and D. R. Whitney, On a Test of Whether one of Two Random Variables is Stochastically Larger
                than the Other, 1947: exact for up to 8 rows of a class without ties, else by the normal approximation
    multiclass  permutation test of the accuracy, p = (1 + permutations at least as accurate) / (1 + permutations)
    regression  Kendall's rank correlation: exact for up to 33 rows without ties, else by the normal approximation

    Args:
      task: binary, multiclass or regression.
      labels: 0 or 1, class codes, or numbers, [N].
      answer: Probability of 1 [N], probabilities [N, K], or predicted values [N].
      seed: Seed of the permutations.

    Returns:
      In [0, 1]; 1 if the test is undefined: a single class, or fewer than three numbers.
    """
    from scipy.stats import kendalltau, mannwhitneyu

    if task == "binary":
        positive = labels > 0.5
        if positive.all() or not positive.any():
            return 1.0
        p = float(mannwhitneyu(answer[positive], answer[~positive], alternative="greater").pvalue)
    elif task == "regression":
        if len(labels) < 3 or np.ptp(labels) == 0 or np.ptp(answer) == 0:
            return 1.0
        p = float(kendalltau(labels, answer, alternative="greater").pvalue)
    else:
        p = _permuted(labels.astype(np.int64), likeliest(answer), np.random.default_rng(seed))
    return p if math.isfinite(p) else 1.0


def _permuted(labels: np.ndarray, decided: np.ndarray, random: np.random.Generator) -> float:
    if len(labels) > MAX_ROWS:
        chosen = random.choice(len(labels), MAX_ROWS, replace=False)
        labels, decided = labels[chosen], decided[chosen]
    right = int((labels == decided).sum())
    drawn = sum(int((random.permutation(labels) == decided).sum()) >= right for _ in range(PERMUTATIONS))
    return (1 + drawn) / (1 + PERMUTATIONS)
