"""Rows that say the same and are labelled differently."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    groups = rows.groupby(list(features), dropna=False, sort=False)[label]
    size = groups.transform("size")
    conflicting = groups.transform("nunique") > 1
    # The most frequent label of each group, summed over groups: what a lookup table of all rows would get right.
    counts = rows.groupby([*features, label], dropna=False, sort=False).size()
    right = counts.groupby(level=list(range(len(features))), dropna=False, sort=False).max().sum()
    shares = rows[label].value_counts(normalize=True)
    return LabelConsistency(
        rows=len(rows),
        classes={str(value): float(share) for value, share in shares.items()},
        repeated_rows=int((size > 1).sum()),
        conflicting_rows=int(conflicting.sum()),
        ceiling=float(right / len(rows)) if len(rows) else 1.0,
        repeated_ids=int(rows.duplicated(list(ids), keep=False).sum()) if ids else 0,
    )
