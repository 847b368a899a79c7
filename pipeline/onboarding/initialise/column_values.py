"""A column's values: numbered, counted, and as they are shown to a person. Pure."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ENOUGH_ROWS = 20
"""Below that nothing can be said about how many values are different."""
NEAR_UNIQUE = 0.5
"""A text column with a larger share of different values says next to nothing about rows never seen."""


@dataclass(frozen=True)
class Values:
    """A column's values: `codes` [N], -1 where missing, number them in order of appearance; `distinct` lists them."""

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
        """The name's words, in lower case: pickupZip_code -> pickup, zip, code."""
        return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", self.name)]


def values_of(column: pa.ChunkedArray, name: str, alias: str) -> Values:
    """A table's column, of the type `alias`, with its values numbered."""
    if alias.startswith("list:"):  # lists are not compared, only counted as there or not
        return Values(name, alias, np.where(column.is_null().to_numpy(), -1, 0), np.array(["list"]))
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    if alias == "float64" and not np.isfinite(distinct).all():  # NaN and infinite are missing, as everywhere
        kept = np.flatnonzero(np.isfinite(distinct))
        new = np.full(len(distinct) + 1, -1)
        new[kept] = np.arange(len(kept))
        codes, distinct = new[codes], distinct[kept]
    return Values(name, alias, codes, distinct)


def value_counts(table: pa.Table, name: str) -> dict[str, int]:
    """Value -> rows of the table with it, of a text column; missing ones are not counted."""
    counted = pc.value_counts(table[name].drop_null()).to_pylist()
    return {pair["values"]: pair["counts"] for pair in counted}


def short(value: object) -> str:
    """In quotes and at most 30 characters long, for messages."""
    text = str(value)
    return repr(text if len(text) <= 30 else text[:27] + "...")
