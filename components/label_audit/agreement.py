"""Label consistency between labelers: how far they agree, where not, and what that says of the best reachable error."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from components.label_audit.agreement_coefficients import cohen_kappa, fleiss_kappa, krippendorff_alpha
from components.label_audit.annotations import MISSING, Votes, votes
from components.label_audit.disagreement import (
    ClassAgreement,
    Confusion,
    SendBack,
    SliceAgreement,
    by_class,
    confusions,
    send_back,
    slice_agreements,
)


@dataclass(frozen=True)
class Pair:
    """Two labelers, on the `rows` that both labelled. `agreement` is in [0, 1], `kappa` Cohen's; None if undefined."""

    one: str
    other: str
    rows: int
    agreement: float | None
    kappa: float | None


@dataclass(frozen=True)
class Labeler:
    """One labeler against the others.

    Attributes:
      name: Column.
      labelled: Rows with a label of this one.
      agreement: Share of the rows, in [0, 1], where the label is the most frequent one among the others' labels (ties
        among these count in part); None where no other labelled the same rows.
    """

    name: str
    labelled: int
    agreement: float | None


@dataclass(frozen=True)
class Agreement:
    """What several labelers' labels of the same rows say.

    Attributes:
      labelers: Each against the others.
      rows: Rows of the data.
      compared: Rows with two labels or more; all figures are about these.
      classes: Number of distinct labels.
      raw: Share of the pairs of labels of one row that are equal, in [0, 1]; each row counts as its number of pairs.
      unanimous: Share of the compared rows whose labels are all equal.
      cohen: Pairs of labelers.
      fleiss: Fleiss' kappa over the rows that every labeler labelled.
      alpha: Krippendorff's alpha, nominal, over all compared rows.
      human_level: Accuracy, in [0, 1], of a labeler judged by the others: mean of the labelers' `agreement`. A model
        that is judged by labels of this kind is at human level there.
      best_error: Error, in [0, 1], that a model which always knows the truth would still show against one labeler's
        labels: see `error_of_one`. None where agreement is no better than chance.
      confusions: Unordered pairs of classes, most frequent first.
      by_class: Least agreed first.
      by_slice: Least agreed first.
      disagreeing: Rows whose labels are not all equal.
      send_back: Of these, the first for a person to decide.
    """

    labelers: tuple[Labeler, ...]
    rows: int
    compared: int
    classes: int
    raw: float | None
    unanimous: float | None
    cohen: tuple[Pair, ...]
    fleiss: float | None
    alpha: float | None
    human_level: float | None
    best_error: float | None
    confusions: tuple[Confusion, ...]
    by_class: tuple[ClassAgreement, ...]
    by_slice: tuple[SliceAgreement, ...]
    disagreeing: int
    send_back: tuple[SendBack, ...]


def agreement(
    rows: pd.DataFrame,
    labelers: Sequence[str],
    ids: Sequence[str] = (),
    slices: Sequence[str] = (),
    most: int = 100,
) -> Agreement:
    """Measures agreement.

    Args:
      rows: One row an item; a labeler's column may have gaps. Repeated ids are rows of their own.
      labelers: Columns; a single one has nobody to agree with, and every figure is None.
      ids: Columns that name a row.
      slices: Columns by whose values agreement is compared.
      most: Entries at most in `confusions`, `by_class`, `by_slice` and `send_back`.
    """
    found = votes({name: rows[name] for name in labelers})
    compared = found.given >= 2
    of_rows, _, counts = found.rows(compared).counts()
    given = found.given[compared]
    pairs = (given * (given - 1)).sum()
    equal = (counts * (counts - 1)).sum()
    raw = float(equal / pairs) if pairs else None
    highest = np.zeros(len(given), np.int64)
    np.maximum.at(highest, of_rows, counts)
    each = tuple(_labelers(found))
    known = [labeler.agreement for labeler in each if labeler.agreement is not None]
    return Agreement(
        labelers=each,
        rows=len(rows),
        compared=int(compared.sum()),
        classes=len(found.classes),
        raw=raw,
        unanimous=float((highest == given).mean()) if len(given) else None,
        cohen=tuple(_pairs(found)),
        fleiss=fleiss_kappa(found),
        alpha=krippendorff_alpha(found),
        human_level=float(np.mean(known)) if known else None,
        best_error=None if raw is None else error_of_one(raw, len(found.classes)),
        confusions=tuple(confusions(found)[:most]),
        by_class=tuple(by_class(found)[:most]),
        by_slice=tuple(slice_agreements(found, {name: rows[name] for name in slices})[:most]),
        disagreeing=int((highest < given).sum()),
        send_back=tuple(send_back(found, rows[list(ids)] if ids else None, most)),
    )


def error_of_one(raw: float, classes: int) -> float | None:
    """The error e of one labeler that explains how often two of them agree.

    Both are taken to be independent, equally good, and wrong towards any other class alike: they agree with
    probability raw = (1 - e)^2 + e^2 / (K - 1), so that with c = K / (K - 1), e = (1 - sqrt(1 - c (1 - raw))) / c.
    Labelers who share a misunderstanding agree more than that: then e is too low.

    Args:
      raw: Share of equal pairs, in [0, 1].
      classes: K.

    Returns:
      e in [0, (K - 1) / K]; None where raw is below 1 / K, which chance alone reaches.
    """
    if classes < 2:
        return 0.0
    c = classes / (classes - 1)
    inside = 1 - c * (1 - raw)
    return None if inside < -1e-12 else (1 - math.sqrt(max(inside, 0.0))) / c


def _pairs(found: Votes) -> list[Pair]:
    pairs = []
    for (i, one), (j, other) in combinations(enumerate(found.labelers), 2):
        both = (found.codes[:, [i, j]] != MISSING).all(axis=1)
        a, b = found.codes[both, i], found.codes[both, j]
        share = float((a == b).mean()) if len(a) else None
        pairs.append(Pair(one, other, len(a), share, cohen_kappa(a, b, len(found.classes))))
    return pairs


def _labelers(found: Votes) -> list[Labeler]:
    """Each against the others' most frequent label; a tie of t labels counts as 1/t where one is the labeler's."""
    each = []
    for at, name in enumerate(found.labelers):
        others = found.codes.copy()
        others[:, at] = MISSING
        judged = (found.codes[:, at] != MISSING) & (others != MISSING).any(axis=1)
        own = found.codes[judged, at]
        row, label, count = Votes(found.labelers, found.classes, others[judged]).counts()
        highest = np.zeros(len(own), np.int64)
        np.maximum.at(highest, row, count)
        top = count == highest[row]
        ties = np.bincount(row[top], minlength=len(own))
        right = np.zeros(len(own))
        same = top & (label == own[row])
        right[row[same]] = 1 / ties[row[same]]
        labelled = int((found.codes[:, at] != MISSING).sum())
        each.append(Labeler(name, labelled, float(right.mean()) if len(own) else None))
    return each


def worst_labeler(found: Agreement) -> tuple[Labeler, float] | None:
    """The one of three or more who agrees least with the others, and the mean of the rest; None if there are fewer."""
    known: Mapping[str, float] = {each.name: each.agreement for each in found.labelers if each.agreement is not None}
    if len(known) < 3:
        return None
    name = min(known, key=lambda key: known[key])
    rest = float(np.mean([share for other, share in known.items() if other != name]))
    return next(each for each in found.labelers if each.name == name), rest
