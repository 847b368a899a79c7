"""Drift history of a dataset: the distances that each run reported in its summary, by feature, measure and span."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from components.drift_validator.thresholds import REPRESENTATIVE
from components.shared.errors import UsageError
from components.shared.texts.escaping import on_one_line
from components.shared.texts.file_names import checked
from pipeline.metadata.summary_files import summaries

NEEDED = {"run_id": str, "spans": dict, "drift": list}
"""Required fields of a summary, with their types."""


class Row(NamedTuple):
    """One distance of one run, with the fields of the rows in `drift` of summary.json.

    Attributes:
      feature: Name of the column.
      measure: Name of the measure.
      slice: Slice such as "origin=EWR"; "" for all rows.
      role: "feature", "label", "prediction", "id" or "table".
      distance: In [0, 1].
      threshold: Distance above which it counts as drifted; None if the run reported none.
      effect: Effect size as set, at most `threshold`, see `significance.DriftFinding`; None if the run reported none.
      drifted: Whether it counts as drifted.
      detail: Description of the change.
      severity: "negligible", "moderate" or "severe"; "" if the run reported none.
    """

    feature: str
    measure: str
    slice: str
    role: str
    distance: float
    threshold: float | None
    effect: float | None
    drifted: bool
    detail: str
    severity: str = ""

    @property
    def times(self) -> float:
        """Ratio of distance to threshold; the distance itself where there is no threshold."""
        if self.threshold is None:
            return self.distance
        if self.threshold == 0:
            return math.inf if self.distance > 0 else 0.0
        return self.distance / self.threshold


@dataclass(frozen=True)
class ComparedRun:
    """The comparison of one run.

    Attributes:
      run_id: Id of the run.
      span: Eval span; None for data without spans.
      train: Spans of `train`.
      name: The span as text, or "#3" for the third run of data without spans.
      rows: (feature, measure, slice) -> distance.
    """

    run_id: str
    span: int | None
    train: tuple[int, ...]
    name: str
    rows: dict[tuple[str, str, str], Row]


@dataclass(frozen=True)
class DriftTrend:
    """Time series of one measure of one feature over all comparisons.

    Attributes:
      feature: Name of the column.
      measure: Name of the measure.
      slice: Slice; "" for all rows.
      role: Role of the column.
      rows: One entry for each comparison; None where it was not measured.
    """

    feature: str
    measure: str
    slice: str
    role: str
    rows: tuple[Row | None, ...]

    @cached_property
    def drifted(self) -> tuple[int, ...]:
        """Indices of the comparisons with drift."""
        return tuple(number for number, row in enumerate(self.rows) if row is not None and row.drifted)

    @cached_property
    def farthest(self) -> int:
        """Index of the comparison with the largest ratio of distance to threshold, drifted ones first."""
        known = [(row.drifted, row.times, number) for number, row in enumerate(self.rows) if row is not None]
        return max(known)[2] if known else 0

    @property
    def newest(self) -> Row | None:
        """The most recent row; None if there is none."""
        return next((row for row in reversed(self.rows) if row is not None), None)

    @property
    def _rank(self) -> tuple[Any, ...]:
        row = self.rows[self.farthest]
        times = row.times if row else 0.0
        return (self.role != "label", -len(self.drifted), -times, self.feature, self.measure, self.slice)


@dataclass(frozen=True)
class DriftHistory:
    """All comparisons of a dataset, oldest first.

    Attributes:
      dataset: Name of the dataset.
      compared: Comparisons sorted by eval span, or by time for data without spans.
      unreadable: Number of summaries that were skipped because they could not be read.
    """

    dataset: str
    compared: tuple[ComparedRun, ...]
    unreadable: int = 0

    @property
    def unit(self) -> str:
        """Unit of the history: "span", or "run" for data without spans."""
        return "span" if not self.compared or self.compared[-1].span is not None else "run"

    def trend(self, feature: str, measure: str, slice: str = "") -> DriftTrend:
        """Returns the time series of one measure of one feature.

        Args:
          feature: Name of the column.
          measure: Name of the measure.
          slice: Slice such as "origin=EWR"; "" for all rows.
        """
        rows = tuple(one.rows.get((feature, measure, slice)) for one in self.compared)
        role = next((row.role for row in reversed(rows) if row is not None), "feature")
        return DriftTrend(feature, measure, slice, role, rows)

    @cached_property
    def trends(self) -> tuple[DriftTrend, ...]:
        """All time series: the label first, then by number of drifted comparisons and ratio to the threshold."""
        keys = dict.fromkeys(key for one in self.compared for key in one.rows)
        return tuple(sorted((self.trend(*key) for key in keys), key=lambda trend: trend._rank))

    @cached_property
    def main(self) -> tuple[DriftTrend, ...]:
        """The representative time series of each feature over all rows, sorted like `trends`.

        It is that of the Chebyshev distance for categories, of Kolmogorov-Smirnov for numbers; where neither was
        measured, that of another measure, see `thresholds.REPRESENTATIVE`.
        """
        best: dict[str, DriftTrend] = {}
        for trend in self.trends:
            if not trend.slice and _preference(trend) < _preference(best.get(trend.feature)):
                best[trend.feature] = trend
        return tuple(sorted(best.values(), key=lambda trend: trend._rank))

    @cached_property
    def others(self) -> tuple[DriftTrend, ...]:
        """Time series with drift that are not in `main`: other measures, and slices."""
        shown = {(trend.feature, trend.measure, trend.slice) for trend in self.main}
        return tuple(
            trend for trend in self.trends if trend.drifted and (trend.feature, trend.measure, trend.slice) not in shown
        )

    def names(self, positions: Iterable[int]) -> str:
        """Formats the names of comparisons, such as "spans 4-6, 8".

        Args:
          positions: Indices of the comparisons, ascending.
        """
        runs: list[list[int]] = []
        for position in positions:
            if runs and position == runs[-1][-1] + 1:
                runs[-1].append(position)
            else:
                runs.append([position])
        parts = ["-".join(dict.fromkeys(self.compared[run[end]].name for end in (0, -1))) for run in runs]
        return f"{self.unit}{'s' if sum(map(len, runs)) > 1 else ''} {', '.join(parts)}"

    def finding(self) -> str:
        """Summarises the history in one line."""
        count = len(self.compared)
        plural = f"{count} {self.unit}{'s' if count != 1 else ''}"
        found = []
        for trend in (trend for trend in self.main if trend.role == "label"):
            if trend.drifted:
                found.append(
                    f"label {plain(trend.feature)} shifted in {len(trend.drifted)}, most in "
                    f"{self.names([trend.farthest])}"
                )
            else:
                found.append(f"label {plain(trend.feature)} never shifted")
        rest = [trend for trend in self.main if trend.role not in ("label", "table")]
        drifting = [trend for trend in rest if trend.drifted]
        if drifting:
            often = f"{plain(drifting[0].feature)} most often, in {len(drifting[0].drifted)}"
            found.append(f"{len(drifting)} of {len(rest)} features drifted, {often}")
        elif rest:
            found.append(f"none of {len(rest)} features drifted")
        return f"Drift of {plural}: {'; '.join(found)}"

    def to_json(self) -> dict[str, Any]:
        """Returns the history as JSON; the lists of a time series are parallel to `runs`, null where not measured."""
        main = set(self.main)
        return {
            "dataset": self.dataset,
            "finding": self.finding() if self.compared else None,
            "unreadable": self.unreadable,
            "runs": [{"run_id": one.run_id, "span": one.span, "train": list(one.train)} for one in self.compared],
            "courses": [
                {
                    "feature": trend.feature,
                    "measure": trend.measure,
                    "slice": trend.slice,
                    "role": trend.role,
                    "main": trend in main,
                    "distances": [row and row.distance for row in trend.rows],
                    "thresholds": [row and row.threshold for row in trend.rows],
                    "drifted": [row and row.drifted for row in trend.rows],
                    "severities": [(row and row.severity) or None for row in trend.rows],
                    "details": [row and row.detail for row in trend.rows],
                }
                for trend in self.trends
            ],
        }


def load_history(root: Path, dataset: str, *, label: str | None = None) -> DriftHistory:
    """Reads the drift history of a dataset from the summaries of its runs.

    Of several runs on the same eval span, the newest one that reached the drift check is used. For data without spans,
    the data fingerprint takes the place of the span. The newest run decides whether the data have spans.

    Args:
      root: Folder of all runs.
      dataset: Name of the dataset; the summaries are <root>/<dataset>/reports/<run_id>/summary.json.
      label: Name of the label, for summaries of former versions without roles.

    Raises:
      UsageError: The folder of reports does not exist.
    """
    reports = root / checked(dataset, "dataset") / "reports"
    try:
        os.scandir(reports).close()
    except OSError as exc:
        raise UsageError(
            f"{reports}: no runs found ({exc.strerror}); start some with `plumbline replay`, or give their folder with "
            "--root"
        ) from exc
    read = summaries(reports.parent, needed=NEEDED)
    kept: dict[object, ComparedRun] = {}  # newest first
    unreadable = len(read.skipped)
    spanned: bool | None = None
    for summary in reversed(read.usable):
        try:
            one, key = _compared(summary["run_id"], summary, label)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            unreadable += 1
            continue
        if not one.rows:
            continue  # stopped before the drift check
        if spanned is None:
            spanned = one.span is not None
        if (one.span is not None) == spanned:
            kept.setdefault(key, one)
    if spanned:
        ordered = sorted(kept.values(), key=lambda one: one.span or 0)
    else:
        oldest_first = reversed(kept.values())
        ordered = [replace(one, name=f"#{number}") for number, one in enumerate(oldest_first, start=1)]
    return DriftHistory(dataset, tuple(ordered), unreadable)


def _compared(run_id: str, summary: dict[str, Any], label: str | None) -> tuple[ComparedRun, object]:
    """The comparison in a summary, and a key of its data: the eval span, or the data fingerprint."""
    train, evaluation = (tuple(int(span) for span in summary["spans"][split]) for split in ("train", "eval"))
    span = evaluation[0] if evaluation != train else None
    rows = {}
    for found in summary["drift"]:
        feature, get = str(found["feature"]), found.get
        row = Row(
            feature,
            str(found["measure"]),
            str(get("slice") or ""),
            str(get("role") or ("label" if feature == label else "feature")),
            _finite(found["distance"]),
            None if get("threshold") is None else _finite(found["threshold"]),
            None if get("effect") is None else _finite(found["effect"]),
            bool(found["drifted"]),
            str(get("detail") or ""),
            str(get("severity") or ""),
        )
        rows[row[:3]] = row
    key: object = span if span is not None else str((summary.get("fingerprints") or {}).get("data", run_id))
    return ComparedRun(run_id, span, train, str(span), rows), key


def plain(text: str) -> str:
    """Makes a text printable on one line and collapses whitespace."""
    return on_one_line(" ".join(text.split()))


def _finite(number: Any) -> float:
    found = float(number)
    if not math.isfinite(found):
        raise ValueError(f"{number} is not a finite number")
    return found


def _preference(trend: DriftTrend | None) -> tuple[int, str]:
    if trend is None:
        return (len(REPRESENTATIVE) + 1, "")
    return (
        REPRESENTATIVE.index(trend.measure) if trend.measure in REPRESENTATIVE else len(REPRESENTATIVE),
        trend.measure,
    )
