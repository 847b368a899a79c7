"""Detection delay at the same rate of false alarms: the monitor's alarm rule beside river's drift detectors.

    python -m benchmarks.monitor_delay [--folder build/monitor-delay] [--river PYTHON] [--run-length 10000] [--slow]
                                       [-o FILE]

Streams of 0/1 losses of a frozen tree on river's synthetic generators (run_river.py): 1,000 rows of an evaluation,
3,000 stable rows, then 3,000 rows after an abrupt change or one over 1,000 rows. Stable streams are independent losses
(20,000 rows each); `hard` ones have autocorrelation (a Markov chain) or a daily season, and no change either.

Every detector of river is tuned in its own favour: of a grid of its parameters the setting with the smallest mean delay
on tuning streams (other seeds) among those that keep the average run length of `--run-length` rows there. Ours is not
tuned: it is told the rate. "never" and "every n rows" look at nothing; the latter has the allowed rate.

A delay is the number of rows after the change at which the first alarm comes; 3,000 if none does. Prints a table and,
as the last line, one JSON object: `run_length`, `results` [{`rule`, `setting`, `alarms`, `rows`, `measured_run_length`
(stable rows per false alarm), `hard_run_length` {kind: rows per false alarm}, `mean_delay`, `median_delay`, `missed`,
`by_scenario` {scenario: mean delay}}].
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.monitor_delay_rules import every, ours
from benchmarks.results import print_result
from benchmarks.venvs import VENVS, environment, venv_python
from components.shared.errors import PlumblineError, UsageError
from components.shared.files import write_json

REFERENCE, STABLE, CHANGED = 1000, 3000, 3000
TUNING_SEEDS, TEST_SEEDS = (100, 101), (0, 1, 2)
_STABLE_ROWS, _STABLE_STREAMS, _HARD_STREAMS = 20_000, 20, 6
_DAY_ROWS = 2400
_SCRIPT = Path(__file__).with_name("run_river.py")
_REQUIREMENTS = Path(__file__).with_name("river_requirements.txt")
_SLOW = frozenset({"KSWIN"})
Detections = dict[str, dict[str, list[int]]]


def grid() -> list[dict[str, Any]]:
    """The parameters that are tried for each detector of river."""
    found: list[dict[str, Any]] = []

    def add(name: str, **parameters: Any) -> None:
        found.append({"name": name, "parameters": parameters})

    for delta in (2e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-6, 1e-8):
        add("ADWIN", delta=delta)
    for delta in (0.005, 0.02, 0.05, 0.1):
        for threshold in (3.0, 5.0, 8.0, 12.0, 18.0, 27.0, 40.0, 60.0):
            add("PageHinkley", delta=delta, threshold=threshold, mode="up")
    for level in (2.5, 3.0, 3.5, 4.0, 5.0, 6.0):
        add("DDM", drift_threshold=level)
    for beta in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4):
        add("EDDM", beta=beta, alpha=0.95)
    for level in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        add("HDDMA", drift_confidence=level)
        for decay in (0.01, 0.03, 0.1):
            add("HDDMW", drift_confidence=level, lambda_val=decay)
    for window in (100, 250):
        for level in (1e-5, 1e-7, 1e-9, 1e-12):
            add("FHDDM", sliding_window_size=window, confidence_level=level)
    for level in (1e-4, 1e-6, 1e-8):
        add("KSWIN", alpha=level, window_size=100, stat_size=30, seed=1)
    return found


def stable_streams(seed: int, streams: int) -> dict[str, np.ndarray[Any, Any]]:
    """Independent losses, with error rates from 3 % to 40 %."""
    random = np.random.default_rng([seed, 1])
    rates = np.linspace(0.03, 0.4, streams)
    return {f"stable {n}": (random.random(_STABLE_ROWS) < rate).astype(np.int8) for n, rate in enumerate(rates)}


def hard_streams(seed: int, streams: int) -> dict[str, np.ndarray[Any, Any]]:
    """Losses without a change that are not independent: a Markov chain, and an error rate with a daily season."""
    random = np.random.default_rng([seed, 2])
    found = {}
    for n in range(streams):
        chain = np.zeros(_STABLE_ROWS, np.int8)
        for row, u in enumerate(random.random(_STABLE_ROWS)):
            again = 0.8 if row and u < 0.5 else 0.0  # half of the losses repeat the one before, mostly
            chain[row] = chain[row - 1] if again and random.random() < again else random.random() < 0.2
        found[f"autocorrelated {n}"] = chain
        season = 0.2 * (1 + 0.5 * np.sin(2 * np.pi * np.arange(_STABLE_ROWS) / _DAY_ROWS))
        found[f"seasonal {n}"] = (random.random(_STABLE_ROWS) < season).astype(np.int8)
    return found


def main() -> int:
    """Runs all rules; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=VENVS.parent / "monitor-delay", help="of streams and detections")
    parser.add_argument("--river", type=Path, help="a Python that has river (default: made in build/venvs)")
    parser.add_argument("--run-length", type=float, default=10_000.0, help="rows per false alarm (%(default)s)")
    parser.add_argument("--slow", action="store_true", help="KSWIN also, which takes a millisecond for each row")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    try:
        river = options.river or venv_python("river", _REQUIREMENTS)
        result = compared(options.folder, river, options.run_length, slow=options.slow)
    except PlumblineError as error:
        print(f"monitor_delay: {error}", file=sys.stderr)
        return error.exit_code
    for one in result["results"]:
        hard = "  ".join(f"{kind} {length:9,.0f}" for kind, length in one["hard_run_length"].items())
        print(
            f"{one['rule']:<24}run length {one['measured_run_length']:9,.0f}  {hard}  delay {one['mean_delay']:7.1f} "
            f"median {one['median_delay']:7.1f}  missed {one['missed']:5.1%}  {one['setting']}"
        )
    print_result(result, options.output)
    return 0


def compared(folder: Path, river: Path, run_length: float, *, slow: bool = False) -> dict[str, Any]:
    """The result, see the module."""
    folder.mkdir(parents=True, exist_ok=True)
    changes = {seed: _changes(folder, river, seed) for seed in (*TUNING_SEEDS, *TEST_SEEDS)}
    tuning = {f"{name} / {seed}": values for seed in TUNING_SEEDS for name, values in changes[seed].items()}
    testing = {f"{name} / {seed}": values for seed in TEST_SEEDS for name, values in changes[seed].items()}
    quiet = stable_streams(1, _STABLE_STREAMS)
    chosen = _tuned(folder, river, run_length, tuning, quiet, slow=slow)
    everything = {**testing, **stable_streams(2, _STABLE_STREAMS), **hard_streams(3, _HARD_STREAMS)}
    rules: dict[str, tuple[str, dict[str, list[int]]]] = {}
    few = {name: values for name, values in everything.items() if "/" in name or int(name.split()[-1]) % 4 == 0}
    for entry in chosen:
        some = few if entry["name"] in _SLOW else everything
        detections = _detected(folder, river, f"test-{entry['name']}", some, [entry])
        found = {name: positions["0"] for name, positions in detections.items()}
        rules[f"river {entry['name']}"] = json.dumps(entry["parameters"]), found
    for rows in (25, 100):
        hours = 24 * rows / _DAY_ROWS
        found = {name: ours(values, REFERENCE, run_length, rows, hours) for name, values in everything.items()}
        rules[f"ours, {rows} rows"] = "not tuned", found
    rules["never"] = "", {name: [] for name in everything}
    step = int(run_length)
    rules[f"every {step:,} rows"] = "", {name: every(step, len(values)) for name, values in everything.items()}
    results = [_result(name, setting, found, everything) for name, (setting, found) in rules.items()]
    results.sort(key=lambda one: one["mean_delay"])
    return {"run_length": run_length, "results": results}


def _changes(folder: Path, river: Path, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    path = folder / f"streams-{seed}.npz"
    if not path.exists():
        _run([river, _SCRIPT, "streams", str(seed), path])
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _tuned(
    folder: Path, river: Path, run_length: float, changes: Mapping[str, Any], quiet: Mapping[str, Any], *, slow: bool
) -> list[dict[str, Any]]:
    """Of each detector the setting with the smallest mean delay among those with the run length."""
    entries = grid()
    fast = [entry for entry in entries if entry["name"] not in _SLOW]
    late = [entry for entry in entries if entry["name"] in _SLOW] if slow else []
    chosen: dict[str, tuple[tuple[bool, float], dict[str, Any]]] = {}
    for label, some, streams in (("fast", fast, quiet), ("slow", late, dict(list(quiet.items())[::4]))):
        found = _detected(folder, river, f"tuning-{label}", {**changes, **streams}, some)
        for index, entry in enumerate(some):
            own = {name: positions[str(index)] for name, positions in found.items()}
            result = _result(entry["name"], "", own, {**changes, **streams})
            # Without a setting that keeps the run length, the one that is nearest to it.
            kept = result["measured_run_length"] >= run_length
            key = (not kept, result["mean_delay"] if kept else -result["measured_run_length"])
            if entry["name"] not in chosen or key < chosen[entry["name"]][0]:
                chosen[entry["name"]] = key, entry
    return [entry for _, entry in chosen.values()]


def _detected(
    folder: Path, river: Path, name: str, streams: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> Detections:
    """Detections of each entry on each stream; kept in the folder, since the slower ones take minutes."""
    digest = hashlib.sha256(json.dumps(list(entries)).encode())
    for stream, values in streams.items():
        digest.update(stream.encode() + values.tobytes())
    stem = f"{name}-{digest.hexdigest()[:12]}"
    source, parameters, out = (folder / f"{stem}{ending}" for ending in (".npz", "-grid.json", ".json"))
    if not out.exists():
        np.savez_compressed(source, **streams)
        write_json(parameters, list(entries))
        _run([river, _SCRIPT, "detect", source, parameters, out])
    found: Detections = json.loads(out.read_text())
    return found


def _run(command: Sequence[Any]) -> None:
    done = subprocess.run(
        [str(part) for part in command], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UsageError(f"run_river.py {command[2]}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")


def _result(rule: str, setting: str, found: Mapping[str, list[int]], streams: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of one rule."""
    kinds: dict[str, list[int]] = {"stable": [0, 0], "autocorrelated": [0, 0], "seasonal": [0, 0]}
    delays: dict[str, list[int]] = {}
    for name, positions in found.items():
        kind = name.split()[0]
        later = [position for position in positions if position >= REFERENCE]  # before, ours has learned
        if kind in kinds:
            kinds[kind][0] += len(later)
            kinds[kind][1] += len(streams[name]) - REFERENCE
            continue
        change = REFERENCE + STABLE
        after = [position - change + 1 for position in later if position >= change]
        delays.setdefault(name.split(" / ")[0], []).append(min(after, default=CHANGED))
    every_delay = np.array([delay for values in delays.values() for delay in values])
    lengths = {kind: rows / max(1, alarms) for kind, (alarms, rows) in kinds.items() if rows}
    return {
        "rule": rule,
        "setting": setting,
        "alarms": kinds["stable"][0],
        "rows": kinds["stable"][1],
        "measured_run_length": round(lengths.get("stable", 0.0)),
        "hard_run_length": {kind: round(length) for kind, length in lengths.items() if kind != "stable"},
        "mean_delay": round(float(every_delay.mean()), 1),
        "median_delay": float(np.median(every_delay)),
        "missed": float((every_delay >= CHANGED).mean()),
        "by_scenario": {name: round(float(np.mean(values)), 1) for name, values in delays.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
