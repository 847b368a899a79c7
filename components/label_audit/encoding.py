"""Columns of any kind as one matrix of numbers, for a quick model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.shared.errors import InputError
from components.shared.features.hashed_texts import text_directions

MOST_VALUES = 254
"""Values of a categorical column that are told apart, the most frequent; the others are one. Trees take 255."""


@dataclass(frozen=True)
class Kinds:
    """Feature columns by kind; `cyclical` is column -> period, `text` are columns of free text."""

    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    cyclical: Mapping[str, float] | None = None
    text: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.categorical, *self.numeric, *(self.cyclical or {}), *self.text)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Rows as numbers.

    Attributes:
      matrix: N x F float64. Categorical columns come first, as codes 0, 1, ... by falling frequency; NaN is "missing".
      categorical: How many of the columns are categorical.
      periods: Column index -> period, of cyclical columns.
    """

    matrix: np.ndarray
    categorical: int
    periods: Mapping[int, float]

    def __len__(self) -> int:
        return len(self.matrix)


def encode(rows: pd.DataFrame, kinds: Kinds) -> Encoded:
    """The feature columns of `rows` as a matrix.

    Raises:
      InputError: A numeric or cyclical column holds what is no number.
    """
    columns = [_codes(rows[name]) for name in kinds.categorical]
    columns += [_numbers(rows[name]) for name in (*kinds.numeric, *(kinds.cyclical or {}))]
    columns += [column for name in kinds.text for column in _texts(rows[name])]
    first = len(kinds.categorical) + len(kinds.numeric)
    periods = {first + at: float(period) for at, period in enumerate((kinds.cyclical or {}).values())}
    matrix = np.column_stack(columns) if columns else np.zeros((len(rows), 0))
    return Encoded(matrix, len(kinds.categorical), periods)


def scaled(encoded: Encoded, fit: np.ndarray) -> np.ndarray:
    """The same for models that measure distances: N x D float32, every column of about unit spread.

    Categories become 0/1 columns, cyclical numbers sine and cosine, other numbers standard scores cut at 4; a missing
    number is the mean. `fit` are the rows whose means and categories count.
    """
    parts: list[np.ndarray] = []
    matrix = encoded.matrix
    for at in range(matrix.shape[1]):
        column = matrix[:, at]
        if at < encoded.categorical:
            codes = np.where(np.isnan(column), -1, column)
            parts += [(codes == code)[:, None] for code in np.unique(codes[fit])[:MOST_HOT]]
        elif at in encoded.periods:
            angle = 2 * np.pi * column / encoded.periods[at]
            parts += [np.nan_to_num(part)[:, None] for part in (np.sin(angle), np.cos(angle))]
        else:
            known = column[fit][~np.isnan(column[fit])]
            center, spread = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
            parts.append(np.nan_to_num(np.clip((column - center) / (spread or 1.0), -4, 4))[:, None])
    return np.hstack(parts).astype(np.float32) if parts else np.zeros((len(matrix), 0), np.float32)


MOST_HOT = 50
"""Categories of a column that get a 0/1 column of their own: missing and the most frequent."""


def _codes(column: pd.Series) -> np.ndarray:
    codes, values = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(values))
    found = np.minimum(rank[codes], MOST_VALUES).astype(np.float64) if len(values) else np.zeros(len(codes))
    found[codes < 0] = np.nan
    return found


def _texts(column: pd.Series) -> list[np.ndarray]:
    """What texts are about, as some columns of numbers; see hashed_texts."""
    texts = [None if missing else str(text) for text, missing in zip(column, column.isna(), strict=True)]
    return [direction.astype(np.float64) for direction in text_directions(texts)(texts).T]


def _numbers(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        seconds = column.astype("int64").to_numpy(np.float64)
        return np.where(column.isna(), np.nan, seconds)
    try:
        numbers = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as exc:
        raise InputError(f"column '{column.name}' is read as numbers, but holds others ({exc})") from exc
    return np.where(np.isfinite(numbers), numbers, np.nan)


def kinds_of(rows: pd.DataFrame, names: Sequence[str]) -> Kinds:
    """Kinds told from the types alone: numbers are numeric, all else is categorical."""
    numeric = tuple(
        name
        for name in names
        if pd.api.types.is_numeric_dtype(rows[name].dtype) and not pd.api.types.is_bool_dtype(rows[name].dtype)
    )
    return Kinds(tuple(name for name in names if name not in numeric), numeric)
