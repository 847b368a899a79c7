"""Two data sets compared: every column, every slice, rows and columns together, judged as one family of tests."""

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
"""Role of ages, whose ends move as time runs on: these measures are left out."""
DATE_ROLE = "date"
"""Role of days and moments: of them only missing values are compared, the rest by what is derived from them."""


def compare(
    baseline: Table,
    current: Table,
    rules: Rules,
    roles: Mapping[str, str] | None = None,
    min_slice_rows: int = 200,
    joint: Measured | None = None,
) -> list[Drift]:
    """All distances between two data sets, with verdicts.

    Args:
      baseline: What the current data are compared with.
      current: The newer data.
      rules: What counts as drift.
      roles: Column -> "feature", "label", "prediction" or "id"; a column that is not named is a feature. Of an id only
        missing and repeated values are compared: its values are new by nature.
      min_slice_rows: Slices with fewer rows on either side are left out.
      joint: The distance between how columns go together, if it was measured.

    Returns:
      One row for each distance, see judging.judge.
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
    """A column's role as a person is told it: dates and ages are features."""
    role = roles.get(name, "feature")
    return "feature" if role in (DATE_ROLE, AGE_ROLE) else role


def _absent(name: str, rows: int) -> Column:
    """A column that is not there is a column without values."""
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
