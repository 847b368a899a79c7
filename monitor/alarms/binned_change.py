"""The change of one column between two tables, as histograms by group, and which group explains it.

The distance is the total variation less what sampling alone gives on average (so that 0 means no change):

    D = max(0, 1/2 sum_b |p_b - q_b| - 1/2 sum_b sqrt(2 / pi) sqrt(m_b (1 - m_b) (1 / n + 1 / k))),

p and q the shares of bin b among n current and k reference rows, m their mean over all rows. A group explains the share
1 - D(without the group) / D of a change.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Counts = NDArray[np.int64]

_BINS = 20
_CATEGORIES = 50
_MISSING = "missing"
_OTHER = "other values"
_MIN_ROWS = 30


@dataclass(frozen=True)
class Codes:
    """A column of both tables as bins: codes (n,) and (k,), and the name of each bin."""

    current: Counts
    reference: Counts
    names: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A group of rows and the share of a change that it explains, in [0, 1]; `within` is D of its own rows."""

    group: int
    share: float
    within: float


def coded(current: pa.ChunkedArray, reference: pa.ChunkedArray) -> Codes:
    """Puts a column into bins: numbers by the reference's quantiles, others by their 50 most frequent values."""
    numeric = pa.types.is_integer(reference.type) or pa.types.is_floating(reference.type)
    return _by_quantiles(current, reference) if numeric else _by_values(current, reference)


def by_values(current: pa.ChunkedArray, reference: pa.ChunkedArray) -> Codes:
    """Puts a column into one bin for each of its 50 most frequent values, numbers also."""
    return _by_values(current, reference)


def distance(current: Counts, reference: Counts) -> NDArray[np.float64]:
    """D along the last axis of counts (..., bins); 0 where a side has no row."""
    n, k = current.sum(-1, keepdims=True), reference.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q, m = current / n, reference / k, (current + reference) / (n + k)
        noise = np.sqrt(2 / np.pi) * np.sqrt(m * (1 - m) * (1 / n + 1 / k))
        found = (np.abs(p - q) - noise).sum(-1) / 2
    return np.where((n > 0).all(-1) & (k > 0).all(-1), np.maximum(0.0, found), 0.0)


def counts(codes: Codes, groups: Codes | None = None) -> tuple[Counts, Counts]:
    """Rows by bin (bins,), or by group and bin (groups, bins), of the current and the reference table."""
    bins = len(codes.names)
    if groups is None:
        return np.bincount(codes.current, minlength=bins), np.bincount(codes.reference, minlength=bins)
    size = len(groups.names) * bins
    return (
        np.bincount(groups.current * bins + codes.current, minlength=size).reshape(-1, bins),
        np.bincount(groups.reference * bins + codes.reference, minlength=size).reshape(-1, bins),
    )


def focused(codes: Codes, kind: str) -> Codes:
    """The column as two bins where a check is about some values: missing, unknown or out of range; else as it is."""
    last = len(codes.names) - 1
    if kind == "missing":
        members = np.arange(last + 1) == last
    elif kind == "out_of_range":
        members = np.isin(np.arange(last + 1), (0, last - 1))
    elif kind == "unknown":
        members = (counts(codes)[1] == 0) & (np.arange(last + 1) < last)
    else:
        return codes
    return Codes(members[codes.current].astype(np.int64), members[codes.reference].astype(np.int64), ("", kind))


def most(codes: Codes) -> str:
    """Name of the bin whose share moved most."""
    current, reference = counts(codes)
    moved = np.abs(current / max(1, current.sum()) - reference / max(1, reference.sum()))
    return codes.names[int(moved.argmax())]


def parts(codes: Codes, groups: Codes) -> list[Part]:
    """Each group of at least 30 current rows with the share of the change that it explains, largest first."""
    current, reference = counts(codes, groups)
    whole = float(distance(current.sum(0), reference.sum(0)))
    if whole <= 0:
        return []
    without = distance(current.sum(0) - current, reference.sum(0) - reference)
    within = distance(current, reference)
    # Leaving out nearly all rows leaves nothing to compare: such a group is all rows.
    rows = current.sum(1)
    usable = (rows >= _MIN_ROWS) & (rows <= 0.9 * rows.sum()) & (reference.sum(1) > 0)
    found = [
        Part(int(group), float(np.clip(1 - without[group] / whole, 0, 1)), float(within[group]))
        for group in np.flatnonzero(usable)
    ]
    return sorted(found, key=lambda one: -one.share)


def parts_of_one_side(codes: Codes, sources: NDArray[np.int64], number: int, *, current: bool) -> list[Part]:
    """As `parts`, for groups that only one of the tables has: its spans, files or clients.

    Args:
      codes: The column.
      sources: Group of each row of that table.
      number: Number of groups.
      current: Whether it is the current table.
    """
    now, before = counts(codes)
    bins = len(codes.names)
    own = np.bincount(sources * bins + (codes.current if current else codes.reference), minlength=number * bins)
    own = own.reshape(number, bins)
    whole = float(distance(now, before))
    if whole <= 0 or number < 2:
        return []
    without = distance(now - own, before) if current else distance(now, before - own)
    rest = own.sum(0) - own
    found = [
        Part(group, float(np.clip(1 - without[group] / whole, 0, 1)), float(distance(own[group], rest[group])))
        for group in range(number)
        if own[group].sum() >= _MIN_ROWS
    ]
    return sorted(found, key=lambda one: -one.share)


def _by_quantiles(current: pa.ChunkedArray, reference: pa.ChunkedArray) -> Codes:
    values, known = _numbers(current), _numbers(reference)
    finite = known[~np.isnan(known)]
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, _BINS + 1))) if len(finite) else np.array([0.0])

    def codes(numbers: NDArray[np.float64]) -> Counts:
        found = np.searchsorted(edges, numbers, side="right")
        found[numbers == edges[-1]] = max(1, len(edges) - 1)  # the largest is in the last bin, not above it
        found[np.isnan(numbers)] = len(edges) + 1
        return found.astype(np.int64)

    names = [f"below {edges[0]:.6g}"]
    names += [f"{low:.6g} to {high:.6g}" for low, high in pairwise(edges)]
    names += [f"above {edges[-1]:.6g}"] if len(edges) > 1 else [f"{edges[0]:.6g}"]
    return Codes(codes(values), codes(known), (*names, _MISSING))


def _by_values(current: pa.ChunkedArray, reference: pa.ChunkedArray) -> Codes:
    columns = [pc.cast(one, pa.string()) for one in (current, reference)]
    tally: dict[str, float] = {}
    for column in columns:
        for entry in pc.value_counts(column).to_pylist():
            if entry["values"] is not None:  # by share, so that a value that is only in the smaller table is kept
                share = entry["counts"] / len(column)
                tally[entry["values"]] = tally.get(entry["values"], 0.0) + share
    names = sorted(tally, key=lambda name: (-tally[name], name))[:_CATEGORIES]
    known = pa.array(names, pa.string())

    def codes(column: pa.ChunkedArray) -> Counts:
        found = pc.fill_null(pc.index_in(column, known, skip_nulls=True), len(names)).to_numpy().astype(np.int64)
        found[pc.is_null(column).to_numpy()] = len(names) + 1
        return found

    return Codes(codes(columns[0]), codes(columns[1]), (*names, _OTHER, _MISSING))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), float)
