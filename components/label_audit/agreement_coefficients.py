"""Chance-corrected agreement of annotators: Cohen's kappa, Fleiss' kappa, Krippendorff's alpha.

All are 1 for perfect agreement, 0 for the agreement expected by chance, and negative below that. They are None where
they are not defined: no row has two labels, or all labels are of one class, so that the expected agreement is 1.

scikit-learn, statsmodels and krippendorff compute them. These libraries need a dense matrix of classes x classes or
rows x classes; beyond MAX_CLASSES the same formulas are computed here from sparse counts.
"""

import math

import numpy as np

from components.label_audit.annotations import MISSING, AnnotationMatrix

MAX_CLASSES = 300
"""Number of classes up to which the libraries are used; 10,000 classes would need 800 MB for one matrix."""


def cohen_kappa(one: np.ndarray, other: np.ndarray, classes: int) -> float | None:
    """Computes Cohen's unweighted kappa of two annotators (Cohen, 1960).

    Args:
      one: Class codes by the first annotator, [N], in 0..classes-1.
      other: Class codes by the second annotator for the same rows, [N].
      classes: Number of classes.

    Returns:
      Kappa in [-1, 1]; None where it is not defined.
    """
    if not len(one) or _one_class(np.concatenate([one, other])):
        return None
    if classes <= MAX_CLASSES:
        from sklearn.metrics import cohen_kappa_score

        return _number(cohen_kappa_score(one, other))
    expected = (np.bincount(one, minlength=classes) @ np.bincount(other, minlength=classes)) / len(one) ** 2
    return _number((np.mean(one == other) - expected) / (1 - expected))


def fleiss_kappa(votes: AnnotationMatrix) -> float | None:
    """Computes Fleiss' kappa (Fleiss, 1971) over the rows that every annotator labelled; it needs complete rows."""
    full = votes.rows((votes.codes != MISSING).all(axis=1))
    raters = len(votes.labelers)
    if raters < 2 or not len(full.codes) or _one_class(full.codes):
        return None
    rows, classes, counts = full.counts()
    if len(votes.classes) <= MAX_CLASSES:
        from statsmodels.stats.inter_rater import fleiss_kappa as kappa

        table = np.zeros((len(full.codes), len(votes.classes)))
        table[rows, classes] = counts
        return _number(kappa(table))
    pairs = raters * (raters - 1)
    observed = (counts * (counts - 1)).sum() / (len(full.codes) * pairs)
    shares = np.bincount(classes, weights=counts) / full.codes.size
    return _number((observed - (shares**2).sum()) / (1 - (shares**2).sum()))


def krippendorff_alpha(votes: AnnotationMatrix) -> float | None:
    """Computes Krippendorff's alpha for nominal labels (Krippendorff, 2004) over all rows with two labels or more."""
    pairable = votes.rows(votes.given >= 2)
    labels = pairable.codes[pairable.codes != MISSING]
    if not len(labels) or _one_class(labels):
        return None
    rows, classes, counts = pairable.counts()
    if len(votes.classes) <= MAX_CLASSES:
        import krippendorff

        table = np.zeros((len(pairable.codes), len(votes.classes)), np.int64)
        table[rows, classes] = counts
        return _number(krippendorff.alpha(value_counts=table, level_of_measurement="nominal"))
    given = pairable.given
    different = given[rows] - counts  # number of labels of the same row that differ from this class
    observed = (counts * different / (given[rows] - 1)).sum() / len(labels)
    totals = np.bincount(classes, weights=counts)
    expected = (totals * (len(labels) - totals)).sum() / (len(labels) * (len(labels) - 1))
    return _number(1 - observed / expected)


def _one_class(codes: np.ndarray) -> bool:
    return bool((codes == codes.flat[0]).all())


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
