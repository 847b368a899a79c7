r"""Excess loss: the loss of a row beyond what the base rate of its slice explains.

Mean losses of slices are not comparable: a slice with 50 % positives has a higher log loss than one with 5 %, even if
the model is equally good on both. So the loss of each row is compared with an expected loss: that of a prediction with
the base rate of the row's slice and with evidence from the other features as strong as in all rows.

On the log scale, a prediction p_i is split into the part explained by the sliced features and the evidence w_i of the
other features:

    log p_ik = log q_ik + w_ik,     q_i = mean of p over the rows of i's finer bin (a part of the slice)

The reference prediction of row i uses the evidence of a random row j with the same label, from any slice:

    p'_ik  proportional to  q_ik (pi_Sk / mean of p_k in S) exp(w_jk),     excess e_i = loss(p_i) - loss(p'_i)

with pi_S the class shares in slice S. This is Bayes' rule under label shift: given the label, the evidence has the same
distribution in every slice. The correction of the prior is that of Saerens, Latinne and Decaestecker (Adjusting the
Outputs of a Classifier to New a Priori Probabilities, Neural Computation 14, 2002). pi_S is estimated on n_S rows, so
the expected loss is too small by (K - 1) / (2 n_S) nats (Wilks); this bias is subtracted from the excess.

The gap of a slice is its mean excess minus that of the other rows. It is 0 where the slice differs in its base rate
only. It is positive where labels are wrong, inputs are corrupted or the other features are less informative. For a
calibrated additive logistic model the assumption holds approximately; the error of the gap is below a tenth of the
overall loss.

For a regression the excess of a row is its squared error, because there is no base rate.
"""

import numpy as np

from components.error_analysis.row_losses import RowLosses

SHRINK = 20.0
"""Weight, in rows, of the slice's mean in the mean of a finer bin (shrinkage)."""
DONORS = 2
"""Number of random rows of the same label whose evidence is used for each row."""


class ExcessLoss:
    """Computes the excess loss of N rows for any partition into slices."""

    def __init__(self, found: RowLosses, seed: int) -> None:
        """Draws the donor rows of each row.

        Args:
          found: Labels, predictions and losses of N rows.
          seed: Random seed of the draw.
        """
        self._found = found
        self.overall = float(found.loss.mean())
        if found.classes == 1:
            return
        draw = np.random.default_rng(seed)
        self._scores = np.ascontiguousarray(found.scores.T)
        self._given = [np.flatnonzero(found.target == k) for k in range(found.classes)]
        self._donors = [_same_label(self._given, draw) for _ in range(DONORS)]

    def __call__(self, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """Computes the excess loss of each row.

        Args:
          coarse: Code of the slice, [N].
          fine: Code of the finer bin, [N]; each lies in one slice.

        Returns:
          Excess loss [N], in nats or, for a regression, in the label's unit squared.
        """
        found = self._found
        if found.classes == 1:
            return found.loss
        slices, coarse = _dense(coarse)
        bins, fine = _dense(fine)
        classes, count = found.classes, np.bincount(coarse)[:, None]
        parent = np.zeros(bins, np.int64)
        parent[fine] = coarse
        summed = _sums(fine, self._scores, bins)
        predicted = _sums(parent, summed.T, slices) / count
        labelled = np.bincount(coarse * classes + found.target, minlength=slices * classes)
        # Additive smoothing by half a row, so that a class that does not occur in a slice keeps a positive share.
        share = (labelled.reshape(-1, classes) + 0.5) / (count + 0.5 * classes)
        # p' needs no normalisation here: factors common to all classes of a row cancel in the loss.
        own = (summed + SHRINK * predicted[parent]).T
        corrected = own * (share / predicted)[parent].T
        total, given = np.zeros((2, DONORS, len(fine)))
        for k in range(classes):  # class by class: arrays are contiguous by class
            evidence, factor = self._scores[k] / own[k][fine], corrected[k][fine]
            for at, donors in enumerate(self._donors):
                likelihood = factor * evidence[donors]
                total[at] += likelihood
                given[at, self._given[k]] = likelihood[self._given[k]]
        expected = np.log(total / given).mean(axis=0)
        optimism = (classes - 1) / (2 * count[:, 0])
        return found.loss - expected - optimism[coarse]


def _dense(codes: np.ndarray) -> tuple[int, np.ndarray]:
    """Number of distinct codes, and the codes renumbered from 0 without gaps."""
    present = np.bincount(codes) > 0
    return int(present.sum()), (np.cumsum(present) - 1)[codes]


def _sums(codes: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums of values [K, N] by code: [count, K]."""
    return np.stack([np.bincount(codes, column, count) for column in values], axis=1)


def _same_label(given: list[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """Draws a row of the same label for each row, [N]; `given` holds the rows of each label."""
    donors = np.zeros(sum(map(len, given)), np.int64)
    for rows in given:
        donors[rows] = draw.permutation(rows)
    return donors
