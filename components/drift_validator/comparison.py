"""Comparison of two data sets: columns, slices, duplicate rows and the joint distribution, as one family of tests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from components.drift_validator.distances.column_distances import measure_column
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.duplicate_rate import duplicate_rate
from components.drift_validator.significance import DriftFinding, TestSubject, apply_tests
from components.drift_validator.sketches.sketch import ColumnSketch, TableSketch
from components.drift_validator.thresholds import DriftThresholds
from components.shared.statistics.slice_sizes import MIN_SLICE_ROWS

ROWS = "(rows)"
COLUMNS = "(columns)"
AGE_ROLE, ENDS = "age", ("out_of_range", "range_lost")
"""Role of ages, and the measures that are skipped for it, because the range of ages moves with time."""
DATE_ROLE = "date"
"""Role of dates and timestamps. Only their missing rate is compared; columns derived from them are compared in full."""


def compare_sketches(
    baseline: TableSketch,
    current: TableSketch,
    rules: DriftThresholds,
    roles: Mapping[str, str] | None = None,
    min_slice_rows: int = MIN_SLICE_ROWS,
    joint: DistanceResult | None = None,
) -> list[DriftFinding]:
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
      One row for each distance, sorted as by `significance.apply_tests`.
    """
    roles = roles or {}
    found = [
        (TestSubject(name, role=_reported_role(roles, name)), measured)
        for name, measured in _columns(baseline, current, roles, rules)
    ]
    if joint is not None:
        found.append((TestSubject(COLUMNS, role="table"), joint))
    if baseline.repeated is not None and current.repeated is not None:
        repeats = duplicate_rate(
            baseline.repeated, current.repeated, baseline.rows, current.rows, "equal to an earlier row"
        )
        found += [(TestSubject(ROWS, role="table"), row) for row in repeats]
    for slice_ in baseline.slices.keys() & current.slices.keys():
        one, other = baseline.slices[slice_], current.slices[slice_]
        if min(one.rows, other.rows) >= min_slice_rows:
            found += [
                (TestSubject(name, slice_, _reported_role(roles, name)), measured)
                for name, measured in _columns(one, other, roles, rules)
            ]
    return apply_tests(found, rules)


def _columns(
    baseline: TableSketch, current: TableSketch, roles: Mapping[str, str], rules: DriftThresholds
) -> Iterator[tuple[str, DistanceResult]]:
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


def _reported_role(roles: Mapping[str, str], name: str) -> str:
    """Role of a column in the report: dates and ages are reported as features."""
    role = roles.get(name, "feature")
    return "feature" if role in (DATE_ROLE, AGE_ROLE) else role


def _absent(name: str, rows: int) -> ColumnSketch:
    """Represents an absent column as a column without values."""
    return ColumnSketch(name, rows, rows, None)


def _only(measured: Sequence[DistanceResult], measure: str) -> list[DistanceResult]:
    return [row for row in measured if row.measure == measure]


def _repeated_ids(baseline: ColumnSketch, current: ColumnSketch) -> list[DistanceResult]:
    if baseline.distribution is None or current.distribution is None:
        return []
    (p, n), (q, m) = (
        (1 - len(counts) / counts.sum() if len(counts) else 0.0, int(counts.sum()))
        for counts in (baseline.distribution.counts, current.distribution.counts)
    )
    return duplicate_rate(float(p), float(q), n, m, "an id that an earlier row has")
