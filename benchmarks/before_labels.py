"""Metrics estimated before their labels: do their intervals hold, are they narrow, and do they notice concept drift?

    python -m benchmarks.before_labels [--only NAME,..] [--windows N] [--no-nannyml] [--seed S] [--json FILE]

Streams (before_labels_streams.py): real ones are the flights by week with a model of January and February, the
employment of people in Massachusetts and the Californian houses that ship with NannyML; made-up ones are NannyML's car
loans and car prices, and simulated covariate shift. Real streams hold concept drift of their own, and no window of
theirs is left out. Each window is estimated without labels and with a random share of them; earlier windows are known
up to the last but one. The rules, all with nominal 90 % intervals of the metric that the window has once all labels are
in:

- "ours": monitor.performance.estimates.
- "cbpe": its calibration alone, without weights, features and history. "pape": with weights.
- "nannyml": NannyML's CBPE or DLE (0.13.1), its estimate +- 1.645 times its sampling error.
- "labels": the labels that have come alone (only with labels), with the correction for a finite population.
- "dummy": always the evaluation's metric, with the interval of sampling.

Planted concept drift, in each window anew: "flip" turns half of the labels of the 40 % of rows with the largest value
of the column that the scores depend on most, "level" multiplies the odds of the label by 3; of numbers, "flip" adds one
standard deviation there and "level" doubles all errors. "fresh" drift begins in this window; "lasting" has begun two
mature windows before, and no label of this window is known. Counted are windows whose metric the drift moves by at
least 0.03 (unbounded ones: 10 %), and whose estimate without drift does not abstain.

Prints a table, and as the last line on stdout one JSON object: `level`, `seconds`, `results` [{`stream`, `real`,
`metric`, `labels` (share), `rule`, `windows`, `covered` (share of the windows with an interval), `abstained`, `width`
(mean), `error` (mean absolute)}], `drift` [{`stream`, `metric`, `kind`, `labels`, `rule`, `windows`, `noticed` (share
that abstains, or widens by at least a quarter against the same window without drift), `covered_or_abstained`, `held`
(abstains, widens or covers)}], and
`summary` {`covered`, `covered_real`, `narrower` (share of windows in which ours is narrower than labels alone),
`noticed`}.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import before_labels_streams as streams
from benchmarks.before_labels_streams import Stream
from benchmarks.before_labels_tables import SHARES, DriftKey, Key, Outcome, noticed, show, summary, summed
from benchmarks.results import keep
from benchmarks.venvs import environment, venv_python
from components.shared.errors import PlumblineError
from monitor.performance.calibration import Expectation
from monitor.performance.estimates import (
    Estimate,
    EstimateSettings,
    Imputation,
    PastEstimate,
    estimate,
    impute,
    reference_history,
    relation_shift,
    weigh,
)
from monitor.performance.expected_metrics import Link, functional, row_values
from monitor.performance.scored_rows import ScoredRows
from monitor.performance.truth import Truth, measure

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "nannyml_requirements.txt"
METHODS = ("full", "cbpe", "pape")
NAMES = {"full": "ours"}
LEVEL, Z = 0.9, 1.6449
MAX_REFERENCE = 10_000


def main() -> int:
    """Estimates stream after stream; prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="streams, separated by commas (default: all)")
    parser.add_argument("--windows", type=int, help="of each stream, at most so many: for a trial")
    parser.add_argument("--no-nannyml", action="store_true", help="without NannyML, and without its data sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        python = None if options.no_nannyml else venv_python("nannyml", REQUIREMENTS, options=["--no-deps"])
    except PlumblineError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    results: list[dict[str, Any]] = []
    drift: list[dict[str, Any]] = []
    narrower: list[bool] = []
    for name, make in catalog(python, options.seed).items():
        if options.only and name not in options.only.split(","):
            continue
        stream = shortened(make(), options.windows)
        found, drifted = run(stream, options.seed)
        if python:
            found |= nannyml(python, stream)
        results += [summed(stream, key, outcomes) for key, outcomes in found.items()]
        drift += [noticed(stream, key, pairs) for key, pairs in drifted.items() if pairs]
        narrower += [
            one.width < other.width
            for (metric, share, rule), outcomes in found.items()
            if rule == "ours" and share > 0
            for one, other in zip(outcomes, found[metric, share, "labels"], strict=True)
            if one.width == one.width and other.width == other.width
        ]
        show(results, drift, stream.name)
    result = {"level": LEVEL, "seconds": round(time.monotonic() - began, 1), "results": results, "drift": drift,
              "summary": summary(results, drift, narrower)}  # fmt: skip
    keep(result, options.json)
    print(json.dumps(result))
    return 0


def catalog(python: Path | None, seed: int) -> Mapping[str, Callable[[], Stream]]:
    """Name -> what makes the stream."""
    found: dict[str, Callable[[], Stream]] = {
        "covariate_shift": lambda: streams.covariate_shift(seed),
        "flights": streams.flights,
    }
    if python:
        data = next((python.parents[1] / "lib").glob("python*/site-packages/nannyml/datasets/data"))
        found |= {
            "employment": lambda: streams.employment(data),
            "california": lambda: streams.california(data),
            "car_loan": lambda: streams.car_loan(data),
            "car_price": lambda: streams.car_price(data),
        }
    return found


def shortened(stream: Stream, windows: int | None) -> Stream:
    """The stream with at most so many windows, and its newest MAX_REFERENCE reference rows."""
    reference = stream.reference.among(np.arange(max(0, len(stream.reference) - MAX_REFERENCE), len(stream.reference)))
    return replace(stream, reference=reference, windows=stream.windows[:windows])


def run(stream: Stream, seed: int) -> tuple[dict[Key, list[Outcome]], dict[DriftKey, list[tuple[Outcome, Outcome]]]]:
    """Estimates all windows by all rules but NannyML; and under planted drift, beside the same window without."""
    found: dict[Key, list[Outcome]] = {}
    drifted: dict[DriftKey, list[tuple[Outcome, Outcome]]] = {}
    settings = {name: EstimateSettings(method=name, max_half_width=0.25) for name in METHODS}
    reference = stream.reference
    start = {metric: reference_history(reference, metric, settings["full"]) for metric in stream.metrics}
    past: dict[str, list[PastEstimate]] = {metric: [] for metric in stream.metrics}
    moved: dict[tuple[str, str], list[PastEstimate]] = {}
    normal = measure(reference, LEVEL)
    random = np.random.default_rng(seed)
    for number, window in enumerate(stream.windows):
        order = random.permutation(len(window))
        planted = {kind: plant(window, kind, random) for kind in ("flip", "level")}
        weights = weigh(reference, replace(window, targets=None), settings["full"])
        imputed: dict[str, Imputation] = {}
        drawn = {share: measure(with_share(window, order, share), LEVEL) for share in SHARES if share}
        whole = measure(window, LEVEL)
        for metric in stream.metrics:
            if not imputed or window.task != "binary":
                imputed = {name: impute(reference, window, metric, one, weights) for name, one in settings.items()}
            real = truth(window, metric)
            history = [*start[metric], *past[metric][: max(0, number - 1)]]
            for share in SHARES:
                seen = with_share(window, order, share)
                for name in METHODS:
                    known = history if name == "full" else []
                    if name != "full" and share:
                        continue
                    one = estimate(reference, seen, metric, settings[name], known, imputed=imputed[name])
                    outcome = ours(one, real) if name == "full" else alone(one, real)
                    found.setdefault((metric, share, NAMES.get(name, name)), []).append(outcome)
                    if name == "full" and share == 0:
                        assert one.raw is not None and one.raw_error is not None
                        raw, error = one.raw, one.raw_error
                if share:
                    alike = from_labels(drawn[share].get(metric), real, share, metric)
                    found.setdefault((metric, share, "labels"), []).append(alike)
                else:
                    dummy = _around(metric, normal[metric].value, whole[metric].error, real)
                    found.setdefault((metric, share, "dummy"), []).append(dummy)
                for kind, other in planted.items():
                    after = truth(other, metric)
                    if not counts(metric, real, after):
                        continue
                    again = with_share(other, order, share)
                    one = estimate(reference, again, metric, settings["full"], history, imputed=imputed["full"])
                    pair = found[metric, share, "ours"][-1], ours(one, after)
                    drifted.setdefault((metric, f"fresh {kind}", share, "ours"), []).append(pair)
                    if not share:
                        before = found[metric, share, "cbpe"][-1]
                        pair = before, replace(before, real=after)  # it sees no labels
                        drifted.setdefault((metric, f"fresh {kind}", share, "cbpe"), []).append(pair)
                    if not share and number >= 3:
                        known = [
                            *start[metric],
                            *past[metric][: number - 3],
                            *moved[metric, kind][number - 3 : number - 1],
                        ]
                        one = estimate(reference, again, metric, settings["full"], known, imputed=imputed["full"])
                        pair = found[metric, share, "ours"][-1], ours(one, after)
                        drifted.setdefault((metric, f"lasting {kind}", share, "ours"), []).append(pair)
            expectation = imputed["full"].expectation
            past[metric].append(mature(window, metric, raw, error, expectation))
            for kind, other in planted.items():
                moved.setdefault((metric, kind), []).append(mature(other, metric, raw, error, expectation))
    return found, drifted


def mature(window: ScoredRows, metric: str, raw: float, error: float, expectation: Expectation) -> PastEstimate:
    """What a window leaves once all its labels are in."""
    shift = {test.shape: test.effect for test in relation_shift(window, metric, expectation)}
    return PastEstimate(raw, error, truth(window, metric), True, shift["level"], shift["slope"])


def ours(one: Estimate, real: float) -> Outcome:
    """The estimate, or that it abstains."""
    return Outcome(one.value, one.low, one.high, real)


def alone(one: Estimate, real: float) -> Outcome:
    """The expectation's metric with the error of sampling and calibration, whatever happened before."""
    assert one.raw is not None and one.raw_error is not None
    return _around(one.metric, one.raw, one.raw_error, real)


def with_share(window: ScoredRows, order: np.ndarray, share: float) -> ScoredRows:
    """The window with a random share of its labels."""
    known = np.zeros(len(window), dtype=bool)
    known[order[: int(share * len(window))]] = True
    return replace(window, labelled=known)


def plant(window: ScoredRows, kind: str, random: np.random.Generator) -> ScoredRows:
    """The window with concept drift."""
    assert window.targets is not None
    y = window.targets.astype(np.float64)
    columns = np.nan_to_num(window.features, nan=-1e9)
    apart = [abs(np.corrcoef(np.argsort(np.argsort(column)), window.scores)[0, 1]) for column in columns.T]
    column = columns[:, int(np.nanargmax(apart))]
    rows = np.argsort(np.argsort(column, kind="stable"), kind="stable") >= 0.6 * len(column)
    if window.task == "regression":
        error = y - window.scores
        changed = y + rows * error.std() if kind == "flip" else window.scores + 2 * error
    elif kind == "flip":
        changed = np.where(rows & (random.random(len(y)) < 0.5), 1 - y, y)
    else:
        # Of the zeros, as many become ones as three times the odds of the calibrated score say.
        p = np.clip(window.scores, 0.01, 0.99)
        more = 3 * p / (3 * p + 1 - p)
        changed = np.where((y == 0) & (random.random(len(y)) < (more - p) / (1 - p)), 1.0, y)
    return replace(window, targets=changed)


def truth(window: ScoredRows, metric: str) -> float:
    """The metric with all labels."""
    return functional(metric, window, 0.5)(row_values(metric, replace(window, labelled=None)))[0]


def counts(metric: str, before: float, after: float) -> bool:
    """Whether the drift moves the metric so far that it has to be noticed."""
    return abs(after - before) >= (0.1 * before if Link(metric).unbounded else 0.03)


def from_labels(found: Truth | None, real: float, share: float, metric: str) -> Outcome:
    """The interval of the labels that have come alone, with the correction for a finite population."""
    if found is None or not np.isfinite(found.error):
        return Outcome(None, None, None, real)
    return _around(metric, found.value, found.error * float(np.sqrt(1 - share)), real)


def nannyml(python: Path, stream: Stream) -> dict[Key, list[Outcome]]:
    """NannyML's estimates, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        parts = [stream.reference, *stream.windows]
        np.savez(
            path,
            features=np.vstack([one.features for one in parts]),
            scores=np.concatenate([one.scores for one in parts]),
            targets=np.concatenate([one.targets for one in parts if one.targets is not None]),
            window=np.repeat(np.arange(len(parts)), [len(one) for one in parts]),
        )
        command = [str(python), str(HERE / "run_nannyml.py"), str(path), stream.reference.task, *stream.metrics]
        more = {"NML_DISABLE_USAGE_LOGGING": "1"}
        child = subprocess.run(
            command, env={**environment(), **more}, capture_output=True, text=True, check=False, cwd=folder
        )
        if child.returncode:
            print(f"nannyml: {child.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return {}
        estimates = json.loads(child.stdout.splitlines()[-1])
    found = {}
    for metric, values in estimates.items():
        found[metric, 0.0, "nannyml"] = [
            Outcome(value, value - Z * error, value + Z * error, truth(window, metric))
            for (value, error), window in zip(values, stream.windows, strict=True)
        ]
    return found


def _around(metric: str, value: float, error: float, real: float) -> Outcome:
    link = Link(metric)
    low, high = (link.invert(link.apply(value) + side * Z * error) for side in (-1, 1))
    return Outcome(value, low, high, real)


if __name__ == "__main__":
    sys.exit(main())
