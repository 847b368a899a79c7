"""Outliers by an isolation forest, and nearly equal rows with different labels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.encoding import EncodedFeatures

OUTLYING = 0.65
"""Isolation forest score (Liu et al., 2008) from which a row is an outlier. Typical rows score 0.5; a row that is
isolated by any split scores 1."""
CELLS = 50
"""Grid cells between the 1st and the 99th percentile of a numeric column; numbers in one cell are nearly equal."""


@dataclass(frozen=True)
class Outlier:
    """An outlier.

    Attributes:
      row: 0-based position.
      id: The row's id; None without id columns.
      score: Isolation forest score in (0, 1]; higher is more unusual.
    """

    row: int
    id: str | None
    score: float


@dataclass(frozen=True)
class NearConflict:
    """A group of nearly equal rows with different labels.

    Attributes:
      rows: 0-based positions of the first 20 rows.
      size: Number of rows.
      labels: Label -> number of rows.
    """

    rows: tuple[int, ...]
    size: int
    labels: dict[str, int]


def outlier_scores(encoded: EncodedFeatures, seed: int = 0) -> np.ndarray:
    """Computes the isolation forest score of each row.

    Args:
      encoded: Features of N rows.
      seed: Random seed of the forest.

    Returns:
      Scores [N] in (0, 1]; 0 without features.
    """
    from sklearn.ensemble import IsolationForest

    if not len(encoded) or not encoded.matrix.shape[1]:
        return np.zeros(len(encoded))
    # Rare categories have high codes; the log limits how far out they lie. Missing values are imputed by the median.
    matrix = encoded.matrix.copy()
    matrix[:, : encoded.categorical] = np.log1p(matrix[:, : encoded.categorical])
    known = ~np.isnan(matrix).all(axis=0)
    middle = np.zeros(matrix.shape[1])
    middle[known] = np.nanmedian(matrix[:, known], axis=0)
    matrix = np.where(np.isnan(matrix), middle, matrix).astype(np.float32)
    forest = IsolationForest(n_estimators=50, random_state=seed, n_jobs=1).fit(matrix)
    return -forest.score_samples(matrix)


def near_conflicts(
    encoded: EncodedFeatures, labels: np.ndarray, names: list[str], most: int
) -> tuple[int, list[NearConflict]]:
    """Finds rows with different labels that are equal in every category and nearly equal in every number.

    Numbers are discretised on two grids that are shifted by half a cell. Rows that share a cell in every column of one
    grid are nearly equal.

    Args:
      encoded: Features of N rows.
      labels: Class codes, [N].
      names: Class names by code.
      most: Maximum number of groups.

    Returns:
      Number of rows in such groups of either grid, and the largest groups.
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


def _cells(encoded: EncodedFeatures, shift: float) -> np.ndarray:
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
