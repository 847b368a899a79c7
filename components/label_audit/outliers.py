"""Rows unlike all others, and rows that are nearly alike and labelled differently."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.encoding import Encoded

OUTLYING = 0.65
"""Isolation score (Liu et al., 2008) from which a row is listed; 0.5 is usual, 1 a row that any cut sets apart."""
CELLS = 50
"""Two numbers are near if less than about this part of the column's range (1st to 99th percentile) apart."""


@dataclass(frozen=True)
class Outlier:
    """A row (0-based) unlike all others; `score` in (0, 1], higher is stranger."""

    row: int
    id: str | None
    score: float


@dataclass(frozen=True)
class NearConflict:
    """Rows (0-based, the first of them) that are nearly alike, how many there are, and label -> how often it occurs."""

    rows: tuple[int, ...]
    size: int
    labels: dict[str, int]


def outlier_scores(encoded: Encoded, seed: int = 0) -> np.ndarray:
    """Isolation forest's score of each row, N, in (0, 1]."""
    from sklearn.ensemble import IsolationForest

    if not len(encoded) or not encoded.matrix.shape[1]:
        return np.zeros(len(encoded))
    # Not the most frequent first: a rare category has to lie far out, as log(1 + rank) does. Missing is ordinary.
    matrix = encoded.matrix.copy()
    matrix[:, : encoded.categorical] = np.log1p(matrix[:, : encoded.categorical])
    known = ~np.isnan(matrix).all(axis=0)
    middle = np.zeros(matrix.shape[1])
    middle[known] = np.nanmedian(matrix[:, known], axis=0)
    matrix = np.where(np.isnan(matrix), middle, matrix).astype(np.float32)
    forest = IsolationForest(n_estimators=50, random_state=seed, n_jobs=1).fit(matrix)
    return -forest.score_samples(matrix)


def near_conflicts(encoded: Encoded, labels: np.ndarray, names: list[str], most: int) -> tuple[int, list[NearConflict]]:
    """Rows equal in every category and near in every number that do not share one label.

    Numbers are cut into cells, on two grids half a cell apart: rows that share a cell in every column of a grid are
    near.

    Args:
      encoded: Rows.
      labels: Codes, N.
      names: Of the codes.
      most: Groups at most, the largest first.

    Returns:
      Number of rows in such groups (of either grid), and the groups of the first grid, then of the second.
    """
    conflicting = np.zeros(len(labels), bool)
    groups: dict[tuple[int, ...], NearConflict] = {}
    for shift in (0.0, 0.5):
        keys = pd.util.hash_pandas_object(pd.DataFrame(_cells(encoded, shift)), index=False).to_numpy()
        group = np.unique(keys, return_inverse=True)[1]
        low = np.full(group.max(initial=-1) + 1, np.iinfo(np.int64).max)
        high = np.full(len(low), -1)
        np.minimum.at(low, group, labels)
        np.maximum.at(high, group, labels)
        mixed = (low != high)[group]
        conflicting |= mixed
        rows = np.flatnonzero(mixed)
        rows = rows[np.argsort(group[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(group[rows], prepend=-1))
        ends = np.append(starts[1:], len(rows))
        for at in np.argsort(starts - ends, kind="stable")[:most]:
            members = rows[starts[at] : ends[at]]
            counts = np.bincount(labels[members])
            shown = {names[code]: int(counts[code]) for code in np.flatnonzero(counts)}
            key = tuple(int(row) for row in members[:20])
            groups.setdefault(key, NearConflict(key, len(members), shown))
    return int(conflicting.sum()), sorted(groups.values(), key=lambda found: -found.size)[:most]


def _cells(encoded: Encoded, shift: float) -> np.ndarray:
    cells = encoded.matrix.copy()
    for at in range(encoded.categorical, cells.shape[1]):
        column = cells[:, at]
        known = column[~np.isnan(column)]
        if not len(known):
            continue
        low, high = np.percentile(known, (1, 99))
        width = (high - low) / CELLS
        if width > 0:
            cells[:, at] = np.floor((column - low) / width + shift)
    return cells
