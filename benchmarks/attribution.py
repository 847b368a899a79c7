"""Attribution: of 30 faults planted into the flights, how often the monitor names the right cause first.

    python -m benchmarks.attribution [--data data/flights] [--fault N]... [--drawn SEED] [-o FILE]

Windows are the 48 weeks of the year 2013, so that the season of the weather is in the training data: the weeks of odd
number are the training data, in four spans (quarters); of the others, in the first random order in which the last four
raise no alarm as they are, 20 are the history, two are judged, and two are judged with a fault: in one column
everywhere, in one slice of the requests, or in one span of the training data (the model was trained again, on a faulty
span, before these two weeks). Each column has four streams: the total variation against the training data (moderate
from 0.1, severe from 0.3), missing values (0.05, 0.2), values out of the range of the training data (0.02, 0.1) and
unknown values (0.02, 0.1). The faults are large enough for a moderate effect. `--drawn` takes 30 other faults, ten of
each kind: column, change, slice and span are drawn at random, and kept if a stream of the column has at least a
moderate effect in each of the two weeks, twice as large as in any week of the history, whatever is alarmed or named
then.

The alarms of the two weeks are one incident. Right means: its first cause names the column, and the slice (none where
the fault is everywhere), and the span. Dummies: the column with the largest distance whatever its history, with no
slice and span; a random column.

Prints one line for each fault and, last, one JSON object: `faults`, `right`, `alarmed`, `column`, `by_kind`, `dummies`
(shares).
"""

import argparse
import json
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benchmarks.attribution_faults import FAULTS, Fault, candidates, planted
from benchmarks.results import print_result
from monitor.alarms.alarm_rule import AlarmRule
from monitor.alarms.attribution import Rows, causes
from monitor.alarms.binned_change import coded, counts, distance, most
from monitor.alarms.lineage import Lineage
from monitor.incident import Alarm, Cause
from monitor.measurement import Measurement
from monitor.window import Window

_LEFT_OUT = frozenset({"row_id", "flight", "tailnum", "late", "day", "day_of_week"})
_QUIET, _FAULTY = 2, 2
_SPANS = 4
_OF_EACH_KIND = 10
_REFERENCE_ROWS = 12_000


def main() -> int:
    """Plants and prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/flights"))
    parser.add_argument("--fault", type=int, action="append", help="only the fault of this number, from 1; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--drawn", type=int, metavar="SEED", help="faults that are drawn at random instead")
    options = parser.parse_args()
    began = time.monotonic()
    weeks = [week for month in range(1, 13) for week in _weeks(_read(options.data / f"span-{month:02}.csv"))]
    reference, sources = _reference(weeks[::2], options.seed)
    rule, state, faulty = _quiet(weeks[1::2], reference, options.seed)
    results = []
    faults = FAULTS if options.drawn is None else _drawn(faulty, reference, sources, state, options.drawn)
    for number, fault in enumerate(faults, 1):
        if options.fault and number not in options.fault:
            continue
        found = _tried(fault, faulty, reference, sources, rule, state, np.random.default_rng([options.seed, number]))
        results.append(found)
        print(f"{number:>2} {fault.where:<11}{fault.column:<11}{fault.what:<20}{found['right']!s:<6}{found['first']}")
    shares = {name: round(float(np.mean([one[name] for one in results])), 3) for name in ("right", "alarmed", "column")}
    kinds = sorted({fault.where for fault in faults})
    by_kind = {
        kind: round(float(np.mean([one["right"] for one in results if one["kind"] == kind] or [0])), 3)
        for kind in kinds
    }
    dummies = {name: round(float(np.mean([one[name] for one in results])), 3) for name in ("largest", "random")}
    seconds = round(time.monotonic() - began, 1)
    result = {"faults": len(results), **shares, "by_kind": by_kind, "dummies": dummies, "seconds": seconds}
    print_result(result, options.output)
    return 0


def _read(path: Path) -> pa.Table:
    return csv.read_csv(path, convert_options=csv.ConvertOptions(strings_can_be_null=True))


def _reference(weeks: list[pa.Table], seed: int) -> tuple[pa.Table, list[str]]:
    whole = pa.concat_tables(weeks, promote_options="permissive")
    spans = [str(1 + _SPANS * index // len(weeks)) for index in range(len(weeks))]
    sources = np.repeat(spans, [week.num_rows for week in weeks])
    taken = np.sort(np.random.default_rng(seed).choice(whole.num_rows, _REFERENCE_ROWS, replace=False))
    return whole.take(pa.array(taken)), sources[taken].tolist()


def _columns(reference: pa.Table) -> list[str]:
    return [name for name in reference.column_names if name not in _LEFT_OUT]


def _measured(current: pa.Table, reference: pa.Table) -> list[Measurement]:
    found = []
    for name in _columns(reference):
        codes = coded(current[name], reference[name])
        now, then = counts(codes)
        value = float(distance(now, then))
        rows = current.num_rows
        found.append(Measurement("skew", name, "total_variation", value, value, 0.1, 0.3, rows, at=most(codes)))
        p, q = now / now.sum(), then / then.sum()
        missing = float(p[-1] - q[-1])
        found.append(Measurement("missing", name, "rate", float(p[-1]), max(0.0, missing), 0.05, 0.2, rows))
        if codes.names[0].startswith("below"):  # the first and the last but one are out of range
            outside = float(p[0] + p[-2] - q[0] - q[-2])
            found.append(Measurement("out_of_range", name, "rate", outside, max(0.0, outside), 0.02, 0.1, rows))
        else:
            unknown = float(p[:-1][then[:-1] == 0].sum())  # the last is missing
            found.append(Measurement("unknown", name, "rate", unknown, unknown, 0.02, 0.1, rows))
    return found


def _weeks(table: pa.Table) -> list[pa.Table]:
    """The four weeks from the first of the month; the last days belong to none."""
    return [
        table.filter(pc.and_(pc.greater(table["day"], 7 * week), pc.less_equal(table["day"], 7 * week + 7)))
        for week in range(4)
    ]


def _window(number: int, rows: int) -> Window:
    start = datetime(2013, 1, 1, tzinfo=timezone.utc) + timedelta(days=7 * (number - 1))
    return Window(number, start, start + timedelta(days=7), rows, rows, 0, {1: rows})


def _quiet(weeks: list[pa.Table], reference: pa.Table, seed: int) -> tuple[AlarmRule, dict[str, Any], list[pa.Table]]:
    """The state before the last two weeks of an order in which the last four raise no alarm, and these two weeks."""
    measured = [_measured(week, reference) for week in weeks]
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(weeks))
        rule, state, alarms = AlarmRule(), None, []
        before: dict[str, Any] = {}
        for number, index in enumerate(order, 1 + _QUIET + _FAULTY - len(weeks)):
            window = _window(number, weeks[index].num_rows)
            if number <= 0:
                state = rule.learn(window, measured[index], state)
                continue
            if number == _QUIET + 1:
                before = state or {}
            new, state = rule.update(window, measured[index], state)
            alarms += new
        if not alarms:
            return rule, before, [weeks[index] for index in order[-_FAULTY:]]


def _drawn(
    weeks: list[pa.Table], reference: pa.Table, sources: list[str], state: dict[str, Any], seed: int
) -> list[Fault]:
    """Ten faults of each kind that have a large effect, in the order of their kinds."""
    whole = pa.concat_tables(weeks, promote_options="permissive")
    found: dict[str, list[Fault]] = {"everywhere": [], "slice": [], "span": []}
    for number, fault in enumerate(candidates(whole, _columns(reference), _SPANS, seed)):
        if all(len(some) == _OF_EACH_KIND for some in found.values()):
            break
        if len(found[fault.where]) == _OF_EACH_KIND or fault in found[fault.where]:
            continue
        now, then, random = weeks, reference, np.random.default_rng([seed, number])
        if fault.where == "span":
            then = planted(reference, fault, np.asarray(sources) == str(fault.span), random)
        else:
            now = [planted(week, fault, _mask(week, fault), random) for week in weeks]
        if all(_is_large(week, then, fault.column, state) for week in now):
            found[fault.where].append(fault)
    return [fault for some in found.values() for fault in some]


def _is_large(current: pa.Table, reference: pa.Table, column: str, state: dict[str, Any]) -> bool:
    return any(
        one.effect >= max(one.moderate, 2 * max(state["streams"][one.stream]["effects"]))
        for one in _measured(current.select([column]), reference.select([column]))
    )


def _tried(
    fault: Fault,
    weeks: list[pa.Table],
    reference: pa.Table,
    sources: list[str],
    rule: AlarmRule,
    state: dict[str, Any],
    random: np.random.Generator,
) -> dict[str, Any]:
    if fault.where == "span":
        reference = planted(reference, fault, np.asarray(sources) == str(fault.span), random)
    alarms: list[Alarm] = []
    shown: list[pa.Table] = []
    for number, week in enumerate(weeks, _QUIET + 1):
        if fault.where != "span":
            week = planted(week, fault, _mask(week, fault), random)
        shown.append(week)
        new, state = rule.update(_window(number, week.num_rows), _measured(week, reference), state)
        alarms += new
    current = pa.concat_tables(shown, promote_options="permissive")
    texts = Lineage(sources={str(span): f"span {span}" for span in range(1, _SPANS + 1)})
    rows = Rows(current, reference, reference_sources=sources)
    named = causes(alarms, state, rows, texts) if alarms else ()
    cause = named[0] if named else Cause("")
    wanted = Cause(fault.column, slice=fault.slice, source=f"span {fault.span}" if fault.span else "")
    largest = max(_measured(current, reference), key=lambda one: one.effect).subject
    guess = str(random.choice(_columns(reference)))
    return {
        "kind": fault.where,
        "right": (cause.subject, cause.slice, cause.source) == (wanted.subject, wanted.slice, wanted.source),
        "alarmed": any(alarm.measurement.subject == fault.column for alarm in alarms),
        "column": cause.subject == fault.column,
        "largest": largest == fault.column and fault.where == "everywhere",
        "random": guess == fault.column and fault.where == "everywhere",
        "first": json.dumps({"subject": cause.subject, "slice": cause.slice, "source": cause.source, "at": cause.at}),
    }


def _mask(week: pa.Table, fault: Fault) -> np.ndarray:
    if not fault.slice:
        return np.ones(week.num_rows, bool)
    name, _, value = fault.slice.partition("=")
    return pc.fill_null(pc.equal(week[name], value), False).to_numpy()


if __name__ == "__main__":
    sys.exit(main())
