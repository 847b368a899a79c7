"""The strongest single column: what one feature says of the label on its own. Pure.

A model that has a column and is surely worse than it has lost it on the way. So each run predicts the label from each
column alone, by the mean label (or the shares of the classes) of a value or of a bin, which is what no later step can
take from it: the raw values, in their own types. One half of a sample of the train rows tells which column is best on
the other half; on the eval rows that column is judged as any model is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_BINS = 100
ROWS_A_BIN = 10
"""Of the rows that a number's bins are made from, at least."""
FEWEST_ROWS = 40
"""Below that no column can be told from chance."""

Score = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class ColumnModel:
    """Predicts from one column.

    Attributes:
      column: Its name.
      groups: Cells to the number of their group, [N] of -1 (missing or never seen) and 0 .. G-1.
      means: float64 [G + 1] or [G + 1, K]: answer for each group; the last is that for -1.
    """

    column: str
    groups: Callable[[pa.Array], np.ndarray]
    means: np.ndarray

    def __call__(self, cells: pa.Array) -> np.ndarray:
        """Probabilities of 1 or numbers [N], or probabilities [N, K]."""
        found: np.ndarray = self.means[self.groups(cells)]
        return found


def strongest_column(
    columns: Mapping[str, pa.Array], labels: np.ndarray, task: str, features: Mapping[str, Any], classes: int, seed: int
) -> ColumnModel | None:
    """The column that predicts best on rows that it has not seen, learned anew on all rows.

    Args:
      columns: Of the rows to learn from, [N] each.
      labels: 0 or 1, class codes, or numbers, [N].
      task: binary, multiclass or regression.
      features: pipeline.toml's [features].
      classes: K of a multiclass task.
      seed: Of the halves.
    """
    if len(labels) < FEWEST_ROWS or len(np.unique(labels)) < 2:
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
            continue  # by its values, hardly one of which occurs twice, it says nothing
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
    """What is said of rows of which only the labels of others are known."""
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
    """Values where they are few, quantiles where they are many; in the column's own type, so nothing is rounded."""
    if not (pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)):
        return lambda some: np.full(len(some), -1)
    known = np.sort(_known(cells)[0])
    distinct = np.unique(known)
    bins = int(np.clip(len(known) // ROWS_A_BIN, 2, MOST_BINS))
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
    """The numbers that are there, and where they are, bool [N]."""
    there = cells.is_valid().to_numpy(zero_copy_only=False).copy()
    values = cells.drop_null().to_numpy(zero_copy_only=False)
    fine = values != np.iinfo(np.int64).min if values.dtype.kind == "i" else np.isfinite(values)
    there[there] = fine
    return values[fine], there


def _auc(labels: np.ndarray, answers: np.ndarray) -> float:
    from scipy.stats import rankdata

    ones = int(labels.sum())
    zeros = len(labels) - ones
    if not ones or not zeros:
        return 0.5
    ranks = rankdata(answers)
    return float((ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _accuracy(labels: np.ndarray, answers: np.ndarray) -> float:
    return float((answers.argmax(axis=1) == labels).mean())


def _fit(labels: np.ndarray, answers: np.ndarray) -> float:
    return -float(((labels - answers) ** 2).mean(dtype=np.float64))


_SCORES: dict[str, Score] = {"binary": _auc, "multiclass": _accuracy, "regression": _fit}
