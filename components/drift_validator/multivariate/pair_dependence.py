"""Which two columns go together otherwise than before: a quick scan of all pairs, and a pair as a column of its own."""

from dataclasses import dataclass

import numpy as np

FINE = 24  # bins of a column where two of them become a new column
MOST_COLUMNS = 300  # more are not scanned: the cost is their square


@dataclass(frozen=True, eq=False)
class Lift:
    """How much more often than by chance the values of two columns meet, in the rows of both sides together.

    The log of the observed over the expected count of a cell, both raised by a half. Blind to the side, so it may be
    taken from all rows, the held-out ones too. A broken relation puts rows where the lift is low, whatever the cell:
    what hundreds of cells with a row or two cannot show one by one shows in this one number.
    """

    first: int
    second: int
    table: np.ndarray

    def of(self, bins: np.ndarray) -> np.ndarray:
        """The lift of each row; `bins` int, (rows, all columns), from `bin_columns` with FINE."""
        lifts: np.ndarray = self.table[bins[:, self.first], bins[:, self.second]]
        return lifts


def lift(bins: np.ndarray, first: int, second: int) -> Lift:
    """The lift between the columns number `first` and `second`."""
    seen = np.bincount(bins[:, first] * FINE + bins[:, second], minlength=FINE * FINE).reshape(FINE, FINE)
    expected = seen.sum(1, keepdims=True) * seen.sum(0, keepdims=True) / max(len(bins), 1)
    return Lift(first, second, np.log((seen + 0.5) / (expected + 0.5)))


def bin_columns(values: np.ndarray, categorical: np.ndarray, bins: int) -> np.ndarray:
    """Values as bins, int, (rows, columns), each in [0, bins): 0 = missing.

    Numbers by quantiles of all rows, or each value a bin where they are few; categories by frequency, the last bin
    takes the rest.
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


def scan(values: np.ndarray, categorical: np.ndarray, train: np.ndarray, residual: np.ndarray) -> list[tuple[int, int]]:
    """All pairs of columns, the one that tells the sides apart most first.

    The residual is what the columns one by one leave unexplained of a row's side; a pair that explains some of it is
    what is looked for (the idea of FAST: Lou, Caruana, Gehrke, Hooker, KDD 2013). Two figures for a pair, the larger
    counts: the residual's covariance with the pair's lift, in standard errors, and chi-square over the cells, brought
    to the normal scale (Wilson and Hilferty). Both after the parts of rows and columns are taken out.

    Args:
      values: float64, (rows, columns), all rows of both sides.
      categorical: bool, (columns,).
      train: bool, (rows,): the rows that may be learned from.
      residual: float64, (train.sum(),), in [-1, 1].
    """
    p = values.shape[1]
    bins = int(np.clip(2000 // max(p, 1), 6, 12))
    code = bin_columns(values, categorical, bins)
    kept = np.sort(np.argsort([-_entropy(column) for column in code.T], kind="stable")[:MOST_COLUMNS])
    code, p = code[:, kept], len(kept)
    hot = np.zeros((len(code), p * bins), dtype=np.float32)
    hot[np.arange(len(code))[:, None], code + bins * np.arange(p)] = 1
    # Whole numbers below 2^24: float32 sums them exactly, so the number of threads changes nothing.
    scale = 2.0 ** np.floor(np.log2(2**24 / max(len(residual), 1)))
    whole = np.round(residual * scale).astype(np.float32)
    seen = hot.T @ hot
    hot = hot[train]
    told = hot.T @ (hot * whole[:, None]) / np.float32(scale)
    variance = float(np.mean(residual**2)) * len(residual) / len(code)
    found = []
    for i in range(p - 1):
        # One column against all later ones at a time, so that memory stays small.
        rows, columns = slice(i * bins, (i + 1) * bins), slice((i + 1) * bins, p * bins)
        n, s = (
            table[rows, columns].reshape(bins, p - 1 - i, bins).swapaxes(0, 1).astype(np.float64)
            for table in (seen, told)
        )
        for j, score in enumerate(_scores(n, s, n * variance, len(code)), start=i + 1):
            found.append((float(score), int(kept[i]), int(kept[j])))
    found.sort(key=lambda pair: (-pair[0], pair[1:]))
    return [(first, second) for _, first, second in found]


def _scores(seen: np.ndarray, told: np.ndarray, variance: np.ndarray, rows: int) -> np.ndarray:
    """Of tables (pairs, bins, bins)."""
    expected = seen.sum(-1, keepdims=True) * seen.sum(-2, keepdims=True) / rows
    lifts = _centred(np.where(seen > 0, np.log((seen + 0.5) / (expected + 0.5)), 0.0), variance)
    excess = _centred(np.divide(told, variance, out=np.zeros_like(told), where=variance > 0), variance)
    spread = (variance * lifts**2).sum((-1, -2))
    along = np.abs((excess * variance * lifts).sum((-1, -2))) / np.sqrt(np.maximum(spread, 1e-9))
    full = variance >= 1  # about four rows; below, chi-square is no law for a cell
    chi = np.where(full, excess**2 * variance, 0.0).sum((-1, -2))
    free = np.maximum(full.sum((-1, -2)) - full.any(-1).sum(-1) - full.any(-2).sum(-1) + 1, 1)
    normal: np.ndarray = (np.cbrt(chi / free) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free))
    return np.maximum(along, normal)


def _centred(tables: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Without the weighted means of rows and columns, in turn: six rounds leave a few per cent of them at most."""
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
