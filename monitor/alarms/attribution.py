"""Causes of alarms: which column moved most, at which value, in which slice, and what brought it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.alarms.binned_change import (
    Codes,
    by_values,
    coded,
    counts,
    distance,
    focused,
    most,
    parts,
    parts_of_one_side,
)
from monitor.alarms.budget import HARM
from monitor.alarms.lineage import Lineage
from monitor.incident import Alarm, Cause

_EXPLAINS = 0.6
"""Share of a change that a slice or source has to explain to be named."""
_NEAR = 0.1
_SLICES = 60
_ROWS = 50_000
_LONGEST = 5
_BEFORE = 5
_LIFT = 1.5
"""How many times as large the change within a slice has to be as over all rows."""


@dataclass(frozen=True)
class Rows:
    """Rows of the window and of the reference with what is known of their origin.

    Attributes:
      current: Columns under their dataset names (n rows).
      reference: The same columns of the training data (k rows).
      current_sources: Source of each current row, such as a client or file; None if unknown.
      reference_sources: Source of each reference row, such as its span.
      slices: Columns whose values are tried as slices; (): all columns of text.
    """

    current: pa.Table
    reference: pa.Table
    current_sources: Sequence[str] | None = None
    reference_sources: Sequence[str] | None = None
    slices: tuple[str, ...] = field(default=())


def causes(
    alarms: Sequence[Alarm],
    state: Mapping[str, Any],
    rows: Rows | None = None,
    lineage: Lineage | None = None,
) -> tuple[Cause, ...]:
    """Returns the causes of alarms of one incident, most likely first.

    Columns are ordered by the effect beyond what was usual before, relative to the severe threshold. Columns
    that are derived from one column of the source are one cause. Metrics and joint measures come after columns: they
    are consequences.

    Args:
      alarms: At least one.
      state: State of the alarm rule.
      rows: Rows to find value, slice and source in; None: only what the alarms say.
      lineage: Derived columns, and names of sources.
    """
    lineage = lineage or Lineage()
    found: dict[tuple[str, str], Cause] = {}
    for alarm in sorted(alarms, key=lambda one: _order(one, state, rows)):
        one = alarm.measurement
        origin = lineage.origin(one.subject)
        if any(seen == origin for seen, _ in found):
            continue
        since = state.get("streams", {}).get(one.stream, {}).get("since", "")
        upstream = f"column {origin}" if origin != one.subject else ""
        cause = Cause(one.subject, one.at_text, one.slice, since, upstream)
        if rows is not None and len(found) < _LONGEST and one.subject in _columns(rows):
            cause = _located(cause, one.kind, rows, lineage)
        found[(origin, one.slice)] = cause
    return tuple(found.values())


def _order(alarm: Alarm, state: Mapping[str, Any], rows: Rows | None) -> tuple[bool, bool, float, str]:
    one = alarm.measurement
    beyond = (one.effect - _usual(alarm, state)) / max(one.severe, 1e-12)
    is_column = rows is None or one.subject in _columns(rows)
    return one.kind in HARM or one.kind == "prediction_drift", not is_column, -beyond, one.subject


def _usual(alarm: Alarm, state: Mapping[str, Any]) -> float:
    """The mean effect of the history, or the median of the last windows before the onset if that is larger.

    A fault comes at once; a season that goes on is larger than the mean of the past, but not than the last windows.
    """
    stream = state.get("streams", {}).get(alarm.measurement.stream, {})
    effects = stream.get("effects", [])
    before = effects[: len(effects) - len(stream.get("held", []))][-_BEFORE:]  # without the windows since the onset
    mean = stream.get("groups", {}).get("all", [0.0, 0.0, 0.0])[1]
    return max(mean, float(np.median(before)) if before else 0.0)


def _columns(rows: Rows) -> set[str]:
    return set(rows.current.column_names) & set(rows.reference.column_names)


def _located(cause: Cause, kind: str, rows: Rows, lineage: Lineage) -> Cause:
    """The cause with value, slice, source and share where one explains most of the change."""
    now, then = _sampled(rows.current), _sampled(rows.reference)
    codes = coded(rows.current[cause.subject].take(now), rows.reference[cause.subject].take(then))
    found = replace(cause, at=cause.at or most(codes))
    codes = focused(codes, kind)
    if not cause.slice and (slice_ := _slice(cause.subject, codes, rows, now, then)):
        found = replace(found, slice=slice_[0], share=round(slice_[1], 3))
    source = _source(codes, rows, now, then)
    if source:
        text = lineage.text(source[0])
        joined = f"{text}, {found.source}" if found.source else text
        share = round(source[1], 3) if found.share is None else found.share
        found = replace(found, source=joined, share=share)
    return found


def _slice(subject: str, codes: Codes, rows: Rows, now: pa.Array, then: pa.Array) -> tuple[str, float] | None:
    """The slice that explains the change, the one with the largest change of its own among equals."""
    names = rows.slices or tuple(
        name for name in rows.reference.column_names if pa.types.is_string(rows.reference[name].type)
    )
    whole = float(distance(*counts(codes)))
    candidates = []
    for name in names[:_SLICES]:
        if name == subject or name not in _columns(rows):
            continue
        groups = by_values(rows.current[name].take(now), rows.reference[name].take(then))
        for part in parts(codes, groups):
            named = part.group < len(groups.names) - 2  # the last two are "other values" and "missing"
            if named and part.within >= _LIFT * whole:
                candidates.append((part.share, part.within, f"{name}={groups.names[part.group]}"))
    best = max((share for share, _, _ in candidates), default=0.0)
    if best < _EXPLAINS:
        return None
    share, _, text = max((one for one in candidates if one[0] >= best - _NEAR), key=lambda one: one[1])
    return text, share


def _source(codes: Codes, rows: Rows, now: pa.Array, then: pa.Array) -> tuple[str, float] | None:
    """The source that explains the change, of either table."""
    found = []
    for sources, taken, current in ((rows.current_sources, now, True), (rows.reference_sources, then, False)):
        if sources is None:
            continue
        names, numbers = np.unique(np.asarray(sources, dtype=str)[taken.to_numpy()], return_inverse=True)
        found += [
            (part.share, str(names[part.group]))
            for part in parts_of_one_side(codes, numbers.astype(np.int64), len(names), current=current)[:1]
        ]
    share, name = max(found, default=(0.0, ""))
    return (name, share) if share >= _EXPLAINS else None


def _sampled(table: pa.Table) -> pa.Array:
    """At most 50,000 row numbers, evenly spread."""
    step = max(1, -(-table.num_rows // _ROWS))
    return pa.array(np.arange(0, table.num_rows, step))
