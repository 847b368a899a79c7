"""Samples rows of a split and reads their columns for error analysis."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from components.error_analysis.binning import CategoricalColumn, Column
from components.shared.examples.example_reading import column_batches, joined_columns

MAX_CELLS = 5_000_000
"""Maximum of rows x columns; decoding takes about 0.5 µs per cell."""


def sample_rows(rows: int, most: int, seed: int) -> np.ndarray:
    """Draws a random sample of rows without replacement.

    Args:
      rows: Number of rows.
      most: Maximum size of the sample.
      seed: Random seed.

    Returns:
      Row indices, ascending; all rows if there are at most `most`.
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def read_feature_columns(
    split: str, categorical: Sequence[str], numeric: Sequence[str], places: np.ndarray, texts: Sequence[str] = ()
) -> dict[str, Column]:
    """Reads columns of some rows of a split.

    Args:
      split: Folder of the examples.
      categorical: Categorical features (text or integers).
      numeric: Numeric features.
      places: 0-based positions of the rows in the split, ascending, [N].
      texts: Features of free text. They are represented by their length, as columns such as "review: characters".

    Returns:
      Feature -> column, [N].
    """
    names = [*categorical, *numeric, *texts]
    cells = joined_columns(column_batches(split, names, places), names)
    found = feature_columns(cells, categorical, numeric)
    return found | {f"{name}: characters": _lengths(cells[name]) for name in texts}


def feature_columns(
    cells: Mapping[str, pa.Array], categorical: Sequence[str], numeric: Sequence[str]
) -> dict[str, Column]:
    """Converts Arrow arrays to columns.

    Args:
      cells: Feature -> values, [N]; null = missing.
      categorical: Categorical features.
      numeric: Numeric features.
    """
    found: dict[str, Column] = {name: _categories(cells[name]) for name in categorical}
    return found | {name: _numbers(cells[name]) for name in numeric}


def _categories(cells: pa.Array) -> CategoricalColumn:
    """Encodes values as categories; bytes that are not UTF-8 are replaced."""
    if pa.types.is_null(cells.type):
        return CategoricalColumn(np.full(len(cells), -1, np.int64), ())
    coded = cells.dictionary_encode()
    names = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in coded.dictionary.to_pylist()
    ]
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return CategoricalColumn(codes.astype(np.int64), tuple(names))


def _numbers(cells: pa.Array) -> np.ndarray:
    if not (pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)):
        return np.full(len(cells), np.nan)
    found: np.ndarray = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _lengths(cells: pa.Array) -> np.ndarray:
    """Number of characters of each text; NaN for missing and empty texts."""
    lengths = [
        len(text.decode("utf-8", "replace") if isinstance(text, bytes) else text or "")
        for text in (one or b"" for one in cells.to_pylist())
    ]
    return np.where(np.array(lengths) == 0, np.nan, np.array(lengths, np.float64))
