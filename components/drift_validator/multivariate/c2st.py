"""Drift of the joint distribution beyond that of single columns, by a classifier two-sample test (C2ST)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.multivariate.feature_encoding import EncodedSample, encode_samples
from components.drift_validator.multivariate.pair_dependence import FINE, PairLift, bin_columns, lift, screen_pairs

if TYPE_CHECKING:
    import pandas as pd

MIN_ROWS = 100  # minimum number of rows of each data set for a result
NAMED = 5  # maximum number of features in the result
PAIRS = 3  # number of column pairs whose lift is an input of the classifier
BLOCKS = ((0.4, 0.7), (0.7, 1.0))  # test blocks by position; training rows are those before a block
MODELS = 2  # number of classifiers; the p-value is multiplied by it (Bonferroni)


@dataclass(frozen=True)
class C2STResult:
    """Result of the classifier two-sample test.

    Attributes:
      auc: Out-of-sample AUC, current against baseline, of a classifier on all columns: 0.5 = indistinguishable, 1 =
        perfectly separable.
      auc_alone: Out-of-sample AUC of an additive classifier, without interactions between columns.
      standard_error: Upper bound of the standard error of auc - max(auc_alone, 0.5) under the null hypothesis, the
        larger one of the two tests; 0 without a result.
      p_value: Upper bound of the p-value of auc - max(auc_alone, 0.5); 1 without a result.
      features: (name, share of the AUC difference that is lost if the feature is permuted), largest first, at most
        NAMED; shares sum to 1.
      baseline_rows: Number of rows used of the baseline data.
      current_rows: Number of rows used of the current data.
    """

    auc: float
    auc_alone: float
    standard_error: float
    p_value: float
    features: tuple[tuple[str, float], ...]
    baseline_rows: int
    current_rows: int

    @property
    def distance(self) -> float:
        """2 (auc - max(auc_alone, 0.5)), in [0, 1]: 0 = no drift of the joint distribution beyond that of columns."""
        return min(max(0.0, 2 * (self.auc - max(self.auc_alone, 0.5))), 1.0)

    def critical(self, alpha: float) -> float | None:
        """Returns the critical value of the distance at a significance level; None without a result."""
        from scipy.stats import norm

        return float(min(2 * self.standard_error * norm.isf(alpha / MODELS), 1.0)) if self.standard_error else None


def classifier_two_sample_test(
    baseline: "pd.DataFrame", current: "pd.DataFrame", *, seed: int = 13, max_rows: int = 10_000
) -> C2STResult:
    """Tests whether the dependence between columns has changed; the label is treated like any other column.

    The test is that of Lopez-Paz and Oquab (ICLR 2017): a classifier is trained to separate the two data sets and its
    AUC is measured on other rows. Rows are sorted by a hash of their content. The classifier is trained and tested
    twice, each time on a block of rows after its training rows. The two test statistics are therefore uncorrelated,
    unlike those of cross-validation folds. The AUC must be significantly above 0.5 (Mann-Whitney) and above the AUC of
    an additive classifier (DeLong, DeLong, Clarke-Pearson 1988, paired); the second condition restricts the test to
    changes of dependence. Two classifiers are tried: boosted trees on the lifts of the PAIRS column pairs that rank
    first, and on these lifts with all columns. The smaller p-value is multiplied by two (Bonferroni).

    Where single columns have drifted, the null hypothesis is that the log density ratio is a sum of functions of one
    column each. Real drift rarely satisfies it exactly, so a significant result is common and the distance decides.
    Between consecutive months of the flights, the distance is 0.2 to 0.3 (AUC 0.99 to 1.00, additive 0.83 to 0.89). It
    is small where single columns separate the data sets almost perfectly (September and December: 0.01, additive AUC
    0.994); the test is conservative there, because it uses the standard error of an AUC near 0.5.

    Args:
      baseline: Baseline data: numbers, categories, booleans or times. Missing is a separate value.
      current: Current data; columns that occur in one data set only are ignored.
      seed: Random seed of the order and the models. The result does not depend on the order of up to `max_rows` rows or
        on the number of threads.
      max_rows: Maximum number of rows of each data set; more are sampled.

    Returns:
      The result. With fewer than MIN_ROWS rows or fewer than two varying columns there is none: auc 0.5, p-value 1.
    """
    from scipy.stats import norm
    from threadpoolctl import threadpool_limits

    baseline, current = (_sampled(frame, seed, max_rows) for frame in (baseline, current))
    sizes = len(baseline), len(current)
    none = C2STResult(0.5, 0.5, 0.0, 1.0, (), *sizes)
    if min(sizes) < MIN_ROWS:
        return none
    rows = encode_samples(baseline, current, seed=seed)
    if len(rows.names) < 2:
        return none
    # Several threads gain little on so few rows and are slow on a busy machine.
    with threadpool_limits(1, user_api="openmp"):
        blocks = [_Block(rows, begin, end, seed) for begin, end in BLOCKS]
        weights = np.array([len(block.side) for block in blocks]) / sum(len(block.side) for block in blocks)
        alone = float(weights @ [_auc(block.alone, block.side) for block in blocks])
        best = None
        for model in range(MODELS):
            auc = float(weights @ [_auc(block.together[model], block.side) for block in blocks])
            variances = np.array([_variances(block.together[model], block.alone, block.side) for block in blocks])
            error = float(np.sqrt((weights[:, None] ** 2 * variances).sum(0).max()))
            z = (auc - max(alone, 0.5)) / error
            if best is None or z > best[0]:
                best = z, auc, error, model
        assert best is not None
        z, auc, error, model = best
        lost = sum(weight * block.losses(model, seed) for weight, block in zip(weights, blocks, strict=True))
    p_value = min(1.0, MODELS * float(norm.sf(z)))
    return C2STResult(auc, alone, error, p_value, _named(rows.names, np.asarray(lost)), *sizes)


def to_measured(joint: C2STResult) -> DistanceResult:
    """Converts the result to a distance of the drift report; `at` names the two most important columns."""
    named = [name for name, _ in joint.features]
    detail = (
        f"together the columns tell current from baseline with AUC {joint.auc:.3f}, one by one {joint.auc_alone:.3f}"
    )
    if not joint.standard_error:
        rows = f"{joint.baseline_rows:,} and {joint.current_rows:,} rows"
        detail = (
            f"no verdict on the columns together: {rows}; it takes {MIN_ROWS} on each side, and two columns that vary"
        )
    return DistanceResult(
        measure="joint",
        distance=joint.distance,
        at=" x ".join(named[:2]) or None,
        p_value=joint.p_value,
        critical=joint.critical,
        detail=detail + (f"; most by {', '.join(named)}" if named else ""),
    )


def _sampled(frame: "pd.DataFrame", seed: int, rows: int) -> "pd.DataFrame":
    if len(frame) <= rows:
        return frame
    return frame.iloc[np.sort(np.random.default_rng(seed).choice(len(frame), rows, replace=False))]


class _Block:
    """Classifiers trained on the rows before `begin`, and their scores of the rows from `begin` to `end`."""

    def __init__(self, rows: EncodedSample, begin: float, end: float, seed: int) -> None:
        train, test = rows.place < begin, (rows.place >= begin) & (rows.place < end)
        side = rows.side[train]
        size = len(side)
        model = _classifier(rows.categorical, size, seed).fit(rows.values[train], side)
        self.side, self.values = rows.side[test], rows.values[test]
        self.alone: np.ndarray = model.decision_function(self.values)
        share = model.predict_proba(rows.values[train])[:, 1]
        # Targets of one Newton step from the additive model: the following trees are fitted to its residuals.
        hessian = np.maximum(share * (1 - share), 1e-3)
        ranked = screen_pairs(rows.values, rows.categorical, train, side - share)
        fine = bin_columns(rows.values, rows.categorical, FINE)
        self.bins = fine[test]
        self.lifts = [lift(fine, *pair) for pair in ranked[:PAIRS]]
        # Importance is measured for the columns of the pairs that rank first.
        self.measured = list(dict.fromkeys(column for pair in ranked[:20] for column in pair))[:12]
        lifts = _columns(self.lifts, fine[train])
        categorical = np.append(rows.categorical, np.zeros(len(self.lifts), dtype=bool))
        self.models = [_regressor(size, seed, None), _regressor(size, seed, categorical)]
        inputs = [lifts, np.column_stack([rows.values[train], lifts])]
        for trees, x in zip(self.models, inputs, strict=True):
            trees.fit(x, (side - share) / hessian, sample_weight=hessian)
        self.together = [self._score(model, self.values, self.bins) for model in range(MODELS)]

    def _score(self, model: int, values: np.ndarray, bins: np.ndarray) -> np.ndarray:
        lifts = _columns(self.lifts, bins)
        score: np.ndarray = self.models[model].predict(np.column_stack([values, lifts]) if model else lifts)
        return self.alone + score

    def losses(self, model: int, seed: int) -> np.ndarray:
        """Loss of AUC by permuting each column among the test rows.

        The score of the additive classifier is not permuted, so only the column's part in interactions counts.
        """
        lost = np.zeros(self.values.shape[1])
        whole = _auc(self.together[model], self.side)
        order = np.random.default_rng(seed).permutation(len(self.side))
        for column in self.measured:
            values, bins = self.values.copy(), self.bins.copy()
            values[:, column], bins[:, column] = values[order, column], bins[order, column]
            lost[column] = whole - _auc(self._score(model, values, bins), self.side)
        return lost


def _columns(lifts: list[PairLift], bins: np.ndarray) -> np.ndarray:
    return np.column_stack([one.of(bins) for one in lifts])


def _classifier(categorical: np.ndarray, size: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=4, min_samples_leaf=_leaf(size, 50), l2_regularization=1.0, random_state=seed,
        interaction_cst="no_interactions", categorical_features=categorical, early_stopping=False,
    )  # fmt: skip


def _regressor(size: int, seed: int, categorical: np.ndarray | None) -> Any:
    """An additive model for the lifts alone if `categorical` is None, otherwise a model with interactions."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    settings: dict[str, Any] = {"early_stopping": False, "random_state": seed}
    if categorical is None:
        return HistGradientBoostingRegressor(
            max_iter=30, max_leaf_nodes=6, min_samples_leaf=_leaf(size, 100), l2_regularization=10.0,
            interaction_cst="no_interactions", **settings,
        )  # fmt: skip
    return HistGradientBoostingRegressor(
        max_iter=50, max_leaf_nodes=15, min_samples_leaf=_leaf(size, 40), l2_regularization=5.0,
        categorical_features=categorical, **settings,
    )  # fmt: skip


def _leaf(size: int, most: int) -> int:
    return int(np.clip(size // 20, 5, most))


def _auc(score: np.ndarray, side: np.ndarray) -> float:
    return float(_placements(score, side)[0].mean())


def _placements(score: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of baseline rows below each current row, and share of current rows above each baseline row."""
    from scipy.stats import rankdata

    rank, is_current = rankdata(score), side == 1
    current, baseline = score[is_current], score[~is_current]
    below = (rank[is_current] - rankdata(current)) / len(baseline)
    above = 1 - (rank[~is_current] - rankdata(baseline)) / len(current)
    return below, above


def _variances(together: np.ndarray, alone: np.ndarray, side: np.ndarray) -> tuple[float, float]:
    """Variance of the AUC of an uninformative score, with or without ties; and of the AUC difference (DeLong)."""
    current, baseline = int(side.sum()), int(len(side) - side.sum())
    chance = (current + baseline + 1) / (12 * current * baseline)
    below, above = (a - b for a, b in zip(_placements(together, side), _placements(alone, side), strict=True))
    return chance, float(below.var(ddof=1) / current + above.var(ddof=1) / baseline)


def _named(names: tuple[str, ...], lost: np.ndarray) -> tuple[tuple[str, float], ...]:
    order = [j for j in np.argsort(-lost, kind="stable")[:NAMED] if lost[j] > 0]
    whole = float(np.maximum(lost, 0).sum())
    return tuple((names[j], float(lost[j]) / whole) for j in order)
