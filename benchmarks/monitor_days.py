"""Detection delay on the flights by day: the alarm rule beside Evidently and NannyML.

    python -m benchmarks.monitor_days [--rivals evidently,nannyml] [--folder build/monitor-days] [-o FILE]

The days of odd number of 2013 are the training data; the others, in random order (so that nothing changes), are 60 days
of history and 100 stable days; ten faults, everywhere, are then planted into the same five further days, one at a time.
Each of nine columns is a series. Ours judges the total variation (moderate from 0.1, severe from 0.3) and the share of
missing values, at 0.1 false alarms a week. The others give a score for each column and day, judged in two ways: with
their own thresholds, and "tuned": a multiple of each column's largest score in the history, the smallest that raises at
most as many false alarms on the stable days as ours did, at least one (chosen in hindsight, in their favour). "never"
and "every 70 days" look at nothing.

Prints a table and, last, one JSON object: `results` [{`rule`, `false_alarms` (on the stable days), `per_week`,
`mean_delay` (days until the faulty column alarms; 6 if it does not in five), `missed`}].
"""

import argparse
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benchmarks.attribution_faults import Fault, planted
from benchmarks.evidently_venv import evidently_python
from benchmarks.results import print_result
from benchmarks.venvs import VENVS, environment, venv_python
from components.shared.errors import UsageError
from monitor.alarms.alarm_rule import AlarmRule
from monitor.alarms.binned_change import coded, counts, distance
from monitor.measurement import Measurement
from monitor.window import Window

COLUMNS = ("carrier", "origin", "dest", "distance", "sched_dep", "seats", "plane_year", "visib", "humid")
FAULTS = (
    Fault("everywhere", "distance", "in kilometres"),
    Fault("everywhere", "sched_dep", "two hours later"),
    Fault("everywhere", "carrier", "one value"),
    Fault("everywhere", "dest", "in lower case"),
    Fault("everywhere", "seats", "noise"),
    Fault("everywhere", "plane_year", "half is missing"),
    Fault("everywhere", "visib", "half is missing"),
    Fault("everywhere", "humid", "in hundredths"),
    Fault("everywhere", "origin", "one value"),
    Fault("everywhere", "seats", "half is missing"),
)
_HISTORY, _STABLE, _FAULTY = 60, 100, 5
_ALLOWED = 0.1
_SCRIPT = Path(__file__).with_name("run_window_rivals.py")
Alarms = dict[int, set[str]]
Tables = dict[int, pa.Table]


def main() -> int:
    """Compares and prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/flights"))
    parser.add_argument("--rivals", default="evidently,nannyml", help="separated by commas; empty for none")
    parser.add_argument("--folder", type=Path, default=VENVS.parent / "monitor-days")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    reference, history, judged = _days(options.data, options.seed)
    results = [_result("ours", _ours(reference, history, judged))]
    for tool in filter(None, options.rivals.split(",")):
        try:
            scores = _scores(tool, _python(tool), options.folder, reference, history, judged)
        except UsageError as error:
            print(f"monitor_days: {error}", file=sys.stderr)
            return error.exit_code
        own = {number: {name for name, (_, verdict) in row.items() if verdict} for number, row in scores.items()}
        results.append(_result(tool, own))
        results.append(_result(f"{tool}, tuned", _tuned(scores, max(1, results[0]["false_alarms"]))))
    results.append(_result("never", {}))
    results.append(_result("every 70 days", {number: set(COLUMNS) for number in judged if number % 70 == 0}))
    for one in results:
        print(
            f"{one['rule']:<20}{one['false_alarms']:>5} false ({one['per_week']:6.2f} a week)  "
            f"delay {one['mean_delay']:4.1f} days  missed {one['missed']:.0%}"
        )
    print_result({"allowed_per_week": _ALLOWED, "results": results}, options.output)
    return 0


def _python(tool: str) -> Path:
    """The Python of an environment with the tool, made when it is first asked for."""
    if tool == "evidently":
        return evidently_python()
    return venv_python("nannyml", Path(__file__).with_name("nannyml_requirements.txt"), options=["--no-deps"])


def _days(folder: Path, seed: int) -> tuple[pa.Table, Tables, Tables]:
    """Reference, history and judged days by number; the faulty days of fault k have the numbers from 1000 (k + 1)."""
    days = []
    for month in range(1, 13):
        options = csv.ConvertOptions(strings_can_be_null=True)
        table = csv.read_csv(folder / f"span-{month:02}.csv", convert_options=options).select([*COLUMNS, "day"])
        days += [table.filter(pc.equal(table["day"], day)).drop_columns("day") for day in range(1, 32)]
    days = [day for day in days if day.num_rows]
    random = np.random.default_rng(seed)
    reference = pa.concat_tables(days[::2], promote_options="permissive")
    others = days[1::2]
    order = random.permutation(len(others))[: _HISTORY + _STABLE + _FAULTY]
    numbered = {number: others[index] for number, index in enumerate(order, 1)}
    history = {number: day for number, day in numbered.items() if number <= _HISTORY}
    judged = {number: day for number, day in numbered.items() if _HISTORY < number <= _HISTORY + _STABLE}
    for k, fault in enumerate(FAULTS):
        for offset in range(_FAULTY):
            day = numbered[_HISTORY + _STABLE + 1 + offset]
            judged[1000 * (k + 1) + offset] = planted(day, fault, np.ones(day.num_rows, bool), random)
    return reference, history, judged


def _ours(reference: pa.Table, history: Tables, judged: Tables) -> Alarms:
    rule, state = AlarmRule(), None
    found: Alarms = {}
    for number, day in history.items():
        state = rule.learn(_window(number), _measured(day, reference), state)
    before: dict[str, Any] | None = None
    for number, day in judged.items():
        if number < 1000:
            new, state = rule.update(_window(number), _measured(day, reference), state)
            before = state
        else:
            offset = number % 1000
            state = before if offset == 0 else state
            new, state = rule.update(_window(_HISTORY + _STABLE + 1 + offset), _measured(day, reference), state)
        found[number] = {alarm.measurement.subject for alarm in new}
    return found


def _measured(day: pa.Table, reference: pa.Table) -> list[Measurement]:
    found = []
    for name in COLUMNS:
        now, then = counts(coded(day[name], reference[name]))
        value = float(distance(now, then))
        found.append(Measurement("skew", name, "total_variation", value, value, 0.1, 0.3, day.num_rows))
        missing = max(0.0, float(now[-1] / now.sum() - then[-1] / then.sum()))
        found.append(Measurement("missing", name, "rate", missing, missing, 0.05, 0.2, day.num_rows))
    return found


def _window(number: int) -> Window:
    start = datetime(2013, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)
    return Window(number, start, start + timedelta(days=1), 1000, 1000, 0, {1: 1000})


def _scores(
    tool: str, python: Path, folder: Path, reference: pa.Table, history: Tables, judged: Tables
) -> dict[int, dict[str, tuple[float, bool]]]:
    """Scores and verdicts of a rival by day; Evidently compares with the training data, NannyML with the history."""
    numbered = {
        number: day.append_column("window", pa.array([number] * day.num_rows)) for number, day in history.items()
    }
    past = pa.concat_tables(list(numbered.values()), promote_options="permissive")
    if tool == "evidently":
        first = reference.append_column("window", pa.array([0] * reference.num_rows))
        everything = {**history, **judged}
    else:
        first, everything = past, {**history, **judged}
    windows = pa.concat_tables(
        [day.append_column("window", pa.array([number] * day.num_rows)) for number, day in everything.items()],
        promote_options="permissive",
    )
    paths = folder / f"{tool}-reference.csv", folder / f"{tool}-windows.csv", folder / f"{tool}.json"
    csv.write_csv(first, paths[0])
    csv.write_csv(windows, paths[1])
    command = [str(python), str(_SCRIPT), tool, *map(str, paths)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{tool}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    found = json.loads(paths[2].read_text())
    return {
        int(number): {name: (score, verdict) for name, (score, verdict) in row.items()} for number, row in found.items()
    }


def _tuned(scores: dict[int, dict[str, tuple[float, bool]]], allowed: int) -> Alarms:
    """Alarms above the smallest common multiple of the largest score of the history that keeps the false alarms."""
    largest = {name: max(scores[number][name][0] for number in scores if number <= _HISTORY) for name in COLUMNS}
    ratios = {
        number: {name: score / max(largest[name], 1e-12) for name, (score, _) in row.items() if name in largest}
        for number, row in scores.items()
        if number > _HISTORY
    }
    stable = sorted((ratio for number, row in ratios.items() if number < 1000 for ratio in row.values()), reverse=True)
    factor = stable[allowed]
    return {number: {name for name, ratio in row.items() if ratio > factor} for number, row in ratios.items()}


def _result(rule: str, alarms: Alarms) -> dict[str, Any]:
    false = sum(len(names) for number, names in alarms.items() if _HISTORY < number < 1000)
    delays = []
    for k, fault in enumerate(FAULTS):
        hits = [offset + 1 for offset in range(_FAULTY) if fault.column in alarms.get(1000 * (k + 1) + offset, set())]
        delays.append(min(hits, default=_FAULTY + 1))
    return {
        "rule": rule,
        "false_alarms": false,
        "per_week": round(7 * false / _STABLE, 2),
        "mean_delay": round(float(np.mean(delays)), 2),
        "missed": float(np.mean([delay > _FAULTY for delay in delays])),
        "delays": delays,
    }


if __name__ == "__main__":
    sys.exit(main())
