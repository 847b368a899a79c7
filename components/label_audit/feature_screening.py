"""Feature screening by mutual information, which bounds the training time of boosting on wide tables."""

import numpy as np

from components.label_audit.encoding import EncodedFeatures

WIDE = 200
"""Maximum number of columns that boosting is trained on."""
_BINS = 32


def informative(encoded: EncodedFeatures, labels: np.ndarray, training: np.ndarray, most: int = WIDE) -> np.ndarray:
    """Selects the columns with the highest mutual information with the label.

    Values are binned in at most 32 bins: numbers at quantiles, categories by frequency with one bin for the rest, and
    one bin for missing values. The Miller-Madow bias (bins - 1)(classes - 1) / 2N is subtracted from the estimate, so
    that columns with many values have no advantage. Columns are scored one by one; a column that is informative only by
    interaction with another may be left out.

    Args:
      encoded: Features of N rows.
      labels: Class codes, or numbers, which are binned at their deciles, [N].
      training: Indices of the training rows; held-out rows are not used.
      most: Number of columns to select.

    Returns:
      Column indices, ascending.
    """
    columns = encoded.matrix.shape[1]
    if columns <= most:
        return np.arange(columns)
    codes = _label_codes(labels[training])
    matrix = encoded.matrix[training]
    scores = np.array([_information(_binned(matrix[:, at], at < encoded.categorical), codes) for at in range(columns)])
    return np.sort(np.argsort(-scores, kind="stable")[:most])


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
    """Mutual information in nats, corrected for bias (Miller-Madow)."""
    classes = int(codes.max()) + 1
    table = np.bincount(bins * classes + codes, minlength=(int(bins.max()) + 1) * classes).reshape(-1, classes)
    table = table[table.sum(axis=1) > 0] / len(codes)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0)
    filled = table > 0
    bias = (len(table) - 1) * (np.count_nonzero(table.sum(axis=0)) - 1) / (2 * len(codes))
    return float((table[filled] * np.log(table[filled] / expected[filled])).sum() - bias)
