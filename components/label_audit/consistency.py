"""Label consistency: rows that are equal in every feature but labelled differently."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class LabelConsistency:
    """Consistency of labels among rows that are equal in every feature.

    Attributes:
      rows: Number of rows.
      classes: Label value -> share of the rows, in [0, 1].
      repeated_rows: Rows that are equal to another row in every feature.
      conflicting_rows: Rows among these whose group has more than one label.
      ceiling: Highest accuracy in [0, 1] that a function of the features can reach on these rows: that of the most
        frequent label of each group. 1 = consistent.
      repeated_ids: Rows whose id occurs more than once.
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
      rows: One row for each example. Missing feature values are equal to each other.
      label: Label column, without missing values.
      features: Columns that are compared.
      ids: Id columns.
    """
    group = equal_rows(rows, features)
    size = np.bincount(group)
    pairs = _joined(group, pd.factorize(rows[label])[0])
    of_pair = np.zeros(pairs.max(initial=-1) + 1, np.int64)
    of_pair[pairs] = group
    labels = np.bincount(of_pair, minlength=len(size))
    # Accuracy of a lookup table of all rows: sum over groups of the count of the most frequent label.
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
    """Groups rows that are equal in every feature; missing values are equal to each other.

    Groups are refined column by column until every row is a group of its own. On a wide table this takes a few columns,
    where `DataFrame.groupby` would use all of them.

    Args:
      rows: N rows.
      features: Columns that are compared.

    Returns:
      Group number of each row, [N], from 0.
    """
    group, groups = np.zeros(len(rows), np.int64), min(1, len(rows))
    for feature in features:
        if groups == len(rows):
            break
        group = _joined(group, pd.factorize(rows[feature])[0])
        groups = int(group.max()) + 1
    return group


def _joined(group: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Numbers the distinct pairs (group, code) from 0; code -1 (missing) is a separate value. Exact for N < 2^31."""
    found: np.ndarray = pd.factorize(group * (codes.max(initial=-1) + 2) + codes + 1)[0].astype(np.int64)
    return found
