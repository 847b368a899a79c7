"""Which rows a model learns from, and which fold judges a row: twins never stand on both sides."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.encoding import Encoded


@dataclass(frozen=True, eq=False)
class Folds:
    """A plan for out-of-sample predictions.

    Attributes:
      judge: N, in 0..count-1: the fold whose model judges the row; it has seen neither the row nor a twin of it.
      learns: N, True where the row is in the sample that models learn from.
      count: Number of folds.
    """

    judge: np.ndarray
    learns: np.ndarray
    count: int

    def training(self, fold: int) -> np.ndarray:
        """Rows from which the model of a fold learns."""
        return np.flatnonzero(self.learns & (self.judge != fold))

    def judged(self, fold: int) -> np.ndarray:
        """Rows that the model of a fold judges: whether they were in the sample or not, it has not seen them."""
        return np.flatnonzero(self.judge == fold)


def twins(encoded: Encoded) -> np.ndarray:
    """Group number of each row, N: rows that are equal in every feature (missing equals missing) share one."""
    if not encoded.matrix.shape[1]:
        return np.zeros(len(encoded), np.int64)
    keys = pd.util.hash_pandas_object(pd.DataFrame(encoded.matrix), index=False).to_numpy()
    return np.unique(keys, return_inverse=True)[1]


def plan_folds(groups: np.ndarray, labels: np.ndarray, count: int, limit: int, seed: int = 0) -> Folds:
    """Deals rows to folds, stratified by label, twins together.

    At most about `limit` rows are learned from, drawn at random from all rows: every row is judged, so the sample
    bounds the cost and not what is found. It is drawn at random and not from the newest rows, since doubt is about all
    rows, and a model of the newest would call the older ones wrong for having been different.

    Args:
      groups: Of twins, N.
      labels: Codes, N.
      count: Folds, at least 2.
      limit: Rows to learn from, at most (a group of twins is taken whole).
      seed: Of the draw.
    """
    _, first, groups = np.unique(groups, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    by_label = order[np.argsort(labels[first][order], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[by_label] = np.arange(len(first)) % count  # dealt in turn within each label
    learns = np.ones(len(first), bool)
    if len(groups) > limit:
        size = np.bincount(groups, minlength=len(first))
        # Every k-th of the groups in the dealt order keeps the shares of the labels; folds are dealt anew among them.
        share = limit / len(groups)
        place = np.empty(len(first))
        place[by_label] = np.arange(len(first))
        learns = np.floor((place + 1) * share) > np.floor(place * share)
        learns[size > limit] = False
        chosen = by_label[learns[by_label]]
        fold[chosen] = np.arange(len(chosen)) % count
    return Folds(fold[groups], learns[groups], count)
