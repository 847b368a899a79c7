"""Several labelers' columns as codes: the common ground of all figures of agreement."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

MISSING = -1
"""Code of a label that a labeler did not give."""


@dataclass(frozen=True, eq=False)
class Votes:
    """Labels by labeler.

    Attributes:
      labelers: Their names, L of them.
      classes: Distinct labels as texts, K of them, in the order of the values.
      codes: N x L int64, index into `classes`; MISSING where a labeler gave none.
    """

    labelers: tuple[str, ...]
    classes: tuple[str, ...]
    codes: np.ndarray

    @property
    def given(self) -> np.ndarray:
        """Labels of each row, N."""
        return (self.codes != MISSING).sum(axis=1)

    def counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How many labelers gave a class to a row, where any did: (rows, classes, counts), by row and class."""
        row, labeler = np.nonzero(self.codes != MISSING)
        keys = row * max(len(self.classes), 1) + self.codes[row, labeler]
        found, counts = np.unique(keys, return_counts=True)
        return found // max(len(self.classes), 1), found % max(len(self.classes), 1), counts

    def rows(self, chosen: np.ndarray) -> "Votes":
        """The same of some rows, by mask or index."""
        return Votes(self.labelers, self.classes, self.codes[chosen])


def votes(columns: Mapping[str, pd.Series]) -> Votes:
    """Codes of labelers' columns.

    Args:
      columns: Labeler -> labels, all of one length. None, NaN and NA are "not given". 1, 1.0 and True are one label:
        a column of whole numbers with gaps is often read as decimals.
    """
    texts = {name: _texts(column) for name, column in columns.items()}
    together = pd.concat(list(texts.values()), ignore_index=True) if texts else pd.Series([], dtype=object)
    known = together.dropna().unique()
    ordered = sorted(known, key=_order)
    index = pd.Index(ordered, dtype=object)
    codes = [index.get_indexer(pd.Index(column, dtype=object)) for column in texts.values()]
    matrix = np.column_stack(codes).astype(np.int64) if codes else np.zeros((0, 0), np.int64)
    return Votes(tuple(texts), tuple(ordered), matrix)


def _texts(column: pd.Series) -> pd.Series:
    """Labels as texts, None where there is none."""
    if pd.api.types.is_bool_dtype(column.dtype):
        column = column.astype("Int64")
    known = column.notna()
    distinct = {value: _text(value) for value in column[known].unique()}
    texts = [distinct[value] if there else None for value, there in zip(column, known, strict=True)]
    return pd.Series(texts, dtype=object)


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _order(text: str) -> tuple[int, float, str]:
    """Numbers by their size, before texts."""
    try:
        number = float(text)
    except ValueError:
        return 1, 0.0, text
    return 0, (number if number == number else 0.0), text
