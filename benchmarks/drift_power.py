"""False alarms and power: how often do fixed thresholds, and the calibrated rule, report a feature that moved?

    python -m benchmarks.drift_power [--families 200] [--rows 100,300,1000,3000,10000,30000] [--seed 0]
                                     [--json FILE] [--figure FILE]

A family has 30 features, five of each kind in COLUMNS. False alarms: no feature is shifted, and a family counts if
anything is reported. Power: one feature is shifted by a known distance of the populations, and the share of families in
which it is reported is measured. Baseline and current data have the same number of rows. The rules:

- "distance > t": Chebyshev between shares of values, Kolmogorov-Smirnov between distribution functions; fixed t.
- "divergence > t": TFDV's Jensen-Shannon divergence; fixed t.
- "calibrated": components.drift_validator with its defaults, all measures of a column.
- "calibrated, 0.05": the same with alpha 0.05 instead of 0.01.
- "uncorrected": at 0.01 without Benjamini-Hochberg, every test at its own level.

Prints a table, and as the last line on stdout one JSON object: `rows`, `shifts`, `families`, `features`, `alpha`,
`false_alarms` [{`rows`, `rule`, `families` (share with any report), `features` (share of features reported)}],
`by_measure` {measure: false alarms of the calibrated rule}, `detection` [{`column`, `shift`, `rows`, `rule`, `share`}],
`effects` [{`scale` (of the default effects), `rows`, `false_alarms`, `detection` {shift: share over all columns}}],
`cpu_seconds`. `--figure` draws it (.svg or .png), from `--from FILE` without simulating again.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from benchmarks.charts import figure, save
from components.drift_validator.distances.column_distances import measure_column
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.significance import DriftFinding, TestSubject, apply_tests
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts
from components.drift_validator.thresholds import MAIN, DriftThresholds
from components.shared.errors import PlumblineError
from components.shared.files import write_json

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)
SHIFTS = (0.003, 0.02, 0.05, 0.2)
"""Distance of the populations, in the unit that COLUMNS gives: less than the default effect, small, medium, large."""
THRESHOLDS = (0.01, 0.1, 0.3)
SCALES = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Factors of the default effect sizes, to measure the influence of the minimum effect."""
PER_KIND = 5
LOOSER = 0.05
RULES = DriftThresholds()

Draw = Callable[[np.random.Generator, int, float], ColumnSketch]


def main() -> int:
    """Simulates, prints, draws; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", type=int, default=200, help="for each number of rows (%(default)s)")
    parser.add_argument("--rows", default=",".join(map(str, SIZES)), help="of each side (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--figure", type=figure, help="draw it, .svg or .png")
    parser.add_argument("--from", dest="earlier", type=Path, help="an earlier --json, instead of simulating")
    options = parser.parse_args()
    if options.earlier and not options.earlier.is_file():
        parser.error(f"--from {options.earlier}: no such file")
    if options.earlier:
        result = json.loads(options.earlier.read_text())
    else:
        result = study([int(rows) for rows in options.rows.split(",")], options.families, options.seed)
    try:
        if options.json:
            write_json(options.json, result)
        if options.figure:
            from benchmarks.power_chart import draw

            save(draw(result), options.figure)
    except PlumblineError as error:
        print(f"benchmarks/drift_power: {error}", file=sys.stderr)
        return error.exit_code
    print(as_table(result))
    print(json.dumps(result))
    return 0


def _one_grows(kinds: int, grown: int) -> Draw:
    """Zipf's shares; one value grows by `shift` at the cost of all others: the Chebyshev distance is `shift`."""
    shares = 1 / np.arange(1.0, kinds + 1)
    shares /= shares.sum()

    def draw(random: np.random.Generator, rows: int, shift: float) -> ColumnSketch:
        moved = shift / (1 - shares[grown])
        return _texts(random.multinomial(rows, shares * (1 - moved) + moved * (np.arange(kinds) == grown)))

    return draw


def _all_move(random: np.random.Generator, rows: int, shift: float) -> ColumnSketch:
    """500 values, by turns larger and smaller by the same factor: the total variation is `shift`."""
    shares = 1 / np.arange(1.0, 501)
    up = np.arange(500) % 4 % 3 == 0  # of each four the first and last, so that both halves are of much the same mass
    mass = shares[up].sum() / shares.sum()
    shares = shares / shares.sum() * np.where(up, 1 + shift / mass, 1 - shift / (1 - mass))
    return _texts(random.multinomial(rows, shares))


def _normal(random: np.random.Generator, rows: int, shift: float) -> ColumnSketch:
    """The mean moves; the Kolmogorov-Smirnov distance 2 Phi(delta / 2) - 1 is `shift`. Two decimals."""
    return _numbers(random.normal(_delta(shift), size=rows))


def _heavy_tail(random: np.random.Generator, rows: int, shift: float) -> ColumnSketch:
    """Log-normal, the log's deviation 1.5; all values grow by one factor, and the distance is `shift`."""
    return _numbers(10 * np.exp(1.5 * random.normal(_delta(shift), size=rows)))


def _mostly_zero(random: np.random.Generator, rows: int, shift: float) -> ColumnSketch:
    """Rain: 90 % zeros, the others exponential; the share of zeros falls by `shift`."""
    return _numbers(np.where(random.random(rows) < 0.9 - shift, 0.0, 0.01 + random.exponential(0.1, rows)))


def _missing(random: np.random.Generator, rows: int, shift: float) -> ColumnSketch:
    """Of normal numbers 10 % are missing; the share grows by `shift`, the values' distribution stays."""
    gone = int(random.binomial(rows, 0.1 + shift))
    return _numbers(random.normal(size=rows - gone), gone)


COLUMNS: dict[str, Draw] = {
    "16 values, one grows": _one_grows(16, 3),
    "500 values, one grows": _one_grows(500, 9),
    "normal, mean moves": _normal,
    "heavy tail, all grow": _heavy_tail,
    "mostly 0, fewer zeros": _mostly_zero,
    "missing values, more": _missing,
}
MOVES: dict[str, tuple[str, Draw]] = {
    **{name: (name, draw) for name, draw in COLUMNS.items()},
    "500 values, all move": ("500 values, one grows", _all_move),
}
"""What moves -> the kind of column whose place in the family it takes, and how it is drawn."""


def _delta(distance: float) -> float:
    return float(2 * norm.ppf((1 + distance) / 2))


def _texts(counts: np.ndarray) -> ColumnSketch:
    there = np.flatnonzero(counts)
    names = pa.array([f"v{value:03d}" for value in there], pa.large_string())
    return ColumnSketch("x", int(counts.sum()), 0, CategoryCounts(names, counts[there].astype(np.int64)))


def _numbers(values: np.ndarray, missing: int = 0) -> ColumnSketch:
    distinct, counts = np.unique(values.round(2) + 0.0, return_counts=True)
    return ColumnSketch("x", len(values) + missing, missing, NumberCounts(distinct, counts.astype(np.int64)))


def study(sizes: Sequence[int], families: int, seed: int) -> dict[str, Any]:
    """Simulates everything; see the module's docstring for what it returns."""
    began = time.process_time()
    false_alarms, detection, effects = [], [], []
    by_measure: Counter[str] = Counter()
    for rows in sizes:
        random = np.random.default_rng([seed, rows])
        alarmed: Counter[str] = Counter()  # rule -> families with any report
        reported: Counter[str] = Counter()  # rule -> features reported, none of which moved
        caught: Counter[tuple[str, float, str]] = Counter()
        for _ in range(families):
            family = {
                f"{kind} {number}": _measure(draw(random, rows, 0), draw(random, rows, 0))
                for kind, draw in COLUMNS.items()
                for number in range(PER_KIND)
            }
            said = _verdicts(family)
            alarmed.update(rule for rule, features in said.items() if features)
            reported.update({rule: len(features) for rule, features in said.items()})
            by_measure.update(row.measure for row in _judged(family) if row.drifted)
            for name, (kind, draw) in MOVES.items():
                moved = f"{kind} 0"
                for shift in SHIFTS:
                    one = _measure(draw(random, rows, 0), draw(random, rows, shift))
                    said = _verdicts({**family, moved: one})
                    caught.update((name, shift, rule) for rule, features in said.items() if moved in features)
        looked_at = families * len(COLUMNS) * PER_KIND
        for rule in (rule for rule in said if not rule.startswith("x")):
            shares = {"families": alarmed[rule] / families, "features": reported[rule] / looked_at}
            false_alarms.append({"rows": rows, "rule": rule, **shares})
            detection += [
                {
                    "column": name,
                    "shift": shift,
                    "rows": rows,
                    "rule": rule,
                    "share": caught[name, shift, rule] / families,
                }
                for name in MOVES
                for shift in SHIFTS
            ]
        for scale in SCALES:
            found = {
                f"{shift:g}": sum(caught[name, shift, f"x{scale}"] for name in MOVES) / families / len(MOVES)
                for shift in SHIFTS
            }
            alarms = alarmed[f"x{scale}"] / families
            effects.append({"scale": scale, "rows": rows, "false_alarms": alarms, "detection": found})
        print(f"{rows:,} rows: {time.process_time() - began:.0f} s", file=sys.stderr)
    return {
        "rows": list(sizes),
        "shifts": list(SHIFTS),
        "families": families,
        "features": len(COLUMNS) * PER_KIND,
        "alpha": RULES.alpha,
        "false_alarms": false_alarms,
        "by_measure": dict(by_measure),
        "detection": detection,
        "effects": effects,
        "cpu_seconds": round(time.process_time() - began),
    }


def _measure(baseline: ColumnSketch, current: ColumnSketch) -> list[DistanceResult]:
    return measure_column(baseline, current, jensen_shannon=True)


def _judged(family: dict[str, list[DistanceResult]]) -> list[DriftFinding]:
    """The calibrated rule on all but the divergence, which is not among its defaults."""
    return apply_tests(
        [
            # Without `critical`, which is for the report and costs more than all the rest.
            (TestSubject(feature), DistanceResult(one.measure, one.distance, p_value=one.p_value))
            for feature, measured in family.items()
            for one in measured
            if one.measure != "jensen_shannon"
        ],
        RULES,
    )


def _verdicts(family: dict[str, list[DistanceResult]]) -> dict[str, set[str]]:
    """Rule -> features that it reports; "x<scale>" is the calibrated rule with other effects."""
    said: dict[str, set[str]] = {}
    for kind, measures in (("distance", MAIN), ("divergence", {"jensen_shannon"})):
        for threshold in THRESHOLDS:
            said[f"{kind} > {threshold:g}"] = {
                feature
                for feature, measured in family.items()
                if any(one.measure in measures and one.distance > threshold for one in measured)
            }
    rows = _judged(family)
    far = [row for row in rows if row.distance > row.effect]
    said["uncorrected"] = {row.feature for row in far if (row.p_value or 0) <= RULES.alpha}
    said["calibrated"] = {row.feature for row in rows if row.drifted}
    said[f"calibrated, {LOOSER:g}"] = {row.feature for row in far if (row.q_value or 0) <= LOOSER}
    real = [row for row in rows if (row.q_value or 0) <= RULES.alpha]
    for scale in SCALES:
        said[f"x{scale}"] = {row.feature for row in real if row.distance > row.effect * scale}
    return said


def as_table(result: dict[str, Any]) -> str:
    """Shares in per cent: false alarms, then detection for each shift over all columns, then column by column."""
    rules = list(dict.fromkeys(row["rule"] for row in result["false_alarms"]))
    sizes = result["rows"]
    lines = [f"Families of {result['features']} features with a false alarm, %"]
    alarms = {(row["rule"], row["rows"]): row["families"] for row in result["false_alarms"]}
    lines += _block(sizes, {rule: [alarms[rule, size] for size in sizes] for rule in rules})
    shares = {(row["column"], row["shift"], row["rule"], row["rows"]): row["share"] for row in result["detection"]}
    columns = list(dict.fromkeys(row["column"] for row in result["detection"]))
    for column in columns:
        for shift in result["shifts"]:
            lines += ["", f"Moved feature reported, %: {column}, by {shift:g}"]
            lines += _block(sizes, {rule: [shares[column, shift, rule, size] for size in sizes] for rule in rules})
    lines += ["", "The calibrated rule with its default effects times this, %: false alarms, then detection by shift"]
    for scale in dict.fromkeys(row["scale"] for row in result["effects"]):
        mine = [row for row in result["effects"] if row["scale"] == scale]
        lines += _block(
            sizes,
            {f"x{scale:g} none": [row["false_alarms"] for row in mine]}
            | {f"x{scale:g} {shift:g}": [row["detection"][f"{shift:g}"] for row in mine] for shift in result["shifts"]},
        )
    return "\n".join(lines)


def _block(sizes: Sequence[int], lines: dict[str, list[float]]) -> list[str]:
    head = " ".join(f"{size:>7,}" for size in sizes)
    return [
        f"{'rows of each side':<20}{head}",
        *(f"{name:<20}" + " ".join(f"{100 * share:7.1f}" for share in shares) for name, shares in lines.items()),
    ]


if __name__ == "__main__":
    sys.exit(main())
