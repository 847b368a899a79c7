"""Shapley values of one prediction by sampled permutations; NumPy only.

The method of Strumbelj & Kononenko (2014), "Explaining prediction models and individual predictions with feature
contributions", with a fixed set of background rows and antithetic permutations (Mitchell et al. 2022, "Sampling
permutations for Shapley value estimation"), as `shap`'s PermutationExplainer uses them.

A walk begins at a background row and replaces its features by those of the explained row, one after the other in the
order of a permutation. The contribution of a feature is the mean change of the prediction when it is replaced, over all
walks. Each background row begins the same number of walks, therefore

    sum of the contributions = prediction of the explained row - mean prediction of the background rows

holds for every number of permutations, up to the rounding of float64.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations as all_permutations

import numpy as np

Columns = Mapping[str, np.ndarray]
"""Input name -> array [N, ...]."""
Predict = Callable[[dict[str, np.ndarray]], np.ndarray]
"""Inputs with N rows -> predictions [N], on the scale that the contributions shall have."""

ROWS_PER_CALL = 2048
"""Most rows of one call of the model."""
_MAX_ENUMERATED = 8
"""More features than this are never explained by all permutations (8! = 40,320)."""


@dataclass(frozen=True)
class Explanation:
    """Shapley values of one row.

    Attributes:
      base: Mean prediction of the background rows.
      output: Prediction of the row.
      contributions: Feature -> its Shapley value, in the unit of the prediction. 0: the feature does not matter, or the
        row has the value of every background row. Their sum is `output - base`.
      standard_errors: Feature -> standard error of its contribution, as an estimate for the population that the
        background rows are a sample of. It covers both random choices, rows and permutations. NaN with one row.
      evaluations: Number of rows that the model was called with.
    """

    base: float
    output: float
    contributions: dict[str, float]
    standard_errors: dict[str, float]
    evaluations: int


def explain(
    predict: Predict,
    row: Columns,
    background: Columns,
    permutations: int,
    seed: int,
    features: Mapping[str, Sequence[str]],
) -> Explanation:
    """Computes Shapley values of the features of one row.

    Features are replaced independently of each other (interventional, or marginal, Shapley values), so the model is
    called with combinations of values that may not occur in the data.

    Args:
      predict: Calls the model, with at most ROWS_PER_CALL rows at a time.
      row: The explained row; arrays of shape [1, ...].
      background: B rows, B at least 1, of the same inputs and types; arrays of shape [B, ...].
      permutations: Permutations for each background row, an even number: half of them are sampled, the others are their
        reverses. If there are at most so many permutations of the features at all, all of them are used, and the
        contributions are the exact Shapley values for this background.
      seed: Seed of the sampled permutations. The same seed gives the same permutations for every row.
      features: Feature -> names of the inputs that encode it, which are replaced together.

    Raises:
      ValueError: `permutations` is not a positive even number.
      FloatingPointError: A prediction is NaN or infinite.
    """
    names = list(features)
    size = len(next(iter(background.values())))
    orders = sampled_orders(len(names), size, permutations, seed)
    walks = _Walks(orders, _differences(row, background, features))
    changes = walks.changes(predict, row, background, features)
    each = changes.reshape(size, -1, len(names)).mean(axis=1)  # [B, M]: means of the walks from one background row
    errors = each.std(axis=0, ddof=1) / math.sqrt(size) if size > 1 else np.full(len(names), np.nan)
    return Explanation(
        walks.base,
        walks.output,
        dict(zip(names, each.mean(axis=0).tolist(), strict=True)),
        dict(zip(names, errors.tolist(), strict=True)),
        walks.evaluations,
    )


@lru_cache(maxsize=16)
def sampled_orders(features: int, background: int, permutations: int, seed: int) -> np.ndarray:
    """Returns the orders of replacement [B * P, M], grouped by background row: walk w begins at row w // P.

    P is `permutations`, or M! if that is smaller.

    Raises:
      ValueError: `permutations` is not a positive even number.
    """
    if permutations < 2 or permutations % 2:
        raise ValueError(f"permutations={permutations}: must be a positive even number")
    if features <= _MAX_ENUMERATED and math.factorial(features) <= permutations:
        orders = np.tile(list(all_permutations(range(features))), (background, 1)).astype(np.intp)
    else:
        generator = np.random.default_rng(seed)
        ordered = np.broadcast_to(np.arange(features), (background, permutations // 2, features))
        sampled = generator.permuted(ordered, axis=2)
        orders = np.concatenate([sampled, sampled[:, :, ::-1]], axis=1).reshape(-1, features)
    orders.setflags(write=False)
    return orders


def _differences(row: Columns, background: Columns, features: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Whether a background row and the explained row differ in a feature, bool [B, M]; two NaN are equal."""
    found = [
        np.logical_or.reduce([_unequal(row[name], background[name]) for name in inputs]) for inputs in features.values()
    ]
    return np.stack(found, axis=1)


def _unequal(cell: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """[1, ...] and [B, ...] -> bool [B]."""
    different = np.asarray(cell != cells, bool)
    if cells.dtype.kind in "fc":
        different &= (cell == cell) | (cells == cells)  # NaN is the only value unequal to itself
    return np.asarray(different.reshape(len(cells), -1).any(axis=1))


class _Walks:
    """W walks. Replacing a value by an equal one changes nothing, so the model is not called for such a step."""

    def __init__(self, orders: np.ndarray, differ: np.ndarray) -> None:
        self._orders = orders
        walks, features = orders.shape
        self._begins = np.repeat(np.arange(len(differ)), walks // len(differ))
        self._background = len(differ)
        replaced = differ[self._begins[:, None], orders]  # [W, M]: whether the step changes the row
        # [W, M + 1]: number of changes after each step
        self._changed = np.concatenate([np.zeros((walks, 1), np.intp), np.cumsum(replaced, axis=1)], axis=1)
        self._total = self._changed[:, -1]
        # A model is called for the rows between the background row and the explained row.
        self._walk, step = np.nonzero(replaced & (self._changed[:, 1:] < self._total[:, None]))
        self._step = step + 1  # features in the first `step` places of the order have been replaced
        ranks = np.empty_like(orders)
        np.put_along_axis(ranks, orders, np.broadcast_to(np.arange(features), orders.shape), axis=1)
        self._ranks = ranks  # [W, M]: place of a feature in the order
        self.base = self.output = math.nan
        self.evaluations = 0

    def changes(
        self, predict: Predict, row: Columns, background: Columns, features: Mapping[str, Sequence[str]]
    ) -> np.ndarray:
        """Calls the model; returns the change of the prediction by walk and feature, float64 [W, M]."""
        # In this order: the explained row, the background rows, the rows in between.
        first, ends = 1 + self._background, 1 + self._background + len(self._walk)
        predictions = np.concatenate(
            [
                np.asarray(predict(self._rows(start, min(start + ROWS_PER_CALL, ends), row, background, features)))
                for start in range(0, ends, ROWS_PER_CALL)
            ]
        ).astype(np.float64)
        if not np.isfinite(predictions).all():
            raise FloatingPointError("a prediction is NaN or infinite")
        self.evaluations = ends
        values = np.empty(self._changed.shape)  # [W, M + 1]: prediction after so many changes
        values[:, 0] = predictions[1 + self._begins]
        values[self._walk, self._changed[self._walk, self._step]] = predictions[first:]
        values[np.arange(len(values)), self._total] = predictions[0]
        after = np.take_along_axis(values, self._changed, axis=1)
        self.base, self.output = float(after[:, 0].mean()), float(predictions[0])
        found = np.empty(self._orders.shape)
        np.put_along_axis(found, self._orders, np.diff(after, axis=1), axis=1)
        return found

    def _rows(
        self, start: int, stop: int, row: Columns, background: Columns, features: Mapping[str, Sequence[str]]
    ) -> dict[str, np.ndarray]:
        """Inputs of the model for the rows `start` to `stop`."""
        at = np.arange(start, stop)
        between = at > self._background
        index = np.maximum(at - 1 - self._background, 0)
        walk = self._walk[index] if len(self._walk) else np.zeros(len(at), np.intp)
        step = np.where(between, self._step[index] if len(self._step) else 0, 0)
        begin = np.where(between, self._begins[walk], np.maximum(at - 1, 0))
        found = {}
        for number, inputs in enumerate(features.values()):
            replaced = (self._ranks[walk, number] < step) | (at == 0)
            for name in inputs:
                cells = background[name][begin]
                cells[replaced] = row[name][0]
                found[name] = cells
        return found
