"""Whether inputs moved: a domain classifier, with the columns that it needs most."""

from dataclasses import dataclass

import numpy as np

from monitor.performance.importance_weights import domain_logits

NAMED = 3
MIN_AUC_DIFFERENCE = 0.02
"""Least difference of a named column's AUC from 0.5."""


@dataclass(frozen=True)
class InputShift:
    """Difference of the inputs of two sets of rows.

    Attributes:
      auc: Out-of-fold AUC of a classifier that tells them apart: 0.5 = same, 1 = separable.
      p_value: Probability of an AUC at least as large for the same distribution (Mann-Whitney, one-sided).
      columns: Indices of the columns whose means of ranks differ most, at most NAMED, largest first.
    """

    auc: float
    p_value: float
    columns: tuple[int, ...]

    @property
    def effect(self) -> float:
        """2 (auc - 0.5), in [0, 1]; 0 = same."""
        return max(0.0, 2 * (self.auc - 0.5))


def input_shift(reference: np.ndarray, current: np.ndarray, *, seed: int = 13) -> InputShift:
    """Compares the inputs of two sets of rows.

    Args:
      reference: float64 [N_r, d]; NaN = missing.
      current: float64 [N_c, d].
      seed: Seed of folds and samples.
    """
    from scipy.stats import norm

    of_reference, of_current = domain_logits(reference, current, seed)
    auc = rank_auc(of_reference, of_current)
    n, m = len(of_current), len(of_reference)
    deviation = np.sqrt((n + m + 1) / (12 * n * m))
    apart = [
        abs(rank_auc(np.nan_to_num(a, nan=-np.inf), np.nan_to_num(b, nan=-np.inf)) - 0.5)
        for a, b in zip(reference.T, current.T, strict=True)
    ]
    columns = tuple(
        int(at) for at in np.argsort(-np.array(apart), kind="stable")[:NAMED] if apart[at] >= MIN_AUC_DIFFERENCE
    )
    # Two classifiers score half of the rows each, so ranks are not those of one score; the factor allows for it.
    return InputShift(auc, float(norm.sf((auc - 0.5) / (deviation * 1.2))), columns)


def rank_auc(reference: np.ndarray, current: np.ndarray) -> float:
    """P(current > reference) + P(equal) / 2, of values or scores."""
    from scipy.stats import rankdata

    n, m = len(current), len(reference)
    ranks = rankdata(np.concatenate([reference, current]))[m:]
    return float((ranks.sum() - n * (n + 1) / 2) / (n * m))
