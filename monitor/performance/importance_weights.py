"""Importance weights: how much more frequent each reference row is in the current rows, by a domain classifier.

A classifier that tells current rows from reference rows estimates the density ratio p(x) / (1 - p(x)) N_r / N_c
(S. Bickel, M. Brueckner, T. Scheffer, Discriminative Learning under Covariate Shift, JMLR 2009). Its probabilities are
out-of-fold and calibrated by a logistic regression of side on their logit, so weights are near 1 where it finds
nothing. If the effective number of rows (L. Kish, 1965), (sum w)^2 / sum w^2, is too small, weights are raised to a
power below 1 that restores it: less variance, more bias, and `power` says so.
"""

from dataclasses import dataclass

import numpy as np

FOLDS = 2
MAX_ROWS = 5_000
"""Maximum rows of each side that train the classifier; all rows are weighted."""
CLIP_LOGIT = 6.0


@dataclass(frozen=True, eq=False)
class ImportanceWeights:
    """Weights of the reference rows.

    Attributes:
      weights: float64 [N], mean 1.
      effective_rows: (sum w)^2 / sum w^2.
      power: Exponent of the density ratio, in [0, 1]; 1 = fully weighted.
      auc: Out-of-fold AUC of the domain classifier: 0.5 = same inputs, 1 = no overlap.
    """

    weights: np.ndarray
    effective_rows: float
    power: float
    auc: float


def effective_rows(weights: np.ndarray) -> float:
    """Kish's effective number of rows; 0 without weight."""
    square = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / square if square > 0 else 0.0


def domain_logits(reference: np.ndarray, current: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns out-of-fold, calibrated log density ratios of reference and current rows, [N_r] and [N_c].

    Args:
      reference: float64 [N_r, d]; NaN = missing.
      current: float64 [N_c, d].
      seed: Seed of folds and samples.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(seed)
    x = np.vstack([reference, current])
    side = np.repeat([0, 1], [len(reference), len(current)])
    fold = random.integers(0, FOLDS, len(x))
    logit = np.empty(len(x))
    with threadpool_limits(1, user_api="openmp"):
        for held in range(FOLDS):
            train = np.concatenate([_some(random, np.flatnonzero((fold != held) & (side == s))) for s in (0, 1)])
            balance = len(train) / (2 * np.bincount(side[train], minlength=2))
            leaf = int(np.clip(len(train) // 20, 5, 50))
            model = HistGradientBoostingClassifier(
                max_iter=40, max_leaf_nodes=8, min_samples_leaf=leaf, l2_regularization=1.0, early_stopping=False,
                random_state=seed,
            ).fit(x[train], side[train], sample_weight=balance[side[train]])  # fmt: skip
            logit[fold == held] = model.decision_function(x[fold == held])
    logit = np.clip(logit, -CLIP_LOGIT, CLIP_LOGIT)
    calibrated = LogisticRegression(C=1.0, class_weight="balanced").fit(logit[:, None], side)
    ratio = np.clip(calibrated.decision_function(logit[:, None]), -CLIP_LOGIT, CLIP_LOGIT)
    return ratio[: len(reference)], ratio[len(reference) :]


def importance_weights(
    reference: np.ndarray, current: np.ndarray, *, fewest: float, seed: int = 13
) -> ImportanceWeights:
    """Weights reference rows towards current rows.

    Args:
      reference: float64 [N_r, d]; NaN = missing.
      current: float64 [N_c, d].
      fewest: Effective number of rows below which weights are tempered.
      seed: Seed of folds and samples.
    """
    from scipy.stats import rankdata

    of_reference, of_current = domain_logits(reference, current, seed)
    rank = rankdata(np.concatenate([of_reference, of_current]))[len(of_reference) :]
    n, m = len(of_current), len(of_reference)
    auc = float((rank.sum() - n * (n + 1) / 2) / (n * m))
    power, weights = 1.0, np.ones(m)
    for power in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0):
        weights = np.exp(power * (of_reference - of_reference.max()))
        if effective_rows(weights) >= min(fewest, m):
            break
    weights = weights / weights.mean()
    return ImportanceWeights(weights, effective_rows(weights), power, auc)


def _some(random: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    return rows if len(rows) <= MAX_ROWS else random.choice(rows, MAX_ROWS, replace=False)
