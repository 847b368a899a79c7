"""Which columns of a wide table tell most about the label: the cost of boosting grows with the columns."""

import numpy as np

from components.label_audit.encoding import Encoded

WIDE = 200
"""Columns that boosting learns from, at most."""
_BINS = 32


def informative(encoded: Encoded, labels: np.ndarray, training: np.ndarray, most: int = WIDE) -> np.ndarray:
    """Indices of the `most` columns with the greatest mutual information with the label, ascending.

    Values are cut into at most 32 bins: categories by frequency, the rest in one, numbers at their quantiles, missing
    as a bin of its own. From the estimate the Miller-Madow correction is taken off, (bins - 1)(classes - 1) / 2N, so
    that a column does not gain by having many values. Each column is looked at by itself: one that tells only together
    with another may be left out.

    Args:
      encoded: Rows.
      labels: N, codes; or numbers, which are cut at their deciles.
      training: Indices of the rows to look at, so that a held-out row has no say.
      most: Columns wanted.
    """
    columns = encoded.matrix.shape[1]
    if columns <= most:
        return np.arange(columns)
    codes = _label_codes(labels[training])
    matrix = encoded.matrix[training]
    told = np.array([_information(_binned(matrix[:, at], at < encoded.categorical), codes) for at in range(columns)])
    return np.sort(np.argsort(-told, kind="stable")[:most])


def _label_codes(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind in "iu":
        return np.unique(labels, return_inverse=True)[1]
    return np.searchsorted(np.quantile(labels, np.arange(1, 10) / 10), labels, side="right")


def _binned(column: np.ndarray, categorical: bool) -> np.ndarray:
    missing = np.isnan(column)
    known = column[~missing]
    if categorical or not len(known):
        bins = np.minimum(known, _BINS - 2)
    else:
        cuts = np.unique(np.quantile(known, np.arange(1, _BINS - 1) / (_BINS - 1)))
        bins = np.searchsorted(cuts, known, side="left")
    found = np.zeros(len(column), np.int64)
    found[~missing] = bins.astype(np.int64) + 1
    return found


def _information(bins: np.ndarray, codes: np.ndarray) -> float:
    """Estimated mutual information in nats."""
    classes = int(codes.max()) + 1
    table = np.bincount(bins * classes + codes, minlength=(int(bins.max()) + 1) * classes).reshape(-1, classes)
    table = table[table.sum(axis=1) > 0] / len(codes)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0)
    filled = table > 0
    bias = (len(table) - 1) * (np.count_nonzero(table.sum(axis=0)) - 1) / (2 * len(codes))
    return float((table[filled] * np.log(table[filled] / expected[filled])).sum() - bias)
