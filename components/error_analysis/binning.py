"""Features cut into slices: a number by quantiles, a category by its frequent values, a missing value by itself."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SUB_BINS = 4
"""Finer bins in each bin of a number; see gaps.py for what they are good for."""
FEW_NUMBERS = 12
"""A number that takes so many values at most is cut at each."""
MOST_FINE = 200
"""Values of a category that are told apart within "other"."""


@dataclass(frozen=True)
class Categories:
    """A categorical column: `codes` [N] into `names`, -1 where it is missing."""

    codes: np.ndarray
    names: tuple[str, ...]


Column = np.ndarray | Categories
"""A number's column is float [N], NaN where it is missing."""


@dataclass(frozen=True)
class Cut:
    """How a feature is cut.

    Attributes:
      feature: Its name.
      slices: By code, as a text: "carrier=UA", "temp in [10, 20)", "temp missing".
      codes_of: Column -> (code of the slice [N], code of the finer bin [N]); finer bins lie within slices.
      unlooked: A slice that another cut looks at: that of missing values, see `cut_missing`.
    """

    feature: str
    slices: tuple[str, ...]
    codes_of: Callable[[Column], tuple[np.ndarray, np.ndarray]]
    unlooked: int | None = None


def cuts_of(feature: str, column: Column, bins: int, categories: int, least: int) -> list[Cut]:
    """All cuts of a feature: by its values, and, where some are missing, by whether they are; see `cut`."""
    values = cut(feature, column, bins, categories, least)
    return [values, cut_missing(feature)] if is_missing(column).any() else [values]


def cut_missing(feature: str) -> Cut:
    """Missing or not, and nothing else.

    A cut of its own, because gaps.py takes what a cut says for granted: by its values, a row without one is compared
    with what can be known without the feature; by this cut, with rows that have it.
    """

    def codes_of(column: Column) -> tuple[np.ndarray, np.ndarray]:
        codes = is_missing(column).astype(np.int64)
        return codes, codes

    return Cut(feature, (f"{feature} known", f"{feature} missing"), codes_of)


def is_missing(column: Column) -> np.ndarray:
    """Which rows [N] have no value; an infinite number is none."""
    return column.codes < 0 if isinstance(column, Categories) else ~np.isfinite(column)


def cut(feature: str, column: Column, bins: int, categories: int, least: int) -> Cut:
    """How to cut a feature by what the column holds.

    Args:
      feature: Name.
      column: Its values in the rows that are looked at.
      bins: Of a number, by quantiles; fewer where values are tied.
      categories: Values of a category that are slices of their own, the most frequent.
      least: A rarer value is among the others.
    """
    if isinstance(column, Categories):
        return _cut_categories(feature, column, categories, least)
    return _cut_numbers(feature, column, bins)


def _cut_numbers(feature: str, values: np.ndarray, bins: int) -> Cut:
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

    return Cut(feature, (*names, f"{feature} missing"), codes_of, len(names))


def _quantiles(known: np.ndarray, bins: int, lowest: float) -> np.ndarray:
    """Lower edges of all bins but the first; values of the data, each once."""
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="higher"))
    return edges[edges > lowest]  # a bin below the lowest value would be empty


def _ranges(feature: str, edges: np.ndarray) -> list[str]:
    if not len(edges):
        return [f"{feature} known"]
    texts = _texts(edges)
    between = [f"{feature} in [{low}, {high})" for low, high in itertools.pairwise(texts)]
    return [f"{feature} < {texts[0]}", *between, f"{feature} >= {texts[-1]}"]


def _texts(edges: np.ndarray) -> list[str]:
    """Numbers with as few digits, from six on, as keep them apart."""
    texts: list[str] = []
    for digits in range(6, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(texts):
            break
    return texts


def _cut_categories(feature: str, column: Categories, most: int, least: int) -> Cut:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
    ranked = np.argsort(-counts, kind="stable")[:MOST_FINE]
    names = [column.names[at] for at in ranked if counts[at]]
    frequent = int((counts[ranked[:most]] >= max(least, 1)).sum())
    place = {name: at for at, name in enumerate(names)}
    other, missing = frequent, frequent + 1

    def codes_of(column: Column) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(column, Categories)
        fine_of = np.array([*(place.get(name, len(names)) for name in column.names), len(names) + 1])
        fine = fine_of[column.codes]  # -1, a missing value, is the last
        return np.where(fine > len(names), missing, np.minimum(fine, other)), fine

    texts = [f"{feature}={name}" for name in names[:frequent]]
    return Cut(feature, (*texts, f"{feature} other", f"{feature} missing"), codes_of, missing)


def crossed(first: np.ndarray, second: np.ndarray, seconds: int) -> np.ndarray:
    """Codes [N] of pairs of codes, `seconds` being how many the second has."""
    return first * seconds + second


def pairs_of(count: int) -> Sequence[tuple[int, int]]:
    """All pairs of 0..count-1, the smaller first."""
    return list(itertools.combinations(range(count), 2))
