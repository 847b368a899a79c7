"""Counts of numbers in bounded memory: exact up to a limit, with a guaranteed error bound beyond."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.drift_validator.sketches.sketch import NumberCounts

_PARTS = 8  # maximum number of summaries; more give fewer merge levels but coarser summaries


@dataclass(frozen=True, eq=False)
class _Summary:
    """Distinct ascending values with counts; `error` bounds the error of any count of values <= x."""

    values: np.ndarray
    counts: np.ndarray
    error: int = 0
    level: int = 0


class NumbersCounter:
    """Counts the numbers of a stream.

    Half of the memory limit holds a buffer of values, half holds summaries (values with counts). Counts are exact while
    the distinct values fit into an eighth of the limit. Beyond, it is the multi-level merge of Manku, Rajagopalan and
    Lindsay (*Approximate medians and other quantiles in one pass and with limited memory*, SIGMOD 1998): a full buffer
    is sorted and compacted to k = room / 32 points; with more than 8 summaries, those of the lowest level are merged
    and compacted again. Each compaction adds an error of at most half of its heaviest group (`compact`), about
    n / (2 k) for each level, so that the rank error is about levels / (2 k). The reported `rank_error` is the sum of
    the actual errors.
    """

    def __init__(self) -> None:
        self._pending: list[np.ndarray] = []
        self._waiting = 0
        self._summaries: list[_Summary] = []
        self._exact = True

    def add(self, values: np.ndarray, room: int) -> None:
        """Counts values.

        Args:
          values: Numbers of any type without NaN.
          room: Memory limit in 8-byte words.
        """
        if len(values) == 0:
            return
        # Copy views: a view of a few rows would keep the memory of the whole batch.
        self._pending.append(values if values.base is None else values.copy())
        self._waiting += len(values)
        if self._waiting > room // 2:
            self._flush(room)

    def result(self) -> NumberCounts:
        """Returns the distribution; integers beyond 2**53 are rounded to float64."""
        self._sort_pending()
        if not self._summaries:
            return NumberCounts(np.empty(0), np.empty(0, np.int64))
        merged = _merge(self._summaries)
        self._summaries = [merged]
        return NumberCounts(merged.values, merged.counts, merged.error / int(merged.counts.sum()))

    def _flush(self, room: int) -> None:
        limit = max(room // 4, 8 * _PARTS)
        target = limit // _PARTS
        self._sort_pending()
        if not self._exact:
            self._summaries[-1] = compact_summary(self._summaries[-1], target)
        while sum(len(summary.values) for summary in self._summaries) > limit:
            if self._exact:
                everything = _merge(self._summaries)
                self._exact = len(everything.values) <= limit // 2
                self._summaries = [everything if self._exact else compact_summary(everything, target)]
                continue
            self._summaries.sort(key=lambda summary: summary.level)
            lowest = self._summaries[min(1, len(self._summaries) - 1)].level
            chosen = [summary for summary in self._summaries if summary.level <= lowest]
            rest = [summary for summary in self._summaries if summary.level > lowest]
            self._summaries = [*rest, compact_summary(_merge(chosen), target)]

    def _sort_pending(self) -> None:
        if not self._pending:
            return
        values = np.sort(self._pending[0] if len(self._pending) == 1 else np.concatenate(self._pending))
        self._pending, self._waiting = [], 0
        self._summaries.append(_count_sorted(values))


def compact(values: np.ndarray, counts: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Merges neighbouring values so that about `points` (at most 4 more) remain.

    Ranks are divided into `points` equal parts. Neighbours whose middle ranks are in the same part are merged at their
    weighted median. The error of the count of values <= x is at most half of the weight of the group that contains x,
    and 0 between groups. The smallest and the largest finite value and infinities are not merged.

    Args:
      values: Distinct values, ascending, [N].
      counts: Counts, [N].
      points: Target number of values.

    Returns:
      Values, counts and the largest error of a count.
    """
    total = int(counts.sum())
    upto = np.cumsum(counts)
    part = (2 * upto - counts) * points // (2 * total)
    is_start = np.append(True, part[1:] != part[:-1])
    is_start[: np.searchsorted(values, -np.inf, "right") + 2] = True
    is_start[max(np.searchsorted(values, np.inf) - 1, 0) :] = True
    starts = np.flatnonzero(is_start)
    before = upto[starts] - counts[starts]
    behind = np.append(before[1:], total)
    weights = behind - before
    middle = np.searchsorted(upto, before + (weights + 1) // 2)
    error = np.maximum(upto[middle] - counts[middle] - before, behind - upto[middle])
    return values[middle], weights, int(error.max())


def compact_summary(summary: _Summary, points: int) -> _Summary:
    """Compacts a summary and adds the error; a summary of at most `points` values is returned unchanged."""
    if len(summary.values) <= points:
        return summary
    values, counts, error = compact(summary.values, summary.counts, points)
    return _Summary(values, counts, summary.error + error, summary.level + 1)


def _merge(summaries: Sequence[_Summary]) -> _Summary:
    """Merges summaries without loss; their errors add up."""
    if len(summaries) == 1:
        return summaries[0]
    values = np.concatenate([summary.values for summary in summaries])
    order = np.argsort(values, kind="stable")  # stable sort merges sorted runs in linear time
    values = values[order]
    counts = np.concatenate([summary.counts for summary in summaries])[order]
    values, counts = _add_up(values, counts)
    error = sum(summary.error for summary in summaries)
    return _Summary(values, counts, error, max(summary.level for summary in summaries))


def _count_sorted(values: np.ndarray) -> _Summary:
    """Distinct float64 values of a sorted array, with counts."""
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    counts = np.diff(np.append(first, len(values)))
    distinct = values[first].astype(np.float64) + 0.0  # -0.0 is 0.0
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        distinct, counts = _add_up(distinct, counts)  # beyond 2**53, integers may share a float64
    return _Summary(distinct, counts)


def _add_up(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merges equal neighbours and adds their counts."""
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    if len(first) == len(values):
        return values, counts
    return values[first], np.add.reduceat(counts, first)
