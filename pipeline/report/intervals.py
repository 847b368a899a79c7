"""95 % confidence intervals of metrics by formula, for runs without bootstrap intervals."""

import math

Z95 = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def wilson(successes: float, trials: float) -> tuple[float, float] | None:
    """Wilson's score interval of a proportion (E. B. Wilson, 1927), such as accuracy; None without trials.

    Args:
      successes: In [0, trials].
      trials: Number of rows.
    """
    if trials <= 0:
        return None
    share, square = successes / trials, Z95 * Z95
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z95 / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def auc(value: float, positives: float, negatives: float) -> tuple[float, float] | None:
    """Interval of the area A under the ROC curve (Hanley and McNeil, 1982); None without both classes.

    SE^2 = (A(1-A) + (P-1)(Q1-A^2) + (N-1)(Q2-A^2)) / PN, Q1 = A/(2-A), Q2 = 2A^2/(1+A).

    Args:
      value: A, in [0, 1].
      positives: P, the number of positive rows.
      negatives: N, the number of negative rows.
    """
    if positives < 1 or negatives < 1:
        return None
    q1, q2, square = value / (2 - value), 2 * value * value / (1 + value), value * value
    variance = value * (1 - value) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)
    half = Z95 * math.sqrt(max(0.0, variance) / (positives * negatives))
    return max(0.0, value - half), min(1.0, value + half)


def average_precision(value: float, positives: float) -> tuple[float, float] | None:
    """Logit interval of the area A under the precision-recall curve (Boyd, Eng and Page, 2013).

    logit(A) +- z / sqrt(P A (1-A)), P the number of positive rows. None for A = 0, A = 1 or P = 0.
    """
    if positives < 1 or not 0 < value < 1:
        return None
    centre, half = math.log(value / (1 - value)), Z95 / math.sqrt(positives * value * (1 - value))
    return 1 / (1 + math.exp(-(centre - half))), 1 / (1 + math.exp(-(centre + half)))
