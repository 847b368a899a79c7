"""Where annotators disagree: by pair of classes, class, slice and row."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.annotations import MISSING, AnnotationMatrix

MIN_SLICE_ROWS = 20
"""Minimum number of compared rows of a slice; the agreement of smaller slices varies too much."""
MAX_SLICE_VALUES = 200
"""Maximum number of values of a slicing column, the most frequent ones."""


@dataclass(frozen=True)
class AnnotatorConfusion:
    """Disagreement between two classes.

    Attributes:
      one: First class.
      other: Second class.
      pairs: Pairs of labels of one row with these two classes.
      share: Share of all unequal pairs, in [0, 1].
      by: The two annotators with most of these pairs: who more often gave `one`, and who more often gave `other`.
      by_pairs: Pairs of these two annotators in that direction, and in the opposite direction.
    """

    one: str
    other: str
    pairs: int
    share: float
    by: tuple[str, str]
    by_pairs: tuple[int, int]


@dataclass(frozen=True)
class ClassAgreement:
    """Specific agreement of one class (Spitzer & Fleiss, 1974).

    Attributes:
      label: The class.
      labels: How often it was given in rows with two labels or more.
      agreement: Probability that another label of the row is of this class, too, in [0, 1].
    """

    label: str
    labels: int
    agreement: float


@dataclass(frozen=True)
class SliceAgreement:
    """Raw agreement within one slice.

    Attributes:
      column: Slicing column.
      value: Its value.
      rows: Rows with two labels or more.
      agreement: Share of equal pairs of labels, in [0, 1].
    """

    column: str
    value: str
    rows: int
    agreement: float


@dataclass(frozen=True)
class RelabelRequest:
    """A row to review, because its labels differ.

    Attributes:
      row: 0-based position.
      id: The row's id; None without id columns.
      labels: Annotator -> label.
    """

    row: int
    id: str | None
    labels: dict[str, str]


def confusions(votes: AnnotationMatrix) -> list[AnnotatorConfusion]:
    """Counts unequal pairs of labels by unordered pair of classes, most frequent first."""
    k, count = len(votes.classes), len(votes.labelers)
    totals: dict[tuple[int, int], int] = {}
    by: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}
    for i in range(count):
        for j in range(i + 1, count):
            a, b = votes.codes[:, i], votes.codes[:, j]
            apart = (a != MISSING) & (b != MISSING) & (a != b)
            keys, numbers = np.unique(a[apart] * k + b[apart], return_counts=True)
            found = {(int(key) // k, int(key) % k): int(n) for key, n in zip(keys, numbers, strict=True)}
            for x, y in {(min(pair), max(pair)) for pair in found}:
                forth, back = found.get((x, y), 0), found.get((y, x), 0)
                totals[x, y] = totals.get((x, y), 0) + forth + back
                by.setdefault((x, y), []).append((forth, back, i, j))
    everything = sum(totals.values())
    rows = []
    for (x, y), pairs in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        forth, back, i, j = max(by[x, y], key=lambda entry: entry[0] + entry[1])
        if back > forth:
            forth, back, i, j = back, forth, j, i
        who = (votes.labelers[i], votes.labelers[j])
        rows.append(
            AnnotatorConfusion(votes.classes[x], votes.classes[y], pairs, pairs / everything, who, (forth, back))
        )
    return rows


def by_class(votes: AnnotationMatrix) -> list[ClassAgreement]:
    """Computes the specific agreement of each class, lowest first."""
    pairable = votes.rows(votes.given >= 2)
    rows, classes, counts = pairable.counts()
    others = pairable.given[rows] - 1
    # A row with m labels has m (m - 1) ordered pairs; each label is weighted by 1 / (m - 1), so that rows count by m.
    equal = np.bincount(classes, weights=counts * (counts - 1) / others, minlength=len(votes.classes))
    labels = np.bincount(classes, weights=counts, minlength=len(votes.classes))
    there = np.flatnonzero(labels)
    order = there[np.lexsort([there, equal[there] / labels[there]])]
    return [ClassAgreement(votes.classes[at], int(labels[at]), float(equal[at] / labels[at])) for at in order]


def slice_agreements(votes: AnnotationMatrix, columns: Mapping[str, pd.Series]) -> list[SliceAgreement]:
    """Computes the raw agreement of each slice, lowest first.

    Args:
      votes: Labels of N rows.
      columns: Slicing column -> values, [N].

    Returns:
      Slices with at least MIN_SLICE_ROWS compared rows.
    """
    compared = votes.given >= 2
    pairable = votes.rows(compared)
    rows, _, counts = pairable.counts()
    given = pairable.given
    equal = np.bincount(rows, weights=counts * (counts - 1), minlength=len(given))
    pairs = given * (given - 1)
    found = []
    for name, column in columns.items():
        codes, values = pd.factorize(column.reset_index(drop=True)[compared])
        there = codes >= 0
        sizes = np.bincount(codes[there], minlength=len(values))
        agree = np.bincount(codes[there], weights=equal[there], minlength=len(values))
        of = np.bincount(codes[there], weights=pairs[there], minlength=len(values))
        for at in np.argsort(-sizes, kind="stable")[:MAX_SLICE_VALUES]:
            if sizes[at] >= MIN_SLICE_ROWS:
                found.append(SliceAgreement(name, str(values[at]), int(sizes[at]), float(agree[at] / of[at])))
    return sorted(found, key=lambda row: (row.agreement, -row.rows))


def relabel_requests(votes: AnnotationMatrix, ids: pd.DataFrame | None, most: int) -> list[RelabelRequest]:
    """Selects rows whose labels differ.

    Args:
      votes: Labels of N rows.
      ids: Id columns of the N rows, or None.
      most: Maximum number of rows.

    Returns:
      Rows sorted by the share of the row's most frequent label, lowest first, then by position.
    """
    rows, _, counts = votes.counts()
    highest = np.zeros(len(votes.codes), np.int64)
    np.maximum.at(highest, rows, counts)
    given = votes.given
    divided = np.flatnonzero(highest < given)
    order = divided[np.lexsort([divided, highest[divided] / given[divided]])][:most]
    found = []
    for row in order:
        labels = {
            name: votes.classes[code]
            for name, code in zip(votes.labelers, votes.codes[row], strict=True)
            if code != MISSING
        }
        found.append(RelabelRequest(int(row), None if ids is None else row_id(ids, int(row)), labels))
    return found


def row_id(ids: pd.DataFrame, row: int) -> str:
    """Returns a row's id as text; the values of several id columns are joined by "|"."""
    return "|".join(str(value) for value in ids.iloc[row])
