"""The labels of several annotators as a matrix of class codes, the input of all agreement measures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

MISSING = -1
"""Code where an annotator gave no label."""


@dataclass(frozen=True, eq=False)
class AnnotationMatrix:
    """Labels of N rows by L annotators.

    Attributes:
      labelers: Names of the annotators, [L].
      classes: Distinct labels as text, [K], sorted: numbers by value, then texts.
      codes: Indices into `classes`, int64 [N, L]; MISSING where the annotator gave no label.
    """

    labelers: tuple[str, ...]
    classes: tuple[str, ...]
    codes: np.ndarray

    @property
    def given(self) -> np.ndarray:
        """Number of labels of each row, [N]."""
        return (self.codes != MISSING).sum(axis=1)

    def counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts annotators by row and class.

        Returns:
          Row index, class code and number of annotators, three arrays of one length, sorted by row and class. Pairs
          without annotators are left out.
        """
        row, labeler = np.nonzero(self.codes != MISSING)
        keys = row * max(len(self.classes), 1) + self.codes[row, labeler]
        found, counts = np.unique(keys, return_counts=True)
        return found // max(len(self.classes), 1), found % max(len(self.classes), 1), counts

    def rows(self, chosen: np.ndarray) -> "AnnotationMatrix":
        """Selects rows by mask or index."""
        return AnnotationMatrix(self.labelers, self.classes, self.codes[chosen])


def annotation_matrix(columns: Mapping[str, pd.Series]) -> AnnotationMatrix:
    """Encodes the columns of annotators.

    Args:
      columns: Annotator -> labels, all of one length N. None, NaN and NA mean that no label was given. 1, 1.0 and True
        are the same label, because integer columns with missing values are often read as floats.
    """
    texts = {name: _texts(column) for name, column in columns.items()}
    together = pd.concat(list(texts.values()), ignore_index=True) if texts else pd.Series([], dtype=object)
    known = together.dropna().unique()
    ordered = sorted(known, key=_order)
    index = pd.Index(ordered, dtype=object)
    codes = [index.get_indexer(pd.Index(column, dtype=object)) for column in texts.values()]
    matrix = np.column_stack(codes).astype(np.int64) if codes else np.zeros((0, 0), np.int64)
    return AnnotationMatrix(tuple(texts), tuple(ordered), matrix)


def _texts(column: pd.Series) -> pd.Series:
    """Labels as text; None where the label is missing."""
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
    """Sort key: numbers by value, before texts."""
    try:
        number = float(text)
    except ValueError:
        return 1, 0.0, text
    return 0, (number if number == number else 0.0), text
