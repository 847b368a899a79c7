"""The single-column baseline: the feature that predicts the label best on its own.

A model that is significantly worse than one of its own columns does not use that column's information, which points to
a fault in preprocessing or training. Each run therefore predicts the label from each raw column, by the mean label (or
the class shares) of each value or bin. One half of a sample of the train split fits these models and the other half
selects the best column, which is then evaluated on the eval split like any other model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_BINS = 100
ROWS_A_BIN = 10
"""Minimum rows per bin of a numeric column."""
MIN_ROWS = 40
"""Minimum rows for selecting a column."""

Score = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class ColumnModel:
    """Predicts the label from one column.

    Attributes:
      column: Name of the column.
      groups: Maps cells to group numbers, [N] of -1 (missing or unknown) and 0 .. G-1.
      means: Float64 [G + 1] or [G + 1, K]: prediction for each group; the last is that of group -1.
    """

    column: str
    groups: Callable[[pa.Array], np.ndarray]
    means: np.ndarray

    def __call__(self, cells: pa.Array) -> np.ndarray:
        """Predicts probabilities of 1 or numbers [N], or probabilities [N, K]."""
        found: np.ndarray = self.means[self.groups(cells)]
        return found


def strongest_column(
    columns: Mapping[str, pa.Array], labels: np.ndarray, task: str, features: Mapping[str, Any], classes: int, seed: int
) -> ColumnModel | None:
    """Selects the column that predicts held-out rows best, and fits its model to all rows.

    Args:
      columns: Columns of the training rows, [N] each.
      labels: 0 or 1, class codes, or numbers, [N].
      task: binary, multiclass or regression.
      features: Section [features] of pipeline.toml.
      classes: Number of classes K of a multiclass task.
      seed: Seed of the division into halves.

    Returns:
      The model; None if no column is better than the prior, or there are too few rows.
    """
    if len(labels) < MIN_ROWS or len(np.unique(labels)) < 2:
        return None
    order = np.random.default_rng(seed).permutation(len(labels))
    learned, held = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    score = _SCORES[task]
    best, most = (
        "",
        score(labels[held], np.broadcast_to(_answer(labels[learned], task, classes), _shape(held, classes))),
    )
    for name, cells in columns.items():
        if name in features.get("text", ()):
            continue  # nearly all values of a text column are distinct
        is_number = name not in features.get("categorical", ())
        model = _learned(name, cells.take(pa.array(learned)), labels[learned], task, is_number, classes)
        found = score(labels[held], model(cells.take(pa.array(held))))
        if found > most:
            best, most = name, found
    if not best:
        return None
    return _learned(best, columns[best], labels, task, best not in features.get("categorical", ()), classes)


def _shape(rows: np.ndarray, classes: int) -> tuple[int, ...]:
    return (len(rows), classes) if classes else (len(rows),)


def _answer(labels: np.ndarray, task: str, classes: int) -> np.ndarray:
    """The prior: mean label or class shares."""
    if task == "multiclass":
        return np.bincount(labels.astype(np.int64), minlength=classes) / max(len(labels), 1)
    return np.array(labels.mean(dtype=np.float64))


def _learned(name: str, cells: pa.Array, labels: np.ndarray, task: str, is_number: bool, classes: int) -> ColumnModel:
    groups = _bins(cells) if is_number else _values(cells)
    found = groups(cells)
    count = int(found.max(initial=-1)) + 2
    place = np.where(found < 0, count - 1, found)
    rows = np.bincount(place, minlength=count).astype(np.float64)
    prior = _answer(labels, task, classes)
    if task == "multiclass":
        sums = np.zeros((count, classes))
        np.add.at(sums, (place, labels.astype(np.int64)), 1.0)
        return ColumnModel(name, groups, (sums + prior) / (rows + 1)[:, None])
    total = np.bincount(place, labels.astype(np.float64), minlength=count)
    return ColumnModel(name, groups, (total + prior) / (rows + 1))


def _values(cells: pa.Array) -> Callable[[pa.Array], np.ndarray]:
    kind = pa.string() if pa.types.is_null(cells.type) else cells.type
    known = cells.drop_null().unique() if not pa.types.is_null(cells.type) else pa.array([], kind)

    def groups(some: pa.Array) -> np.ndarray:
        found: np.ndarray = pc.index_in(some.cast(kind), value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
        return found

    return groups


def _bins(cells: pa.Array) -> Callable[[pa.Array], np.ndarray]:
    """One bin per value if there are few, else quantile bins; in the column's own type, so that nothing is rounded."""
    if not (pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)):
        return lambda some: np.full(len(some), -1)
    known = np.sort(_known(cells)[0])
    distinct = np.unique(known)
    bins = int(np.clip(len(known) // ROWS_A_BIN, 2, MAX_BINS))
    quantiles = known[np.arange(1, bins) * len(known) // bins] if len(known) else known
    edges = distinct[1:] if len(distinct) <= bins else np.unique(quantiles)

    def groups(some: pa.Array) -> np.ndarray:
        found = np.full(len(some), -1, np.int64)
        if pa.types.is_integer(some.type) or pa.types.is_floating(some.type):
            values, there = _known(some)
            found[there] = np.searchsorted(edges, values, side="right")
        return found

    return groups


def _known(cells: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that are not missing, and where they are, bool [N]."""
    there = cells.is_valid().to_numpy(zero_copy_only=False).copy()
    values = cells.drop_null().to_numpy(zero_copy_only=False)
    fine = values != np.iinfo(np.int64).min if values.dtype.kind == "i" else np.isfinite(values)
    there[there] = fine
    return values[fine], there


def _auc(labels: np.ndarray, predictions: np.ndarray) -> float:
    from scipy.stats import rankdata

    ones = int(labels.sum())
    zeros = len(labels) - ones
    if not ones or not zeros:
        return 0.5
    ranks = rankdata(predictions)
    return float((ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    return float((predictions.argmax(axis=1) == labels).mean())


def _fit(labels: np.ndarray, predictions: np.ndarray) -> float:
    return -float(((labels - predictions) ** 2).mean(dtype=np.float64))


_SCORES: dict[str, Score] = {"binary": _auc, "multiclass": _accuracy, "regression": _fit}
