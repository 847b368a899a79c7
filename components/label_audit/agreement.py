"""Inter-annotator agreement, where annotators disagree, and the lowest error that a model can show on their labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from components.label_audit.agreement_coefficients import cohen_kappa, fleiss_kappa, krippendorff_alpha
from components.label_audit.agreement_interval import alpha_interval
from components.label_audit.annotations import MISSING, AnnotationMatrix, annotation_matrix
from components.label_audit.disagreement import (
    AnnotatorConfusion,
    ClassAgreement,
    RelabelRequest,
    SliceAgreement,
    by_class,
    confusions,
    relabel_requests,
    slice_agreements,
)


@dataclass(frozen=True)
class AnnotatorPair:
    """Agreement of two annotators.

    Attributes:
      one: Column of the first annotator.
      other: Column of the second annotator.
      rows: Rows that both labelled.
      agreement: Share of these rows with equal labels, in [0, 1]; None without such rows.
      kappa: Cohen's kappa, in [-1, 1]; None where it is not defined.
    """

    one: str
    other: str
    rows: int
    agreement: float | None
    kappa: float | None


@dataclass(frozen=True)
class Annotator:
    """One annotator, compared with the majority of the others.

    Attributes:
      name: Column of the annotator.
      labelled: Rows with a label by this annotator.
      agreement: Share of the rows, in [0, 1], on which the label equals the majority label of the other annotators; of
        t tied majority labels each counts 1/t. None where no other annotator labelled the same rows.
    """

    name: str
    labelled: int
    agreement: float | None


@dataclass(frozen=True)
class Agreement:
    """Inter-annotator agreement of one table.

    Figures that are not defined, for instance without rows that two annotators labelled, are None.

    Attributes:
      labelers: Annotators, each compared with the others.
      rows: Rows of the data.
      compared: Rows with two labels or more. All figures below are computed on these rows.
      classes: Number of distinct labels.
      raw: Share of equal pairs among all pairs of labels of one row, in [0, 1]. A row with m labels has m (m - 1) / 2
        pairs.
      unanimous: Share of the compared rows whose labels are all equal, in [0, 1].
      cohen: Cohen's kappa of each pair of annotators.
      fleiss: Fleiss' kappa over the rows that every annotator labelled.
      alpha: Krippendorff's alpha, nominal, over all compared rows.
      alpha_interval: 95 % confidence interval of `alpha`; see `alpha_interval` for when it is None.
      human_level: Mean of the annotators' `agreement`, in [0, 1]: the accuracy of an annotator measured against the
        others. Compare the accuracy of a model on such labels with it.
      best_error: Error rate, in [0, 1], that a perfect model would still show on the labels of one annotator; see
        `annotator_error_rate`. None where agreement is no better than chance.
      confusions: Unordered pairs of confused classes, most frequent first.
      by_class: Classes, lowest agreement first.
      by_slice: Slices, lowest agreement first.
      disagreeing: Rows whose labels are not all equal.
      send_back: The first of these rows, for review, lowest share of the most frequent label first.
    """

    labelers: tuple[Annotator, ...]
    rows: int
    compared: int
    classes: int
    raw: float | None
    unanimous: float | None
    cohen: tuple[AnnotatorPair, ...]
    fleiss: float | None
    alpha: float | None
    human_level: float | None
    best_error: float | None
    confusions: tuple[AnnotatorConfusion, ...]
    by_class: tuple[ClassAgreement, ...]
    by_slice: tuple[SliceAgreement, ...]
    disagreeing: int
    send_back: tuple[RelabelRequest, ...]
    alpha_interval: tuple[float, float] | None = None


def agreement(
    rows: pd.DataFrame,
    labelers: Sequence[str],
    ids: Sequence[str] = (),
    slices: Sequence[str] = (),
    most: int = 100,
) -> Agreement:
    """Measures inter-annotator agreement.

    Args:
      rows: One row for each item. Annotators' columns may have missing values; rows with the same id are not joined.
      labelers: Annotators' columns. With a single one every figure is None.
      ids: Id columns.
      slices: Columns to slice by; agreement is reported for each of their values.
      most: Maximum number of entries in `confusions`, `by_class`, `by_slice` and `send_back`.
    """
    found = annotation_matrix({name: rows[name] for name in labelers})
    compared = found.given >= 2
    of_rows, _, counts = found.rows(compared).counts()
    given = found.given[compared]
    pairs = (given * (given - 1)).sum()
    equal = (counts * (counts - 1)).sum()
    raw = float(equal / pairs) if pairs else None
    highest = np.zeros(len(given), np.int64)
    np.maximum.at(highest, of_rows, counts)
    each = tuple(_annotators(found))
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
        best_error=None if raw is None else annotator_error_rate(raw, len(found.classes)),
        confusions=tuple(confusions(found)[:most]),
        by_class=tuple(by_class(found)[:most]),
        by_slice=tuple(slice_agreements(found, {name: rows[name] for name in slices})[:most]),
        disagreeing=int((highest < given).sum()),
        send_back=tuple(relabel_requests(found, rows[list(ids)] if ids else None, most)),
        alpha_interval=alpha_interval(found),
    )


def annotator_error_rate(raw: float, classes: int) -> float | None:
    """Estimates the error rate e of one annotator from the raw agreement of two.

    Assumptions: annotators err independently, with the same error rate, and uniformly over the other classes. They then
    agree with probability raw = (1 - e)^2 + e^2 / (K - 1), so that with c = K / (K - 1),
    e = (1 - sqrt(1 - c (1 - raw))) / c. Annotators with common misconceptions agree more often; e is then too low.

    Args:
      raw: Share of equal pairs, in [0, 1].
      classes: K, the number of classes.

    Returns:
      e in [0, (K - 1) / K]; None where raw is below 1 / K, the agreement of random labels.
    """
    if classes < 2:
        return 0.0
    c = classes / (classes - 1)
    inside = 1 - c * (1 - raw)
    return None if inside < -1e-12 else (1 - math.sqrt(max(inside, 0.0))) / c


def _pairs(found: AnnotationMatrix) -> list[AnnotatorPair]:
    pairs = []
    for (i, one), (j, other) in combinations(enumerate(found.labelers), 2):
        both = (found.codes[:, [i, j]] != MISSING).all(axis=1)
        a, b = found.codes[both, i], found.codes[both, j]
        share = float((a == b).mean()) if len(a) else None
        pairs.append(AnnotatorPair(one, other, len(a), share, cohen_kappa(a, b, len(found.classes))))
    return pairs


def _annotators(found: AnnotationMatrix) -> list[Annotator]:
    """Compares each annotator with the majority label of the others; see `Annotator.agreement` for ties."""
    each = []
    for at, name in enumerate(found.labelers):
        others = found.codes.copy()
        others[:, at] = MISSING
        comparable = (found.codes[:, at] != MISSING) & (others != MISSING).any(axis=1)
        own = found.codes[comparable, at]
        row, label, count = AnnotationMatrix(found.labelers, found.classes, others[comparable]).counts()
        highest = np.zeros(len(own), np.int64)
        np.maximum.at(highest, row, count)
        top = count == highest[row]
        ties = np.bincount(row[top], minlength=len(own))
        right = np.zeros(len(own))
        same = top & (label == own[row])
        right[row[same]] = 1 / ties[row[same]]
        labelled = int((found.codes[:, at] != MISSING).sum())
        each.append(Annotator(name, labelled, float(right.mean()) if len(own) else None))
    return each


def worst_annotator(found: Agreement) -> tuple[Annotator, float] | None:
    """Returns the annotator with the lowest agreement and the mean agreement of the rest; None for fewer than three.

    Annotators whose agreement is None do not count.
    """
    known: Mapping[str, float] = {each.name: each.agreement for each in found.labelers if each.agreement is not None}
    if len(known) < 3:
        return None
    name = min(known, key=lambda key: known[key])
    rest = float(np.mean([share for other, share in known.items() if other != name]))
    return next(each for each in found.labelers if each.name == name), rest
