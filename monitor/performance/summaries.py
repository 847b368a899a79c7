"""A summary of the features: what they say about a row's value beyond its score.

Given this prognostic score (B. Hansen, 2008) and the model's score, features say no more about the row's value, so a
shift of the inputs that the summary explains needs no importance weights. Trees are fitted to the residuals of the
calibration on one half of the reference and predict the other half; current rows get the mean of both.
"""

import numpy as np

MAX_ROWS = 5_000
FOLDS = 2


def residual_summary(
    reference: np.ndarray, residuals: np.ndarray, current: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Predicts residuals from features.

    Args:
      reference: float64 [N_r, d]; NaN = missing.
      residuals: Value minus expectation of the reference rows, [N_r].
      current: float64 [N_c, d].
      seed: Seed of the folds.

    Returns:
      Predictions of the reference (out-of-fold) and of the current rows, divided by their standard deviation.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(seed)
    fold = random.permutation(np.arange(len(reference)) % FOLDS)
    of_reference, of_current = np.zeros(len(reference)), np.zeros(len(current))
    with threadpool_limits(1, user_api="openmp"):
        for held in range(FOLDS):
            train = np.flatnonzero(fold != held)
            if len(train) > MAX_ROWS:
                train = random.choice(train, MAX_ROWS, replace=False)
            leaf = int(np.clip(len(train) // 20, 5, 100))
            model = HistGradientBoostingRegressor(
                max_iter=40, max_leaf_nodes=8, min_samples_leaf=leaf, l2_regularization=10.0, early_stopping=False,
                random_state=seed,
            ).fit(reference[train], residuals[train])  # fmt: skip
            of_reference[fold == held] = model.predict(reference[fold == held])
            of_current += model.predict(current) / FOLDS
    scale = float(of_reference.std())
    if scale < 1e-9:
        return np.zeros(len(reference)), np.zeros(len(current))
    return of_reference / scale, of_current / scale
