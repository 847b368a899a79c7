r"""How much more a row loses than it would if its slice were as well predicted as the others.

A mean loss says little by itself: a slice with 50 % positives has more log loss than one with 5 %, whatever the model
is worth there. So each row is compared with what it would lose if only the base rate were its slice's own, and
everything else that the model knows were as telling as elsewhere.

A prediction p_i is taken apart, on the log scale, into what the sliced features say and the evidence of all others:

    log p_ik = log q_ik + w_ik,     q_i = mean of p over the rows of i's bin (finer than the slice)

Then row i borrows the evidence of a random row j of the same label, wherever that lies:

    p'_ik  proportional to  q_ik (pi_Sk / mean of p_k in S) exp(w_jk),     excess e_i = loss(p_i) - loss(p'_i)

with pi_S the classes' shares in slice S. This is Bayes' rule under the assumption of label shift, that the evidence
given the label is the same in every slice; the correction of the prior is that of Saerens, Latinne and Decaestecker
(Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural Computation 14, 2002). As pi_S is taken
from n_S rows, the reference is too good by (K - 1) / (2 n_S) nats (Wilks), which is taken off the excess.

A slice's gap is its mean excess less that of the rest. It is 0 where a slice is only of another base rate, and grows
where labels are wrong, inputs are garbled or the other features say less. For a calibrated additive logistic model the
assumption holds nearly, not exactly; what that leaves lies below a tenth of the overall loss.

For a regression a row's excess is its squared error: there is no base rate.
"""

import numpy as np

from components.error_analysis.row_losses import Outcomes

SHRINK = 20.0
"""Rows that the slice's mean counts for in the mean of a finer bin."""
TWINS = 2
"""Rows that evidence is borrowed from, for each row."""


class Excess:
    """Excess loss under any partition of the same N rows."""

    def __init__(self, found: Outcomes, seed: int) -> None:
        """Draws, for each row, the rows of the same label whose evidence it borrows."""
        self._found = found
        self.overall = float(found.loss.mean())
        if found.classes == 1:
            return
        draw = np.random.default_rng(seed)
        self._scores = np.ascontiguousarray(found.scores.T)
        self._given = [np.flatnonzero(found.target == k) for k in range(found.classes)]
        self._twins = [_same_label(self._given, draw) for _ in range(TWINS)]

    def __call__(self, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """Excess loss [N], in the loss's unit.

        Args:
          coarse: Code of the slice [N].
          fine: Code of the finer bin [N]; each lies in one slice.
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
        # Half a row more of each class: a class that a slice lacks is unlikely there, not impossible.
        share = (labelled.reshape(-1, classes) + 0.5) / (count + 0.5 * classes)
        # Factors of a row in p' need not sum up to 1: what is common to all classes of a row cancels in the loss.
        own = (summed + SHRINK * predicted[parent]).T
        corrected = own * (share / predicted)[parent].T
        total, given = np.zeros((2, TWINS, len(fine)))
        for k in range(classes):  # by class, as memory is read fastest along a row
            evidence, factor = self._scores[k] / own[k][fine], corrected[k][fine]
            for at, twins in enumerate(self._twins):
                likelihood = factor * evidence[twins]
                total[at] += likelihood
                given[at, self._given[k]] = likelihood[self._given[k]]
        expected = np.log(total / given).mean(axis=0)
        optimism = (classes - 1) / (2 * count[:, 0])
        return found.loss - expected - optimism[coarse]


def _dense(codes: np.ndarray) -> tuple[int, np.ndarray]:
    """How many different codes there are, and the codes renumbered from 0 without gaps."""
    present = np.bincount(codes) > 0
    return int(present.sum()), (np.cumsum(present) - 1)[codes]


def _sums(codes: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums of values [K, N] by code: [count, K]."""
    return np.stack([np.bincount(codes, column, count) for column in values], axis=1)


def _same_label(given: list[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """For each row one of the same label; `given` are the rows of each label."""
    twins = np.zeros(sum(map(len, given)), np.int64)
    for rows in given:
        twins[rows] = draw.permutation(rows)
    return twins
