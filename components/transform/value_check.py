"""Checks whether the transform graph distinguishes the values of a column that the data distinguishes.

Two losses are intended by the settings: values seen fewer than min_count times share an id, and so do cyclical values
one period apart. Any other loss is a finding: categories that are frequent enough but not in the vocabulary, and
different numbers with equal transformed values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.shared.features.distinct_values import ValueRetention, told_apart
from components.shared.features.large_integers import less

_MISSING_INT = -(2**63)
MAX_CELLS = 1 << 22
"""Maximum rows x columns of the check; rows are sampled beyond it."""


@dataclass(frozen=True)
class CategoryValues:
    """Values of a categorical column.

    Attributes:
      distinct: Number of distinct values, without missing ones.
      rows: Number of rows with a value.
      kept: Values that occur often enough for the vocabulary, with their counts.
    """

    distinct: int
    rows: int
    kept: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, eq=False)
class LearnedValues:
    """Values of the train split by column.

    Attributes:
      categorical: Categorical column -> its values.
      numbers: Numeric or cyclical column -> a sample of its values, int64 or float32, without missing ones.
      targets: Label of a regression -> a sample of its values.
      classes: Classes of a multiclass label.
    """

    categorical: Mapping[str, CategoryValues] = field(default_factory=dict)
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)
    classes: tuple[bytes, ...] = ()


def check_values(
    module: Any, features: Mapping[str, Any], large: Mapping[str, Any], learned: LearnedValues
) -> list[ValueRetention]:
    """Applies the graph to the values of the train split and compares.

    Args:
      module: The saved module of matrices.py.
      features: Section [features] of pipeline.toml.
      large: Columns that the graph processes as integers, in its order.
      learned: Values of the train split.

    Returns:
      An entry per column, with a finding where values are lost.
    """
    columns = len(learned.categorical)
    ids = _ids(module, list(learned.categorical.values()))
    found = [_categories(name, about, ids[at], columns) for at, (name, about) in enumerate(learned.categorical.items())]
    found += _numbers(module, features, list(large), learned.numbers)
    for name, values in learned.targets.items():
        found.append(told_apart(name, "label", values, values.astype(np.float32)))
    return found


def _ids(module: Any, columns: Sequence[CategoryValues]) -> list[np.ndarray]:
    """The graph's ids of the values of each categorical column, int64 [V] each."""
    import tensorflow as tf

    sizes = [len(about.kept) for about in columns]
    if not sum(sizes):
        return [np.zeros(0, np.int64) for _ in columns]
    tokens = tf.constant([text for about in columns for text, _ in about.kept], tf.string)
    ids = module.ids(tokens, tf.constant(np.repeat(np.arange(len(sizes)), sizes), tf.int64)).numpy()
    return np.split(ids, np.cumsum(sizes)[:-1])


def _categories(name: str, about: CategoryValues, ids: np.ndarray, columns: int) -> ValueRetention:
    counts = np.array([count for _, count in about.kept], np.int64)
    _, first = np.unique(ids, return_index=True)
    lost = np.ones(len(ids), bool)
    lost[first] = False
    lost |= ids < 2 * columns
    rare = about.rows - int(counts.sum())
    gone, rows = int(counts[lost].sum()), max(about.rows, 1)
    finding = ""
    if lost.any():
        finding = (
            f"{int(lost.sum()):,} of {len(ids):,} categories that are frequent enough to be learned are not "
            f"distinguished from unknown ones ({gone / rows:.1%} of the rows)"
        )
    learned = len(ids) - int(lost.sum())
    return ValueRetention(
        name, "categorical", about.distinct, learned, (gone + rare) / rows, rare / rows, gone / rows, finding
    )


def _numbers(
    module: Any, features: Mapping[str, Any], large: list[str], sampled: Mapping[str, np.ndarray]
) -> list[ValueRetention]:
    import tensorflow as tf

    if not sampled:
        return []
    numeric, cyclical = list(features.get("numeric", ())), dict(features.get("cyclical", {}))
    most = max(1, MAX_CELLS // len(sampled))
    some = {name: values[:: -(-len(values) // most) or 1] for name, values in sampled.items()}
    rows = max(map(len, some.values()))

    def matrix(names: list[str], nothing: float | int, kind: Any) -> tf.Tensor:
        filled = np.full((rows, len(names)), nothing, kind)
        for position, name in enumerate(names):
            filled[: len(some[name]), position] = some[name]
        return tf.constant(filled)

    values, turning = ([name for name in names if name not in large] for names in (numeric, cyclical))
    # Columns computed from texts come last; no column of the data holds their values.
    more = module.scaled.input_signature[0].shape[1] - len(values)
    numbers = tf.pad(matrix(values, np.nan, np.float32), [[0, 0], [0, more]], constant_values=float("nan"))
    transformed = module.scaled(numbers, matrix(turning, np.nan, np.float32), matrix(large, _MISSING_INT, np.int64))
    matrices = {name: found.numpy() for name, found in transformed.items()}
    found = []
    for position, name in enumerate(numeric):
        parts = [matrices[part][: len(some[name]), position] for part in ("numeric", "standardized")]
        found.append(told_apart(name, "numeric", some[name], *parts))
    for position, (name, period) in enumerate(cyclical.items()):
        waves = matrices["cyclical"][: len(some[name]), 2 * position : 2 * position + 2].T
        found.append(told_apart(name, "cyclical", _phases(some[name], period), *waves))
    return found


def _phases(values: np.ndarray, period: float) -> np.ndarray:
    """Phases rounded to a thousandth of a period, within which values count as equal."""
    if values.dtype.kind == "i" and period == int(period):
        turned = (values % int(period)).astype(np.float64)
    else:
        turned = (less(values, 0) if values.dtype.kind == "i" else values.astype(np.float64)) % period
    return np.round(turned / period * 1000)
