"""Comparison of two data sets: columns, slices, duplicate rows and the joint distribution, as one family of tests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from components.drift_validator.distances.column_distances import measure_column
from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.duplicate_rate import repeated
from components.drift_validator.significance import Drift, Subject, judge
from components.drift_validator.sketches.sketch import Column, Table
from components.drift_validator.thresholds import Rules

ROWS = "(rows)"
COLUMNS = "(columns)"
AGE_ROLE, ENDS = "age", ("out_of_range", "range_lost")
"""Role of ages, and the measures that are skipped for it, because the range of ages moves with time."""
DATE_ROLE = "date"
"""Role of dates and timestamps. Only their missing rate is compared; columns derived from them are compared in full."""


def compare(
    baseline: Table,
    current: Table,
    rules: Rules,
    roles: Mapping[str, str] | None = None,
    min_slice_rows: int = 200,
    joint: Measured | None = None,
) -> list[Drift]:
    """Computes and tests all distances between two data sets.

    Args:
      baseline: Sketch of the baseline data.
      current: Sketch of the current data.
      rules: Thresholds and significance level.
      roles: Column -> "feature", "label", "prediction" or "id"; "feature" by default. Of an id column only missing and
        repeated values are compared, because its values are always new.
      min_slice_rows: Minimum number of rows of a slice in both data sets.
      joint: Distance between the joint distributions, if it was measured.

    Returns:
      One row for each distance, sorted as by `significance.judge`.
    """
    roles = roles or {}
    found = [
        (Subject(name, role=_told(roles, name)), measured)
        for name, measured in _columns(baseline, current, roles, rules)
    ]
    if joint is not None:
        found.append((Subject(COLUMNS, role="table"), joint))
    if baseline.repeated is not None and current.repeated is not None:
        repeats = repeated(baseline.repeated, current.repeated, baseline.rows, current.rows, "equal to an earlier row")
        found += [(Subject(ROWS, role="table"), row) for row in repeats]
    for slice_ in baseline.slices.keys() & current.slices.keys():
        one, other = baseline.slices[slice_], current.slices[slice_]
        if min(one.rows, other.rows) >= min_slice_rows:
            found += [
                (Subject(name, slice_, _told(roles, name)), measured)
                for name, measured in _columns(one, other, roles, rules)
            ]
    return judge(found, rules)


def _columns(baseline: Table, current: Table, roles: Mapping[str, str], rules: Rules) -> Iterator[tuple[str, Measured]]:
    for name in dict.fromkeys((*baseline.columns, *current.columns)):
        one, other = (table.columns.get(name) or _absent(name, table.rows) for table in (baseline, current))
        measured = measure_column(one, other, jensen_shannon=name in rules.divergences)
        if name not in baseline.columns or name not in current.columns:
            side = "current data" if name in baseline.columns else "baseline"
            measured = [replace(row, detail=f"no column of the {side}") for row in _only(measured, "missing")]
        elif roles.get(name) == "id":
            measured = [*_only(measured, "missing"), *_repeated_ids(one, other)]
        elif roles.get(name) == DATE_ROLE:
            measured = _only(measured, "missing")
        elif roles.get(name) == AGE_ROLE:
            measured = [row for row in measured if row.measure not in ENDS]
        yield from ((name, row) for row in measured)


def _told(roles: Mapping[str, str], name: str) -> str:
    """Role of a column in the report: dates and ages are reported as features."""
    role = roles.get(name, "feature")
    return "feature" if role in (DATE_ROLE, AGE_ROLE) else role


def _absent(name: str, rows: int) -> Column:
    """Represents an absent column as a column without values."""
    return Column(name, rows, rows, None)


def _only(measured: Sequence[Measured], measure: str) -> list[Measured]:
    return [row for row in measured if row.measure == measure]


def _repeated_ids(baseline: Column, current: Column) -> list[Measured]:
    if baseline.distribution is None or current.distribution is None:
        return []
    (p, n), (q, m) = (
        (1 - len(counts) / counts.sum() if len(counts) else 0.0, int(counts.sum()))
        for counts in (baseline.distribution.counts, current.distribution.counts)
    )
    return repeated(float(p), float(q), n, m, "an id that an earlier row has")
