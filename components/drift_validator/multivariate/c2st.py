"""Whether columns go together as they did: a classifier two-sample test of what no column shows by itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.multivariate.feature_encoding import Rows, encode
from components.drift_validator.multivariate.pair_dependence import FINE, Lift, bin_columns, lift, scan

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 100  # rows of a side; with fewer there is no verdict
NAMED = 5  # features at most
PAIRS = 3  # of columns, that become columns of their own
BLOCKS = ((0.4, 0.7), (0.7, 1.0))  # learn from the rows before, test on the rows between
MODELS = 2  # are tried; the p-value pays for it


@dataclass(frozen=True)
class Joint:
    """What a classifier that sees all columns together tells of the side of a row, on rows it has not learned from.

    Attributes:
      auc: That a row of current scores above a row of baseline: 0.5 = it cannot tell, 1 = it always can.
      auc_alone: The same for a classifier that adds up what each column says by itself (no interactions).
      standard_error: Of auc - max(auc_alone, 0.5), at most, without drift of the joint: the larger of the two of its
        hurdles; 0 where there is no verdict.
      p_value: Probability, at most, of so large a lead of auc without drift of the joint; 1 where there is no verdict.
      features: (name, share of the lead that is lost without it), most telling first, at most five; shares sum to 1.
      baseline_rows: Rows used.
      current_rows: The same for the current data.
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
        """2 (auc - max(auc_alone, 0.5)), in [0, 1]: 0 = together no more than one by one, 1 = only together, surely."""
        return min(max(0.0, 2 * (self.auc - max(self.auc_alone, 0.5))), 1.0)

    def critical(self, alpha: float) -> float | None:
        """The distance that chance exceeds with at most this probability; None where there is no verdict."""
        from scipy.stats import norm

        return float(min(2 * self.standard_error * norm.isf(alpha / MODELS), 1.0)) if self.standard_error else None


def joint_drift(baseline: "pd.DataFrame", current: "pd.DataFrame", *, seed: int = 13, max_rows: int = 10_000) -> Joint:
    """Tests whether columns go together in current as in baseline; the label is a column like any other.

    A classifier learns to tell the sides apart from the first rows (in an order by content) and is tested on the next,
    twice, each time on rows later than all it learned from: so each test is blind to its rows' sides, and the two add
    up without correlation, which the folds of a cross-validation do not. Its AUC has to exceed 0.5 (Mann-Whitney) and
    that of a classifier without interactions (DeLong, DeLong, Clarke-Pearson 1988, paired). Lopez-Paz and Oquab, ICLR
    2017, have the test; the second hurdle makes it one of the joint distribution. Two such classifiers are tried,
    boosted trees on the lifts of the three most telling pairs (`joint_pairs`), and on these and all columns, and
    the p-value of the clearer is doubled.

    Where columns have drifted one by one, no drift of the joint means that the log of the density ratio is a sum of
    functions of one column each. Real drift hardly ever is (other days have other weather): expect significance, and
    judge by the distance. Between neighbouring months of the flights it is 0.2 to 0.3 (AUC 0.99 to 1.00 together,
    0.83 to 0.89 one by one). It is small again where single columns tell nearly all (September and December: 0.01,
    from 0.994): nothing is left to add, and a lead there has to pass the error of an AUC near 0.5, which is too strict.

    Args:
      baseline: One value a cell: numbers, categories, booleans or times; missing is a value of its own.
      current: The same; columns that only one side has are left out.
      seed: Of the order and the models. The same seed gives the same result, however rows are ordered (up to max_rows)
        and on any number of threads.
      max_rows: Of each side; of more, as many are drawn.

    Returns:
      The result; "no verdict" (auc 0.5, p-value 1, no features) with fewer than 100 rows on a side or fewer than two
      columns that vary.
    """
    from scipy.stats import norm
    from threadpoolctl import threadpool_limits

    baseline, current = (_drawn(frame, seed, max_rows) for frame in (baseline, current))
    sizes = len(baseline), len(current)
    none = Joint(0.5, 0.5, 0.0, 1.0, (), *sizes)
    if min(sizes) < FEWEST:
        return none
    rows = encode(baseline, current, seed=seed)
    if len(rows.names) < 2:
        return none
    # More threads gain little on so few rows and lose much where the processors are busy.
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
    return Joint(auc, alone, error, p_value, _named(rows.names, np.asarray(lost)), *sizes)


def to_measured(joint: Joint) -> Measured:
    """The result as one row of a drift report; `at` names the two most telling columns."""
    named = [name for name, _ in joint.features]
    detail = (
        f"together the columns tell current from baseline with AUC {joint.auc:.3f}, one by one {joint.auc_alone:.3f}"
    )
    if not joint.standard_error:
        rows = f"{joint.baseline_rows:,} and {joint.current_rows:,} rows"
        detail = (
            f"no verdict on the columns together: {rows}; it takes {FEWEST} on each side, and two columns that vary"
        )
    return Measured(
        measure="joint",
        distance=joint.distance,
        at=" x ".join(named[:2]) or None,
        p_value=joint.p_value,
        critical=joint.critical,
        detail=detail + (f"; most by {', '.join(named)}" if named else ""),
    )


def _drawn(frame: "pd.DataFrame", seed: int, rows: int) -> "pd.DataFrame":
    if len(frame) <= rows:
        return frame
    return frame.iloc[np.sort(np.random.default_rng(seed).choice(len(frame), rows, replace=False))]


class _Block:
    """What was learned from the rows before `begin`, and what it says of those from `begin` to `end`."""

    def __init__(self, rows: Rows, begin: float, end: float, seed: int) -> None:
        train, test = rows.place < begin, (rows.place >= begin) & (rows.place < end)
        side = rows.side[train]
        size = len(side)
        model = _classifier(rows.categorical, size, seed).fit(rows.values[train], side)
        self.side, self.values = rows.side[test], rows.values[test]
        self.alone: np.ndarray = model.decision_function(self.values)
        share = model.predict_proba(rows.values[train])[:, 1]
        # One Newton step from what the columns say one by one: the trees that follow learn only what that left over.
        hessian = np.maximum(share * (1 - share), 1e-3)
        ranked = scan(rows.values, rows.categorical, train, side - share)
        fine = bin_columns(rows.values, rows.categorical, FINE)
        self.bins = fine[test]
        self.lifts = [lift(fine, *pair) for pair in ranked[:PAIRS]]
        # Only these are asked for their part: the columns of the foremost pairs.
        self.asked = list(dict.fromkeys(column for pair in ranked[:20] for column in pair))[:12]
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
        """For each column the AUC that is lost when its values are dealt out anew among the tested rows.

        What the column says by itself is left as it is, so only its part in the lead is counted.
        """
        lost = np.zeros(self.values.shape[1])
        whole = _auc(self.together[model], self.side)
        deal = np.random.default_rng(seed).permutation(len(self.side))
        for column in self.asked:
            values, bins = self.values.copy(), self.bins.copy()
            values[:, column], bins[:, column] = values[deal, column], bins[deal, column]
            lost[column] = whole - _auc(self._score(model, values, bins), self.side)
        return lost


def _columns(lifts: list[Lift], bins: np.ndarray) -> np.ndarray:
    return np.column_stack([one.of(bins) for one in lifts])


def _classifier(categorical: np.ndarray, size: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=4, min_samples_leaf=_leaf(size, 50), l2_regularization=1.0, random_state=seed,
        interaction_cst="no_interactions", categorical_features=categorical, early_stopping=False,
    )  # fmt: skip


def _regressor(size: int, seed: int, categorical: np.ndarray | None) -> Any:
    """Without `categorical` for the lifts alone, added up; with it for all columns, which may interact."""
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
    """For each current row the share of baseline rows below it, for each baseline row that of current rows above it."""
    from scipy.stats import rankdata

    rank, is_current = rankdata(score), side == 1
    current, baseline = score[is_current], score[~is_current]
    below = (rank[is_current] - rankdata(current)) / len(baseline)
    above = 1 - (rank[~is_current] - rankdata(baseline)) / len(current)
    return below, above


def _variances(together: np.ndarray, alone: np.ndarray, side: np.ndarray) -> tuple[float, float]:
    """Of the AUC of a score that says nothing of the side, ties or not; and of its lead over the other (DeLong)."""
    current, baseline = int(side.sum()), int(len(side) - side.sum())
    chance = (current + baseline + 1) / (12 * current * baseline)
    below, above = (a - b for a, b in zip(_placements(together, side), _placements(alone, side), strict=True))
    return chance, float(below.var(ddof=1) / current + above.var(ddof=1) / baseline)


def _named(names: tuple[str, ...], lost: np.ndarray) -> tuple[tuple[str, float], ...]:
    order = [j for j in np.argsort(-lost, kind="stable")[:NAMED] if lost[j] > 0]
    whole = float(np.maximum(lost, 0).sum())
    return tuple((names[j], float(lost[j]) / whole) for j in order)
