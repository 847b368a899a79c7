"""Rows that say the same and are labelled differently."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class LabelConsistency:
    """Consistency of labels among rows that are equal in every feature.

    Attributes:
      rows: Rows looked at.
      classes: Label value -> share of the rows.
      repeated_rows: Rows that share all their features with another row.
      conflicting_rows: Of those, rows in groups with more than one label.
      ceiling: Highest accuracy that any function of the features can reach on these rows: each group gets its most
        frequent label. 1 = consistent.
      repeated_ids: Rows whose id another row has too.
    """

    rows: int
    classes: dict[str, float]
    repeated_rows: int
    conflicting_rows: int
    ceiling: float
    repeated_ids: int


def label_consistency(
    rows: pd.DataFrame, label: str, features: Sequence[str], ids: Sequence[str] = ()
) -> LabelConsistency:
    """Measures label consistency.

    Args:
      rows: One row an example; missing values are allowed and equal each other.
      label: Label column, without missing values.
      features: Columns that make two rows the same.
      ids: Columns that name a row.
    """
    group = equal_rows(rows, features)
    size = np.bincount(group)
    pairs = _joined(group, pd.factorize(rows[label])[0])
    of_pair = np.zeros(pairs.max(initial=-1) + 1, np.int64)
    of_pair[pairs] = group
    labels = np.bincount(of_pair, minlength=len(size))
    # The most frequent label of each group, summed over groups: what a lookup table of all rows would get right.
    most = np.zeros(len(size), np.int64)
    np.maximum.at(most, of_pair, np.bincount(pairs))
    right = most.sum()
    shares = rows[label].value_counts(normalize=True)
    return LabelConsistency(
        rows=len(rows),
        classes={str(value): float(share) for value, share in shares.items()},
        repeated_rows=int((size[group] > 1).sum()),
        conflicting_rows=int((labels[group] > 1).sum()),
        ceiling=float(right / len(rows)) if len(rows) else 1.0,
        repeated_ids=int(rows.duplicated(list(ids), keep=False).sum()) if ids else 0,
    )


def equal_rows(rows: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Number of each row's group, [N], from 0: rows of one group are equal in every feature, missing equals missing.

    Column after column splits the groups; once every row is alone, nothing is left to split. So a wide table costs a
    few columns only, where `DataFrame.groupby` works on the keys of all of them.
    """
    group, groups = np.zeros(len(rows), np.int64), min(1, len(rows))
    for feature in features:
        if groups == len(rows):
            break
        group = _joined(group, pd.factorize(rows[feature])[0])
        groups = int(group.max()) + 1
    return group


def _joined(group: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Numbers of the pairs that occur, from 0; -1 of `codes` is missing, a value of its own. Exact for N < 2^31."""
    found: np.ndarray = pd.factorize(group * (codes.max(initial=-1) + 2) + codes + 1)[0].astype(np.int64)
    return found
