"""Bootstrap confidence interval of Krippendorff's alpha.

Poisson bootstrap over rows (see components/shared/statistics/bootstrap.py): a row is drawn with all its labels, so the
interval covers the sampling of rows, for these annotators. Rows with the same labels, by whichever annotators, have the
same influence on alpha; of f such rows the sum of the Poisson(1) weights is Poisson(f). One number is therefore drawn
for each distinct combination of labels instead of one for each row.
"""

import numpy as np

from components.label_audit.annotations import AnnotationMatrix
from components.shared.statistics.bootstrap import LEVEL, MAX_UNKNOWN, MIN_ROWS, RESAMPLES, SEED


def alpha_interval(votes: AnnotationMatrix, resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float] | None:
    """Computes the percentile interval of Krippendorff's alpha for nominal labels.

    Args:
      votes: Labels of N rows.
      resamples: Number of bootstrap samples.
      seed: Seed of the bootstrap; the same seed gives the same interval.

    Returns:
      Lower and upper bound of the 95 % interval. None if fewer than MIN_ROWS rows have two labels or more, if no two
      labels of a row differ (no sample of such rows can show a disagreement), or if alpha is undefined in too many
      samples.
    """
    compared = votes.rows(votes.given >= 2)
    if len(compared.codes) < MIN_ROWS:
        return None
    patterns, frequencies = np.unique(np.sort(compared.codes, axis=1), axis=0, return_counts=True)
    distinct = AnnotationMatrix(votes.labelers, votes.classes, patterns)
    row, label, count = distinct.counts()
    given = distinct.given
    # Ordered pairs of unequal labels of one row, divided by the row's labels - 1, as in Krippendorff's coincidences.
    apart = np.bincount(row, weights=count * (given[row] - count) / (given[row] - 1), minlength=len(patterns))
    if not apart.any():
        return None
    random = np.random.default_rng(seed)
    drawn = np.full(resamples, np.nan)
    for number in range(resamples):
        weights = random.poisson(frequencies).astype(float)
        totals = np.bincount(label, weights=weights[row] * count, minlength=len(votes.classes))
        labels = totals.sum()
        expected = (totals * (labels - totals)).sum()
        if expected > 0:
            drawn[number] = 1 - (weights @ apart) * (labels - 1) / expected
    known = drawn[np.isfinite(drawn)]
    if len(known) < (1 - MAX_UNKNOWN) * resamples:
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
