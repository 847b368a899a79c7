"""Dictionary-encoded values of a column, their counts and their display. Pure."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ENOUGH_ROWS = 20
"""Minimum number of values for conclusions from the number of distinct ones."""
NEAR_UNIQUE = 0.5
"""A text column with a larger share of distinct values does not generalise to unseen rows."""


@dataclass(frozen=True)
class Values:
    """Dictionary-encoded values: `codes` [N] index `distinct`, in order of appearance; -1 is missing."""

    name: str
    type: str
    codes: np.ndarray
    distinct: np.ndarray

    @property
    def known(self) -> int:
        """Number of rows with a value."""
        return int((self.codes >= 0).sum())

    @property
    def numbers(self) -> np.ndarray:
        """float64 [N], NaN where missing."""
        return np.append(self.distinct.astype(float), np.nan)[self.codes]

    @property
    def words(self) -> list[str]:
        """Words of the column's name in lower case: pickupZip_code -> pickup, zip, code."""
        return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", self.name)]


def values_of(column: pa.ChunkedArray, name: str, alias: str) -> Values:
    """Dictionary-encodes a column.

    Args:
      column: The values, [N].
      name: Name of the column.
      alias: Type alias, see components/table_reading/schema_inference.py.
    """
    if alias.startswith("list:"):  # of lists only the presence is encoded
        return Values(name, alias, np.where(column.is_null().to_numpy(), -1, 0), np.array(["list"]))
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    if alias == "float64" and not np.isfinite(distinct).all():  # NaN and infinity are missing values
        kept = np.flatnonzero(np.isfinite(distinct))
        new = np.full(len(distinct) + 1, -1)
        new[kept] = np.arange(len(kept))
        codes, distinct = new[codes], distinct[kept]
    return Values(name, alias, codes, distinct)


def value_counts(table: pa.Table, name: str) -> dict[str, int]:
    """Returns value -> number of rows of a text column, without missing values."""
    counted = pc.value_counts(table[name].drop_null()).to_pylist()
    return {pair["values"]: pair["counts"] for pair in counted}


def short(value: object) -> str:
    """Quotes a value for messages, truncated to 30 characters."""
    text = str(value)
    return repr(text if len(text) <= 30 else text[:27] + "...")
