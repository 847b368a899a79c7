"""Encodes columns of all feature types as one numeric matrix for the audit's models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from components.shared.errors import InputError
from components.shared.features.hashed_texts import text_directions

MAX_VALUES = 254
"""Most frequent values of a categorical column with codes of their own; rarer values share one. HistGradientBoosting
allows 255."""


@dataclass(frozen=True)
class FeatureTypes:
    """Feature columns by type.

    Attributes:
      categorical: Categorical columns.
      numeric: Numeric columns.
      cyclical: Cyclical numeric column -> period, in the column's unit.
      text: Columns of free text.
      image: Columns of images.
    """

    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    cyclical: Mapping[str, float] | None = None
    text: tuple[str, ...] = ()
    image: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All feature columns."""
        return (*self.categorical, *self.numeric, *(self.cyclical or {}), *self.text, *self.image)


@dataclass(frozen=True, eq=False)
class EncodedFeatures:
    """Encoded features of N rows.

    Attributes:
      matrix: float64 [N, F]. Categorical columns come first, as codes 0, 1, ... by descending frequency; NaN = missing.
      categorical: Number of categorical columns.
      periods: Index of a cyclical column -> period.
      embedded: Number of columns that image embeddings have, which are the last ones.
    """

    matrix: np.ndarray
    categorical: int
    periods: Mapping[int, float]
    embedded: int = 0

    def __len__(self) -> int:
        return len(self.matrix)

    def of(self, rows: np.ndarray) -> "EncodedFeatures":
        """Returns the features of some rows, by index."""
        return replace(self, matrix=self.matrix[rows])


def encode_features(
    rows: pd.DataFrame, kinds: FeatureTypes, embeddings: Mapping[str, np.ndarray] | None = None
) -> EncodedFeatures:
    """Encodes the feature columns of a table.

    Args:
      rows: The table.
      kinds: Feature columns by type.
      embeddings: Image column -> its embedding, float32 [N, D], NaN where missing.

    Raises:
      InputError: A numeric or cyclical column holds a value that is not a number.
    """
    columns = [_codes(rows[name]) for name in kinds.categorical]
    columns += [_numbers(rows[name]) for name in (*kinds.numeric, *(kinds.cyclical or {}))]
    columns += [column for name in kinds.text for column in _texts(rows[name])]
    first = len(kinds.categorical) + len(kinds.numeric)
    periods = {first + at: float(period) for at, period in enumerate((kinds.cyclical or {}).values())}
    images = [np.asarray((embeddings or {})[name], np.float64) for name in kinds.image]
    matrix = np.column_stack([*columns, *images]) if columns or images else np.zeros((len(rows), 0))
    return EncodedFeatures(matrix, len(kinds.categorical), periods, sum(one.shape[1] for one in images))


def scaled(encoded: EncodedFeatures, fit: np.ndarray) -> np.ndarray:
    """Standardises features for nearest neighbours and linear models.

    Categories are one-hot encoded, cyclical numbers become sine and cosine, other numbers are standardised and clipped
    to [-4, 4]. Missing numbers are imputed by the mean. Embeddings keep their scale: the first of their columns has
    variance 1, and the smaller variance of the others says how much they count.

    Args:
      encoded: Features of N rows.
      fit: Indices of the rows that means, standard deviations and categories are taken from.

    Returns:
      float32 [N, D].
    """
    parts: list[np.ndarray] = []
    matrix = encoded.matrix
    for at in range(matrix.shape[1]):
        column = matrix[:, at]
        if at < encoded.categorical:
            codes = np.where(np.isnan(column), -1, column)
            parts += [(codes == code)[:, None] for code in np.unique(codes[fit])[:MAX_HOT]]
        elif at in encoded.periods:
            angle = 2 * np.pi * column / encoded.periods[at]
            parts += [np.nan_to_num(part)[:, None] for part in (np.sin(angle), np.cos(angle))]
        elif at >= matrix.shape[1] - encoded.embedded:
            parts.append(np.nan_to_num(column)[:, None])
        else:
            known = column[fit][~np.isnan(column[fit])]
            center, spread = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
            parts.append(np.nan_to_num(np.clip((column - center) / (spread or 1.0), -4, 4))[:, None])
    return np.hstack(parts).astype(np.float32) if parts else np.zeros((len(matrix), 0), np.float32)


MAX_HOT = 50
"""Maximum number of one-hot columns of a categorical column: missing and the most frequent values."""


def _codes(column: pd.Series) -> np.ndarray:
    codes, values = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(values))
    found = np.minimum(rank[codes], MAX_VALUES).astype(np.float64) if len(values) else np.zeros(len(codes))
    found[codes < 0] = np.nan
    return found


def _texts(column: pd.Series) -> list[np.ndarray]:
    """Embeds texts in a few numeric columns; see hashed_texts."""
    texts = [None if missing else str(text) for text, missing in zip(column, column.isna(), strict=True)]
    return [direction.astype(np.float64) for direction in text_directions(texts)(texts).T]


def _numbers(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        seconds = column.astype("int64").to_numpy(np.float64)
        return np.where(column.isna(), np.nan, seconds)
    try:
        numbers = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as exc:
        raise InputError(f"column '{column.name}' is numeric, but holds a value that is not a number ({exc})") from exc
    return np.where(np.isfinite(numbers), numbers, np.nan)


def kinds_of(rows: pd.DataFrame, names: Sequence[str]) -> FeatureTypes:
    """Infers feature types from column types: numbers are numeric, all others categorical."""
    numeric = tuple(
        name
        for name in names
        if pd.api.types.is_numeric_dtype(rows[name].dtype) and not pd.api.types.is_bool_dtype(rows[name].dtype)
    )
    return FeatureTypes(tuple(name for name in names if name not in numeric), numeric)
