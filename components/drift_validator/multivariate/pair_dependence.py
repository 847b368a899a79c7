"""Ranks pairs of columns by the change of their dependence, and encodes a pair as one feature, its lift."""

from dataclasses import dataclass

import numpy as np

FINE = 24  # bins of each column for the lift of a pair
MAX_COLUMNS = 300  # maximum number of columns to rank pairs of; the cost is quadratic


@dataclass(frozen=True, eq=False)
class PairLift:
    """Log lift of two binned columns over the rows of both tables: log of observed over expected cell count.

    Half a row is added to both counts. The lift does not use which table a row is from, so it is computed on all rows,
    including the test rows. Where a dependence is broken, rows fall into cells of low lift; one feature then shows a
    change that is spread over many cells with few rows.

    Attributes:
      first: Index of the first column.
      second: Index of the second column.
      table: Log lift by bins of the two columns, [FINE, FINE].
    """

    first: int
    second: int
    table: np.ndarray

    def of(self, bins: np.ndarray) -> np.ndarray:
        """Returns the lift of each row, [N].

        Args:
          bins: Output of `bin_columns` with FINE bins, int [N, all columns].
        """
        lifts: np.ndarray = self.table[bins[:, self.first], bins[:, self.second]]
        return lifts


def lift(bins: np.ndarray, first: int, second: int) -> PairLift:
    """Computes the lift of a pair of columns.

    Args:
      bins: Output of `bin_columns` with FINE bins, int [N, all columns].
      first: Index of the first column.
      second: Index of the second column.
    """
    seen = np.bincount(bins[:, first] * FINE + bins[:, second], minlength=FINE * FINE).reshape(FINE, FINE)
    expected = seen.sum(1, keepdims=True) * seen.sum(0, keepdims=True) / max(len(bins), 1)
    return PairLift(first, second, np.log((seen + 0.5) / (expected + 0.5)))


def bin_columns(values: np.ndarray, categorical: np.ndarray, bins: int) -> np.ndarray:
    """Bins columns: numbers by quantiles (or by value where there are few), categories by frequency.

    Args:
      values: float64 [N, C]; NaN = missing.
      categorical: True for categorical columns, bool [C].
      bins: Number of bins. The last bin of a categorical column holds all rarer values.

    Returns:
      Bins, int [N, C], in [0, bins); 0 = missing.
    """
    out = np.zeros(values.shape, dtype=np.int64)
    for j, column in enumerate(values.T):
        there = ~np.isnan(column)
        found = column[there]
        if not len(found):
            continue
        if categorical[j]:
            code = np.minimum(found, bins - 2)
        else:
            distinct, code = np.unique(found, return_inverse=True)
            if len(distinct) > bins - 1:
                ranked = np.sort(found)
                cuts = np.unique(ranked[np.arange(1, bins - 1) * len(ranked) // (bins - 1)])
                code = np.searchsorted(cuts, found, side="right")
        out[there, j] = 1 + code
    return out


def screen_pairs(
    values: np.ndarray, categorical: np.ndarray, train: np.ndarray, residual: np.ndarray
) -> list[tuple[int, int]]:
    """Ranks all pairs of columns by how much they explain of the residuals of an additive classifier.

    The idea is that of FAST (Lou, Caruana, Gehrke, Hooker, KDD 2013). The score of a pair is the larger of two
    statistics: the covariance of the residual with the pair's lift, in standard errors, and chi-square over the cells,
    transformed to the normal scale (Wilson and Hilferty). Main effects of both columns are removed before.

    Args:
      values: float64 [N, C], rows of both tables.
      categorical: True for categorical columns, bool [C].
      train: True for training rows, bool [N].
      residual: Residuals of the training rows, float64 [train.sum()], in [-1, 1].

    Returns:
      Pairs of column indices, highest score first.
    """
    p = values.shape[1]
    bins = int(np.clip(2000 // max(p, 1), 6, 12))
    code = bin_columns(values, categorical, bins)
    kept = np.sort(np.argsort([-_entropy(column) for column in code.T], kind="stable")[:MAX_COLUMNS])
    code, p = code[:, kept], len(kept)
    hot = np.zeros((len(code), p * bins), dtype=np.float32)
    hot[np.arange(len(code))[:, None], code + bins * np.arange(p)] = 1
    # Scale to integers below 2^24, whose sums are exact in float32; the result is then independent of threads.
    scale = 2.0 ** np.floor(np.log2(2**24 / max(len(residual), 1)))
    whole = np.round(residual * scale).astype(np.float32)
    seen = hot.T @ hot
    hot = hot[train]
    residual_sums = hot.T @ (hot * whole[:, None]) / np.float32(scale)
    variance = float(np.mean(residual**2)) * len(residual) / len(code)
    found = []
    for i in range(p - 1):
        # Process one column against all later ones at a time to bound memory.
        rows, columns = slice(i * bins, (i + 1) * bins), slice((i + 1) * bins, p * bins)
        n, s = (
            table[rows, columns].reshape(bins, p - 1 - i, bins).swapaxes(0, 1).astype(np.float64)
            for table in (seen, residual_sums)
        )
        for j, score in enumerate(_scores(n, s, n * variance, len(code)), start=i + 1):
            found.append((float(score), int(kept[i]), int(kept[j])))
    found.sort(key=lambda pair: (-pair[0], pair[1:]))
    return [(first, second) for _, first, second in found]


def _scores(seen: np.ndarray, residual_sums: np.ndarray, variance: np.ndarray, rows: int) -> np.ndarray:
    """Scores of pairs from their contingency tables, [pairs, bins, bins]."""
    expected = seen.sum(-1, keepdims=True) * seen.sum(-2, keepdims=True) / rows
    lifts = _centred(np.where(seen > 0, np.log((seen + 0.5) / (expected + 0.5)), 0.0), variance)
    excess = _centred(
        np.divide(residual_sums, variance, out=np.zeros_like(residual_sums), where=variance > 0), variance
    )
    spread = (variance * lifts**2).sum((-1, -2))
    covariance = np.abs((excess * variance * lifts).sum((-1, -2))) / np.sqrt(np.maximum(spread, 1e-9))
    full = variance >= 1  # about four rows; the chi-square approximation needs as many per cell
    chi = np.where(full, excess**2 * variance, 0.0).sum((-1, -2))
    degrees_of_freedom = np.maximum(full.sum((-1, -2)) - full.any(-1).sum(-1) - full.any(-2).sum(-1) + 1, 1)
    normal: np.ndarray = (np.cbrt(chi / degrees_of_freedom) - (1 - 2 / (9 * degrees_of_freedom))) / np.sqrt(
        2 / (9 * degrees_of_freedom)
    )
    return np.maximum(covariance, normal)


def _centred(tables: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Removes weighted row and column means by six rounds of alternating projections; a few per cent may remain."""
    for _ in range(6):
        for axis in (-1, -2):
            whole = weights.sum(axis, keepdims=True)
            part = (tables * weights).sum(axis, keepdims=True)
            tables = tables - np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return tables


def _entropy(code: np.ndarray) -> float:
    share = np.bincount(code) / len(code)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())
