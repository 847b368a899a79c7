"""Welch's t-test on group moments, and the correction for multiple testing."""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Moments of values by group.

    Attributes:
      rows: Number of rows, [groups].
      total: Sum of the values, [groups].
      squares: Sum of the squared values, [groups].
    """

    rows: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    def less(self, other: "Moments") -> "Moments":
        """Returns the moments without the rows of `other`, which must be a part of these rows."""
        return Moments(self.rows - other.rows, self.total - other.total, self.squares - other.squares)


def group_moments(values: np.ndarray, codes: np.ndarray, groups: int) -> Moments:
    """Computes moments by group.

    Args:
      values: Values [N].
      codes: Group of each value in 0..groups-1, [N].
      groups: Number of groups.
    """
    return Moments(
        np.bincount(codes, minlength=groups).astype(float),
        np.bincount(codes, values, groups),
        np.bincount(codes, values**2, groups),
    )


def moments_of(values: np.ndarray) -> Moments:
    """Computes the moments of all values as one group."""
    return group_moments(values, np.zeros(len(values), np.int64), 1)


def welch(one: Moments, other: Moments, margin: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Welch's one-sided t-test of the null hypothesis mean(one) - mean(other) <= margin.

    Args:
      one: Moments of the first group or groups.
      other: Moments of the second.
      margin: Difference of means under the null hypothesis.

    Returns:
      Difference of means, t statistic and p-value, [groups] each. t is 0 and p is 1 where a group has fewer than two
      rows or both variances are 0.
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
        defined = (one.rows > 1) & (other.rows > 1) & np.isfinite(t) & np.isfinite(freedom)
    return difference, np.where(defined, t, 0.0), np.where(defined, stdtr(np.where(defined, freedom, 1.0), -t), 1.0)


def fdr_by(p: np.ndarray) -> np.ndarray:
    """Adjusts p-values by Benjamini and Yekutieli's procedure, which controls the false discovery rate.

    It is valid under any dependence, which Benjamini and Hochberg's is not; slices overlap (The Control of the False
    Discovery Rate in Multiple Testing under Dependency, Annals of Statistics 29, 2001).

    Args:
      p: p-values [M].

    Returns:
      Adjusted p-values [M], in [0, 1].
    """
    if not len(p):
        return p
    from statsmodels.stats.multitest import multipletests

    found: np.ndarray = multipletests(p, method="fdr_by")[1]
    return found
