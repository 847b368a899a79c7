"""Bins features into slices: numbers by quantiles, categories by frequent values, missing values in a separate bin."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SUB_BINS = 4
"""Number of finer bins in each bin of a numeric feature; excess_loss.py uses them."""
FEW_NUMBERS = 12
"""Number of distinct values up to which a numeric feature has one slice per value."""
MAX_FINE = 200
"""Maximum number of categories with a finer bin of their own; some of them are in the slice "other"."""


@dataclass(frozen=True)
class CategoricalColumn:
    """A categorical column.

    Attributes:
      codes: Index into `names`, [N]; -1 = missing.
      names: The categories.
    """

    codes: np.ndarray
    names: tuple[str, ...]


Column = np.ndarray | CategoricalColumn
"""A column of N rows. Numbers are a float array [N]; NaN = missing."""


@dataclass(frozen=True)
class FeatureBins:
    """A partition of the rows into slices by one feature.

    Attributes:
      feature: Name of the feature.
      slices: Names of the slices by code: "carrier=UA", "temp in [10, 20)", "temp missing".
      codes_of: Column -> (code of the slice [N], code of the finer bin [N]); each finer bin lies within one slice.
      unlooked: Code of a slice that is not tested here, because another partition tests it: the slice of missing
        values, see `cut_missing`. None for that other partition.
    """

    feature: str
    slices: tuple[str, ...]
    codes_of: Callable[[Column], tuple[np.ndarray, np.ndarray]]
    unlooked: int | None = None


def cuts_of(feature: str, column: Column, bins: int, categories: int, least: int) -> list[FeatureBins]:
    """Returns the partitions of a feature: by its values, and by missing or not if it has missing values.

    Args:
      feature: Name of the feature.
      column: Its values in the rows of the search, [N].
      bins: Number of quantile bins of a numeric feature.
      categories: Maximum number of categories with a slice of their own.
      least: Minimum number of rows of such a category.
    """
    values = cut(feature, column, bins, categories, least)
    return [values, cut_missing(feature)] if is_missing(column).any() else [values]


def cut_missing(feature: str) -> FeatureBins:
    """Partitions rows into those with and without a value of the feature.

    This is a separate partition because excess loss is measured relative to the information in a partition. In the
    partition by values, a row without a value is compared with predictions that do not use the feature. In this one, it
    is compared with the rows that have a value.
    """

    def codes_of(column: Column) -> tuple[np.ndarray, np.ndarray]:
        codes = is_missing(column).astype(np.int64)
        return codes, codes

    return FeatureBins(feature, (f"{feature} known", f"{feature} missing"), codes_of)


def is_missing(column: Column) -> np.ndarray:
    """Returns True for rows without a value, bool [N]; infinite numbers count as missing."""
    return column.codes < 0 if isinstance(column, CategoricalColumn) else ~np.isfinite(column)


def cut(feature: str, column: Column, bins: int, categories: int, least: int) -> FeatureBins:
    """Partitions a feature by its values.

    Args:
      feature: Name of the feature.
      column: Its values in the rows of the search, [N].
      bins: Number of quantile bins of a numeric feature; ties give fewer.
      categories: Maximum number of categories with a slice of their own, the most frequent ones.
      least: Minimum number of rows of such a category; rarer ones are in the slice "other".
    """
    if isinstance(column, CategoricalColumn):
        return _cut_categories(feature, column, categories, least)
    return _cut_numbers(feature, column, bins)


def _cut_numbers(feature: str, values: np.ndarray, bins: int) -> FeatureBins:
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= FEW_NUMBERS:
        edges = finer = distinct[1:]
        names = [f"{feature}={text}" for text in _texts(distinct)] or [f"{feature} known"]
    else:
        finer, edges = (_quantiles(known, count, distinct[0]) for count in (bins * SUB_BINS, bins))
        finer = np.union1d(finer, edges)
        names = _ranges(feature, edges)
    parent = np.searchsorted(edges, np.concatenate([[-np.inf], finer]), side="right")

    def codes_of(column: Column) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(column, np.ndarray)
        fine = np.searchsorted(finer, column, side="right")
        missing = is_missing(column)
        fine[missing] = 0
        return np.where(missing, len(edges) + 1, parent[fine]), np.where(missing, len(finer) + 1, fine)

    return FeatureBins(feature, (*names, f"{feature} missing"), codes_of, len(names))


def _quantiles(known: np.ndarray, bins: int, lowest: float) -> np.ndarray:
    """Lower edges of all bins but the first; distinct values of the data."""
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="higher"))
    return edges[edges > lowest]  # a bin below the lowest value would be empty


def _ranges(feature: str, edges: np.ndarray) -> list[str]:
    if not len(edges):
        return [f"{feature} known"]
    texts = _texts(edges)
    between = [f"{feature} in [{low}, {high})" for low, high in itertools.pairwise(texts)]
    return [f"{feature} < {texts[0]}", *between, f"{feature} >= {texts[-1]}"]


def _texts(edges: np.ndarray) -> list[str]:
    """Formats numbers with six significant digits, or with more where they would be equal."""
    texts: list[str] = []
    for digits in range(6, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(texts):
            break
    return texts


def _cut_categories(feature: str, column: CategoricalColumn, most: int, least: int) -> FeatureBins:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
    ranked = np.argsort(-counts, kind="stable")[:MAX_FINE]
    names = [column.names[at] for at in ranked if counts[at]]
    frequent = int((counts[ranked[:most]] >= max(least, 1)).sum())
    place = {name: at for at, name in enumerate(names)}
    other, missing = frequent, frequent + 1

    def codes_of(column: Column) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(column, CategoricalColumn)
        fine_of = np.array([*(place.get(name, len(names)) for name in column.names), len(names) + 1])
        fine = fine_of[column.codes]  # code -1 (missing) selects the last element
        return np.where(fine > len(names), missing, np.minimum(fine, other)), fine

    texts = [f"{feature}={name}" for name in names[:frequent]]
    return FeatureBins(feature, (*texts, f"{feature} other", f"{feature} missing"), codes_of, missing)


def crossed(first: np.ndarray, second: np.ndarray, seconds: int) -> np.ndarray:
    """Crosses two partitions.

    Args:
      first: Codes of the first partition, [N].
      second: Codes of the second partition, [N].
      seconds: Number of codes of the second partition.

    Returns:
      Codes of the pairs, [N].
    """
    return first * seconds + second


def pairs_of(count: int) -> Sequence[tuple[int, int]]:
    """Returns all pairs (i, j) with 0 <= i < j < count."""
    return list(itertools.combinations(range(count), 2))
