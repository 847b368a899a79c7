"""Rows of a window and of a baseline as `ScoredRows`, with the same encoding of their features."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.performance.scored_rows import ScoredRows, Task
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData

TIME, TARGET_TIME = "time", "target_time"
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class FeatureEncoder:
    """Encodes features as numbers, the same way in all tables.

    Numbers, booleans and times are their value; a text is its rank by frequency in the table that was fitted, and texts
    that it does not have share the next rank; a list is its length.

    Attributes:
      names: Features, [d].
      ranks: Text feature -> text -> rank, 0 = most frequent.
    """

    names: tuple[str, ...]
    ranks: Mapping[str, Mapping[str, int]]

    @classmethod
    def fit(cls, table: pa.Table) -> "FeatureEncoder":
        """Fits to the features of the baseline."""
        ranks = {}
        for name in table.column_names:
            if _is_text(table[name].type):
                counts = pc.value_counts(_decoded(table[name]).combine_chunks())
                found = [(one["counts"], one["values"]) for one in counts.to_pylist() if one["values"] is not None]
                ranks[name] = {text: at for at, (_, text) in enumerate(sorted(found, key=lambda p: (-p[0], p[1])))}
        return cls(tuple(table.column_names), ranks)

    def encode(self, table: pa.Table) -> np.ndarray:
        """Returns float64 [N, d]; NaN = missing, also all of a feature that the table does not have."""
        columns = [self._column(table, name) for name in self.names]
        return np.column_stack(columns) if columns else np.empty((len(table), 0))

    def _column(self, table: pa.Table, name: str) -> np.ndarray:
        if name not in table.column_names:
            return np.full(len(table), np.nan)
        column = table[name]
        if name in self.ranks:
            ranks = self.ranks[name]
            texts = _decoded(column).to_pylist()
            return np.array(
                [np.nan if text is None else ranks.get(str(text), len(ranks)) for text in texts], np.float64
            )
        return _numbers(column)


def reference_rows(baseline: Baseline) -> tuple[ScoredRows, FeatureEncoder] | None:
    """Returns the labelled evaluation rows of a version and their encoder; None if the baseline has none."""
    if baseline.evaluation is None or baseline.evaluation_scores is None or baseline.evaluation_targets is None:
        return None
    encoder = FeatureEncoder.fit(baseline.evaluation)
    targets = np.asarray(baseline.evaluation_targets, np.float64)
    rows = _rows(encoder.encode(baseline.evaluation), baseline.evaluation_scores, targets, _task(baseline.task))
    return rows, encoder


def window_rows(data: WindowData, baseline: Baseline, encoder: FeatureEncoder, now: datetime) -> ScoredRows:
    """Returns the rows of the baseline's version in a window that have a prediction.

    Args:
      data: The window.
      baseline: Baseline of the version.
      encoder: Of the reference rows.
      now: Time up to which labels are known; timezone-aware.
    """
    version = baseline.version
    table = data.rows(version)
    scores = data.scores(version)
    targets, _ = data.targets(version)
    if baseline.task == "multiclass":
        scores, targets = _by_class(scores, targets, data.classes(version), baseline.classes)
    time = _seconds(table, TIME)
    came = _seconds(table, TARGET_TIME)
    delay = np.where(np.isfinite(targets), np.maximum(came - time, 0.0), np.nan)
    age = np.maximum(now.timestamp() - time, 0.0)
    known = None if np.isnan(delay).all() and np.isfinite(targets).any() else delay
    return _rows(encoder.encode(data.features(version)), scores, targets, _task(baseline.task), time, known, age)


def _rows(
    features: np.ndarray,
    scores: np.ndarray,
    targets: np.ndarray,
    task: Task,
    time: np.ndarray | None = None,
    delay: np.ndarray | None = None,
    age: np.ndarray | None = None,
) -> ScoredRows:
    scores = np.asarray(scores, np.float64)
    scored = np.isfinite(scores) if scores.ndim == 1 else np.isfinite(scores).all(axis=1)
    found = ScoredRows(
        features, np.where(scored if scores.ndim == 1 else scored[:, None], scores, 0.0), np.nan_to_num(targets),
        np.isfinite(targets), time, delay, age, task,
    )  # fmt: skip
    return found if scored.all() else found.among(scored)


def _by_class(
    scores: np.ndarray, targets: np.ndarray, have: tuple[str, ...], want: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Columns and codes in the order of the baseline's classes; a label of another class counts as none."""
    place = {name: at for at, name in enumerate(have)}
    ordered = np.zeros((len(scores), len(want)))
    for at, name in enumerate(want):
        if name in place:
            ordered[:, at] = scores[:, place[name]]
    codes = np.array([float(want.index(name)) if name in want else np.nan for name in have] or [np.nan])
    known = np.isfinite(targets)
    moved = np.full(len(targets), np.nan)
    moved[known] = codes[targets[known].astype(np.int64)]
    return ordered, moved


def _task(name: str) -> Task:
    for task in TASKS:
        if name == task:
            return task
    raise ValueError(f"task {name!r}: must be one of {', '.join(TASKS)}")


def _seconds(table: pa.Table, name: str) -> np.ndarray:
    """Seconds since 1970 UTC, float64 [N]; NaN where missing."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    column = table[name]
    return _numbers(column) / 1e6 if pa.types.is_timestamp(column.type) else _numbers(column)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A number of each value: times in microseconds, the length of a list; NaN = missing."""
    kind: Any = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = pc.list_value_length(column)
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    elif pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    found: np.ndarray = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    return np.where(np.isfinite(found), found, np.nan)


def _is_text(kind: pa.DataType) -> bool:
    named = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return pa.types.is_dictionary(kind) or any(one(kind) for one in named)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if not pa.types.is_string(column.type) else column
