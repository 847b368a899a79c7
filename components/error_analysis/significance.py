"""Is a mean beyond chance above another? Welch's t-test, and a correction for how often it is asked."""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of one or several groups: how many rows, their sum, and the sum of their squares."""

    rows: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    def less(self, other: "Moments") -> "Moments":
        """Of the rows that are not in `other`, a part of these."""
        return Moments(self.rows - other.rows, self.total - other.total, self.squares - other.squares)


def moments(values: np.ndarray, codes: np.ndarray, groups: int) -> Moments:
    """By code: [groups]."""
    return Moments(
        np.bincount(codes, minlength=groups).astype(float),
        np.bincount(codes, values, groups),
        np.bincount(codes, values**2, groups),
    )


def moments_of(values: np.ndarray) -> Moments:
    """Of all values, as one group."""
    return moments(values, np.zeros(len(values), np.int64), 1)


def welch(one: Moments, other: Moments, margin: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Difference of means, t and one-sided p that it is no more than `margin`, by Welch's t-test.

    A group with fewer than two rows, or two without spread, is no evidence: t is 0 and p is 1.
    """
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        means = [group.total / group.rows for group in (one, other)]
        spread = [
            np.maximum(group.squares - group.rows * mean**2, 0) / (group.rows - 1) / group.rows
            for group, mean in zip((one, other), means, strict=True)
        ]
        difference = means[0] - means[1]
        error = spread[0] + spread[1]
        t = (difference - margin) / np.sqrt(error)
        freedom = error**2 / (spread[0] ** 2 / (one.rows - 1) + spread[1] ** 2 / (other.rows - 1))
        told = (one.rows > 1) & (other.rows > 1) & np.isfinite(t) & np.isfinite(freedom)
    return difference, np.where(told, t, 0.0), np.where(told, stdtr(np.where(told, freedom, 1.0), -t), 1.0)


def corrected(p: np.ndarray) -> np.ndarray:
    """p-values after Benjamini and Yekutieli: at or below alpha, the false discovery rate is at most alpha.

    Theirs and not Benjamini and Hochberg's, as slices overlap in every way (The Control of the False Discovery Rate in
    Multiple Testing under Dependency, Annals of Statistics 29, 2001).
    """
    if not len(p):
        return p
    from statsmodels.stats.multitest import multipletests

    found: np.ndarray = multipletests(p, method="fdr_by")[1]
    return found
