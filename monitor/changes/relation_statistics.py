"""Whether the relation moved: labels given the model's score and the features, current against reference rows.

Each label is compared with its expectation given score and features in the reference (monitor.performance.calibration),
which is right under any shift of the inputs. The residuals are tested for a mean (the level moved), for a dependence on
the score (the slope moved), and within slices, by Wald tests whose variance holds the sampling of the current labels
and the uncertainty of the reference's fit. Labels missing not at random are weighted by the inverse of their
probability of having arrived. p-values are corrected by Holm's procedure over all tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from components.shared.statistics.holm import holm
from monitor.performance.calibration import Expectation

MIN_OF_SLICE = 50


@dataclass(frozen=True)
class RelationTest:
    """One test.

    Attributes:
      slice: Slice such as "origin=EWR"; "" is all rows.
      shape: "level" or "slope".
      effect: Mean of observed minus expected values (level); difference of that between rows above and below the median
        expectation (slope). In the unit of the values.
      error: Standard error of the effect.
      p_value: Two-sided.
      adjusted: By Holm's procedure over all tests of the diagnosis.
      rows: Labels used.
    """

    slice: str
    shape: Literal["level", "slope"]
    effect: float
    error: float
    p_value: float
    adjusted: float
    rows: int


def relation_tests(
    values: np.ndarray,
    expectation: Expectation,
    inverse: np.ndarray,
    slices: Mapping[str, np.ndarray],
) -> list[RelationTest]:
    """Tests the residuals of labelled current rows.

    Args:
      values: Observed values of the labelled rows, [n].
      expectation: Their expectation from the reference, of n rows.
      inverse: 1 / P(label has arrived), [n].
      slices: Slice -> rows, bool [n]; those with fewer than MIN_OF_SLICE rows are left out.

    Returns:
      Level and slope of all rows first, then of the slices.
    """
    everyone = np.ones(len(values), dtype=bool)
    tests = []
    for name, rows in {"": everyone, **slices}.items():
        if rows.sum() < MIN_OF_SLICE:
            continue
        tests.append(_test(name, "level", values, expectation, [(inverse, rows, 1.0)]))
        upper = expectation.mean > np.median(expectation.mean[rows])
        high, low = rows & upper, rows & ~upper
        if min(high.sum(), low.sum()) >= MIN_OF_SLICE // 2:
            tests.append(_test(name, "slope", values, expectation, [(inverse, high, 1.0), (inverse, low, -1.0)]))
    adjusted = holm([one.p_value for one in tests]).tolist()
    return [replace(one, adjusted=p) for one, p in zip(tests, adjusted, strict=True)]


def _test(
    name: str,
    shape: Literal["level", "slope"],
    values: np.ndarray,
    expectation: Expectation,
    parts: Sequence[tuple[np.ndarray, np.ndarray, float]],
) -> RelationTest:
    """Wald test of a sum of signed, weighted means of residuals."""
    from scipy.stats import norm

    gradient = np.zeros(len(values))
    for weights, rows, sign in parts:
        gradient[rows] += sign * weights[rows] / weights[rows].sum()
    residual = values - expectation.mean
    # Under the null hypothesis, a residual's variance is the expectation's; a moved relation must not hide itself.
    variance = float(gradient**2 @ expectation.variance) + expectation.error(gradient)
    effect, error = float(gradient @ residual), float(np.sqrt(max(variance, 1e-18)))
    rows_used = int(sum(rows.sum() for _, rows, _ in parts))
    p = float(2 * norm.sf(abs(effect) / error))
    return RelationTest(name, shape, effect, error, p, p, rows_used)
