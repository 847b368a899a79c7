"""Where labelers disagree: pairs of classes, classes, slices of the data, single rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.annotations import MISSING, Votes

MIN_SLICE_ROWS = 20
"""Smaller slices are not compared: their agreement is mostly chance."""
MOST_SLICE_VALUES = 200
"""Values of a slicing column that are looked at, the most frequent."""


@dataclass(frozen=True)
class Confusion:
    """Two classes given to the same rows.

    Attributes:
      one: A class.
      other: Another.
      pairs: Pairs of labels of one row where one labeler said `one` and the other said `other`.
      share: Of all pairs that disagree, in [0, 1].
      by: The labeler who said `one` and the one who said `other` in most of them.
      by_pairs: In how many, as (one's way, the other way round) of these two labelers.
    """

    one: str
    other: str
    pairs: int
    share: float
    by: tuple[str, str]
    by_pairs: tuple[int, int]


@dataclass(frozen=True)
class ClassAgreement:
    """Specific agreement of one class (Spitzer & Fleiss, 1974): given one label of it, how likely another agrees.

    `labels` is how often the class was given in rows with two labels or more; `agreement` is in [0, 1].
    """

    label: str
    labels: int
    agreement: float


@dataclass(frozen=True)
class SliceAgreement:
    """Raw agreement within `column` = `value`: `rows` with two labels or more, `agreement` in [0, 1]."""

    column: str
    value: str
    rows: int
    agreement: float


@dataclass(frozen=True)
class SendBack:
    """A row for a person to decide: `row` is 0-based, `id` its id or None, `labels` labeler -> label."""

    row: int
    id: str | None
    labels: dict[str, str]


def confusions(votes: Votes) -> list[Confusion]:
    """Unordered pairs of classes, most frequent first."""
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
        rows.append(Confusion(votes.classes[x], votes.classes[y], pairs, pairs / everything, who, (forth, back)))
    return rows


def by_class(votes: Votes) -> list[ClassAgreement]:
    """Classes, least agreed first."""
    pairable = votes.rows(votes.given >= 2)
    rows, classes, counts = pairable.counts()
    others = pairable.given[rows] - 1
    # A row with m labels holds m (m - 1) ordered pairs; each label is given its share of its m - 1 partners.
    equal = np.bincount(classes, weights=counts * (counts - 1) / others, minlength=len(votes.classes))
    labels = np.bincount(classes, weights=counts, minlength=len(votes.classes))
    there = np.flatnonzero(labels)
    order = there[np.lexsort([there, equal[there] / labels[there]])]
    return [ClassAgreement(votes.classes[at], int(labels[at]), float(equal[at] / labels[at])) for at in order]


def slice_agreements(votes: Votes, columns: Mapping[str, pd.Series]) -> list[SliceAgreement]:
    """Slices, least agreed first; those with fewer than MIN_SLICE_ROWS compared rows are left out."""
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
        for at in np.argsort(-sizes, kind="stable")[:MOST_SLICE_VALUES]:
            if sizes[at] >= MIN_SLICE_ROWS:
                found.append(SliceAgreement(name, str(values[at]), int(sizes[at]), float(agree[at] / of[at])))
    return sorted(found, key=lambda row: (row.agreement, -row.rows))


def send_back(votes: Votes, ids: pd.DataFrame | None, most: int) -> list[SendBack]:
    """Rows whose labels differ, most divided first (share of the most frequent label), then in the data's order."""
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
        found.append(SendBack(int(row), None if ids is None else row_id(ids, int(row)), labels))
    return found


def row_id(ids: pd.DataFrame, row: int) -> str:
    """A row's id as a text; of several columns, joined by "|"."""
    return "|".join(str(value) for value in ids.iloc[row])
