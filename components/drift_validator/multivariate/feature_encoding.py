"""Encodes two tables as numbers for the test of the joint distribution, without using which table a row is from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = 254  # maximum of scikit-learn's HistGradientBoosting; rarer values share the last code


@dataclass(frozen=True, eq=False)
class EncodedSample:
    """Encoded rows of both tables, in an order that depends on their content only.

    Attributes:
      names: Columns with more than one value, where missing counts as a value, [C].
      values: float64 [N, C]. A number is encoded as its rank among the distinct numbers of both tables, so that units
        and infinities have no effect; a category as its rank by frequency in both tables, 0 = most frequent; NaN =
        missing.
      categorical: True for categorical columns, bool [C].
      side: 0 = baseline, 1 = current, int [N].
      place: Relative position of a row among the rows of its table, float64 [N] in [0, 1). Equal rows of both tables
        are at the same position, so that no training row has a duplicate among the test rows of the other table.
    """

    names: tuple[str, ...]
    values: np.ndarray
    categorical: np.ndarray
    side: np.ndarray
    place: np.ndarray


def encode_samples(baseline: "pd.DataFrame", current: "pd.DataFrame", *, seed: int) -> EncodedSample:
    """Encodes the columns that both tables have.

    Args:
      baseline: Baseline data.
      current: Current data. A column that is numeric in one table only is compared as text.
      seed: Random seed of the order.
    """
    names, columns, categorical = [], [], []
    sizes = len(baseline), len(current)
    for name in baseline.columns:
        if name not in current.columns:
            continue
        pair = baseline[name], current[name]
        numbers = all(_is_number(series) for series in pair)
        code = _number_ranks(*pair) if numbers else _frequency_ranks(*pair)
        if len(np.unique(code)) > 1:  # NaN is one value here
            names.append(str(name))
            columns.append(code)
            categorical.append(not numbers)
    values = np.column_stack(columns) if columns else np.empty((sum(sizes), 0))
    side = np.repeat([0, 1], sizes)
    key = _keys(values, side, seed)
    order = np.lexsort((side, key))
    values, side = values[order], side[order]
    place = np.empty(len(side))
    for one, size in enumerate(sizes):
        place[side == one] = np.arange(size) / max(size, 1)
    return EncodedSample(tuple(names), values, np.array(categorical, dtype=bool), side, place)


def _is_number(series: "pd.Series[Any]") -> bool:
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_datetime64_any_dtype(series.dtype):
        return True
    return pd.api.types.infer_dtype(series, skipna=True) in (
        "integer", "floating", "mixed-integer-float", "boolean", "empty"
    )  # fmt: skip


def _number_ranks(baseline: "pd.Series[Any]", current: "pd.Series[Any]") -> np.ndarray:
    import pandas as pd

    both = []
    for series in (baseline, current):
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            # Convert both tables to microseconds and UTC.
            series = pd.to_datetime(series, utc=True).dt.tz_localize(None)
            stamps = series.to_numpy(dtype="datetime64[us]")
            both.append(np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64).astype(np.float64)))
        else:
            both.append(np.array([], float) if series.empty else _floats(series))
    values = np.concatenate(both)
    there = ~np.isnan(values)
    code = np.full(len(values), np.nan)
    code[there] = np.unique(values[there], return_inverse=True)[1]
    return code


def _floats(series: "pd.Series[Any]") -> np.ndarray:
    if series.dtype == object:
        series = series.where(series.notna(), np.nan)
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _frequency_ranks(baseline: "pd.Series[Any]", current: "pd.Series[Any]") -> np.ndarray:
    import pandas as pd

    both = pd.concat([baseline.astype(object), current.astype(object)], ignore_index=True)
    there = both.notna().to_numpy()
    texts = both[there].astype(str).to_numpy(dtype=object)
    code = np.full(len(both), np.nan)
    if len(texts):
        value, counts = np.unique(texts, return_counts=True)
        rank = np.empty(len(value))
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(value))  # ties in the order of the texts
        code[there] = np.minimum(rank, CATEGORIES - 1)[np.searchsorted(value, texts)]
    return code


def _keys(values: np.ndarray, side: np.ndarray, seed: int) -> np.ndarray:
    """Hashes rows by content and seed. The k-th of equal rows has the same hash in both tables."""
    key = np.full(len(values), seed, dtype=np.uint64)
    for column in np.nan_to_num(values, nan=-1.0).T:
        key = _mix(key ^ column.astype(np.int64).astype(np.uint64))
    order = np.lexsort((key, side))
    run = np.ones(len(order), dtype=bool)
    run[1:] = (np.diff(side[order]) != 0) | (key[order][1:] != key[order][:-1])
    start = np.maximum.accumulate(np.where(run, np.arange(len(order)), 0))
    times = np.empty(len(order), dtype=np.uint64)
    times[order] = np.arange(len(order)) - start
    return _mix(key ^ _mix(times))


def _mix(key: np.ndarray) -> np.ndarray:
    """SplitMix64 (Steele, Lea, Flood 2014)."""
    key = key + np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))
