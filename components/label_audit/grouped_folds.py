"""Grouped, stratified cross-validation folds: duplicate rows are in the same fold, as in scikit-learn's GroupKFold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.label_audit.encoding import EncodedFeatures


@dataclass(frozen=True, eq=False)
class Folds:
    """Assignment of N rows to folds.

    Attributes:
      test_fold: Fold in 0..count-1 whose model predicts the row, [N]. It was trained on neither the row nor a
        duplicate of it.
      in_sample: True for rows of the training sample, bool [N].
      count: Number of folds.
    """

    test_fold: np.ndarray
    in_sample: np.ndarray
    count: int

    def train_rows(self, fold: int) -> np.ndarray:
        """Returns the indices of the rows that the model of a fold is trained on."""
        return np.flatnonzero(self.in_sample & (self.test_fold != fold))

    def test_rows(self, fold: int) -> np.ndarray:
        """Returns the indices of the rows that the model of a fold predicts, in the training sample or not."""
        return np.flatnonzero(self.test_fold == fold)


def duplicate_groups(encoded: EncodedFeatures) -> np.ndarray:
    """Groups rows that are equal in every feature, where missing values are equal to each other.

    Returns:
      Group number of each row, [N].
    """
    if not encoded.matrix.shape[1]:
        return np.zeros(len(encoded), np.int64)
    keys = pd.util.hash_pandas_object(pd.DataFrame(encoded.matrix), index=False).to_numpy()
    return np.unique(keys, return_inverse=True)[1]


def plan_folds(groups: np.ndarray, labels: np.ndarray, count: int, limit: int, seed: int = 0) -> Folds:
    """Assigns rows to folds, stratified by label; duplicate rows stay together.

    Models are trained on a random sample of about `limit` rows, while every row is predicted: the sample bounds the
    training time, not the rows that are audited. It is drawn from all rows, not the newest, because a model of the
    newest rows would report older ones as label errors where the data changed over time.

    Args:
      groups: Group of duplicates of each row, [N].
      labels: Class codes, [N].
      count: Number of folds, at least 2.
      limit: Maximum number of training rows. Groups of duplicates are sampled as a whole.
      seed: Random seed.
    """
    _, first, groups = np.unique(groups, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    by_label = order[np.argsort(labels[first][order], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[by_label] = np.arange(len(first)) % count  # round robin within each label
    sampled = np.ones(len(first), bool)
    if len(groups) > limit:
        size = np.bincount(groups, minlength=len(first))
        # Systematic sampling in label order keeps the label shares; sampled groups are then assigned to folds again.
        share = limit / len(groups)
        place = np.empty(len(first))
        place[by_label] = np.arange(len(first))
        sampled = np.floor((place + 1) * share) > np.floor(place * share)
        sampled[size > limit] = False
        chosen = by_label[sampled[by_label]]
        fold[chosen] = np.arange(len(chosen)) % count
    return Folds(fold[groups], sampled[groups], count)
