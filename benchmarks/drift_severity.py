"""Severity of drift on 3, 10, 30 and 100 % of the rows of two months, on random halves, and of planted faults.

    python -m benchmarks.drift_severity [--samples 3] [--seed 0] [--fault-span 4] [--parts agreement,halves,faults]
                                        [--json FILE]

- agreement: the columns of each of the 11 pairs of consecutive months of the flights, without settings. Random samples
  of both months are compared, and each column's verdict is compared with that on all rows. Verdicts:
    - severity: the severity of the column's severest distance, as in `plumbline drift`;
    - significant: the same, negligible unless the distance is significant drift;
    - uncorrected: the distance of the samples in place of the corrected distance, with the same levels;
    - drifted: whether any distance drifted, whatever its severity;
    - never: no column ever drifts (dummy).
- halves: random halves of the months, and of 10 % of their rows: comparisons with any drift, and columns whose
  corrected distance is moderate though not significant.
- faults: those of planted_faults.py, planted as in benchmarks.faults into a half of a month and compared with the other
  half. A fault is found if anything drifted that did not drift between the same halves without it. Its severity is the
  highest of what is new. Columns are compared over all rows; if nothing is found, also by origin and carrier; then also
  jointly, which costs most.

Prints one JSON object: `seed`, `samples`, `agreement` {verdict: {fraction: share of columns}}, `columns` (those
compared), `verdicts_on_all_rows` {"severe", "moderate", "negligible", "none": columns a pair of months}, `halves`
{fraction: {`pairs`, `with_drift`, `undecided_columns`, `columns`}}, `faults` {`planted`, `found`, `by_severity`
{severity: number}, `not_found` [name], `severity` {name: severity}}.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.planted_faults import all_faults, read_rows, stricter_labels
from benchmarks.results import print_result
from components.drift_validator.drift_detection import DriftConfig, find_drift
from components.drift_validator.severity import severity_of
from components.drift_validator.significance import DriftFinding
from components.shared.errors import InputError, PlumblineError
from components.shared.statistics.severities import SEVERITIES, Severity, worst
from pipeline.drift.comparison import drift
from pipeline.drift.input_tables import open_sides

SPANS = Path("data/flights")
FRACTIONS = (0.03, 0.1, 0.3)
HALVES = (0.1, 1.0)
PARTS = ("agreement", "halves", "faults")
VERDICTS = ("severity", "significant", "uncorrected", "drifted", "never")
STAGES = ((False, False), (True, False), (True, True))
"""Stages of the search for a fault: whether slices, and whether the joint distribution, are compared."""
Verdict = dict[str, dict[str, str]]  # verdict -> column -> value


def main() -> int:
    """Measures and prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3, help="random samples of each fraction (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault-span", type=int, default=4, help="month that gets the faults (%(default)s)")
    parser.add_argument("--parts", default=",".join(PARTS), help="which to run (%(default)s)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--parts {options.parts}: legal: {', '.join(PARTS)}")
    result: dict[str, Any] = {"seed": options.seed, "samples": options.samples}
    try:
        if "agreement" in parts:
            result |= _agreement(options.samples, options.seed)
        if "halves" in parts:
            result["halves"] = {f"{fraction:g}": _halves(fraction, options.seed) for fraction in HALVES}
        if "faults" in parts:
            result["faults"] = _faults(options.fault_span, options.seed)
    except PlumblineError as error:
        print(f"benchmarks/drift_severity: {error}", file=sys.stderr)
        return error.exit_code
    print_result(result, options.json)
    return 0


def _agreement(samples: int, seed: int) -> dict[str, Any]:
    agreed = {verdict: {fraction: [0, 0] for fraction in FRACTIONS} for verdict in VERDICTS}
    counted: Counter[str] = Counter()
    for month in range(1, 12):
        months = _months(month, month + 1)
        findings = _compare(months)
        full = _verdicts(findings)
        drifted = full["drifted"]
        counted.update(full["severity"][name] if drifted[name] == "drifted" else "none" for name in drifted)
        for fraction in FRACTIONS:
            for sample in range(samples):
                rng = np.random.default_rng([seed, month, int(1000 * fraction), sample])
                found = _verdicts(_compare([_sampled(table, fraction, rng) for table in months]))
                for verdict in VERDICTS:
                    tally = agreed[verdict][fraction]
                    tally[0] += sum(found[verdict].get(name) == value for name, value in full[verdict].items())
                    tally[1] += len(full[verdict])
        print(f"months {month} and {month + 1} compared", file=sys.stderr)
    return {
        "agreement": {
            verdict: {f"{fraction:g}": round(same / of, 4) for fraction, (same, of) in tallies.items()}
            for verdict, tallies in agreed.items()
        },
        "columns": sum(counted.values()),
        "verdicts_on_all_rows": {name: round(counted[name] / 11, 1) for name in (*reversed(SEVERITIES), "none")},
    }


def _verdicts(findings: Iterable[DriftFinding]) -> Verdict:
    """Each verdict on each column."""
    columns: dict[str, list[DriftFinding]] = {}
    for row in findings:
        if row.role != "table":
            columns.setdefault(row.feature, []).append(row)
    return {
        "severity": {name: worst(row.severity for row in rows) for name, rows in columns.items()},
        "significant": {name: worst(row.severity for row in rows if row.drifted) for name, rows in columns.items()},
        "uncorrected": {
            name: worst(severity_of(row.distance, row.moderate, row.severe) for row in rows)
            for name, rows in columns.items()
        },
        "drifted": {name: "drifted" if any(row.drifted for row in rows) else "" for name, rows in columns.items()},
        "never": dict.fromkeys(columns, "negligible"),
    }


def _halves(fraction: float, seed: int) -> dict[str, int]:
    """Compares random halves of each month, or of a share of its rows."""
    found: Counter[str] = Counter()
    for month in range(1, 13):
        rows = _months(month, month)[0]
        order = np.random.default_rng([seed, month]).permutation(len(rows))[: int(fraction * len(rows))]
        findings = _compare([rows.take(pa.array(np.sort(half))) for half in np.array_split(order, 2)])
        verdicts = _verdicts(findings)
        found["pairs"] += 1
        found["with_drift"] += any(row.drifted for row in findings)
        found["columns"] += len(verdicts["severity"])
        found["undecided_columns"] += sum(
            verdicts["severity"][name] != verdicts["significant"][name] for name in verdicts["severity"]
        )
    print(f"halves of {fraction:.0%} of the rows compared", file=sys.stderr)
    return dict(found)


def _faults(span: int, seed: int) -> dict[str, Any]:
    rows = read_rows(_span(span))
    faults = all_faults(read_rows(_span(span % 12 + 1)), stricter_labels())
    first = np.zeros(len(rows), dtype=bool)
    first[np.random.default_rng(seed).permutation(len(rows))[: len(rows) // 2]] = True
    baseline, current = rows[first], rows[~first]
    severity: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        one = _write(baseline, Path(name) / "baseline.csv")
        untouched = _write(current, Path(name) / "current.csv")
        known = {stage: set(_drifted(one, untouched, *stage)) for stage in STAGES}
        for place, fault in enumerate(faults):
            planted = fault.plant(current, np.random.default_rng([seed, place]))
            other = _write(planted, Path(name) / "fault.csv")
            new: list[Severity] = []
            for stage in STAGES:
                found = {} if new else _drifted(one, other, *stage)
                new += [level for key, level in found.items() if key not in known[stage]]
            severity[fault.name] = worst(new) if new else "not found"
            print(f"{fault.name}: {severity[fault.name]}", file=sys.stderr)
    counts = Counter(severity.values())
    return {
        "planted": len(faults),
        "found": len(faults) - counts["not found"],
        "by_severity": {level: counts[level] for level in reversed(SEVERITIES)},
        "not_found": [name for name, level in severity.items() if level == "not found"],
        "severity": severity,
    }


def _drifted(baseline: Path, current: Path, slices: bool, joint: bool) -> dict[tuple[str, str, str], Severity]:
    """(feature, slice, measure) -> severity of what `plumbline drift` reports; a refused file is severe."""
    rows, columns = None if joint else 0, ["origin", "carrier"] if slices else []
    try:
        compared = drift(str(baseline), str(current), slices=columns, joint_rows=rows)
    except InputError:
        return {("", "", "refused"): "severe"}
    found: dict[tuple[str, str, str], Severity] = {
        (one.column, "", "type mismatch"): "severe" for one in compared.mismatches
    }
    rows_drifted = (row for row in compared.result.rows if row.drifted)
    return found | {(row.feature, row.slice, row.measure): row.severity for row in rows_drifted}


def _months(*spans: int) -> list[pa.Table]:
    """Rows of months, with column types that both have."""
    paths = [str(_span(span)) for span in spans]
    sides = open_sides(paths[0], paths[-1])[: len(paths)]
    return [pa.Table.from_batches(list(side.batches())).combine_chunks() for side in sides]


def _compare(tables: Sequence[pa.Table]) -> list[DriftFinding]:
    """Findings without the joint distribution, which is no column's."""
    one, other = (_batches(table) for table in tables)
    return find_drift(one, other, DriftConfig(joint_rows=0)).rows


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches()


def _sampled(table: pa.Table, fraction: float, rng: np.random.Generator) -> pa.Table:
    """A random sample without replacement, in the order of the table."""
    chosen = rng.choice(len(table), round(fraction * len(table)), replace=False)
    return table.take(pa.array(np.sort(chosen)))


def _span(number: int) -> Path:
    path = SPANS / f"span-{number:02d}.csv"
    if not path.exists():
        raise InputError(f"{path} is not there; make it with: python -m data.flights")
    return path


def _write(rows: pd.DataFrame, path: Path) -> Path:
    rows.to_csv(path, index=False, encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
