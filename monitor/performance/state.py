"""What the performance checks keep between windows: a JSON object in the monitor's store, under "performance".

    {"versions": {version: {metric: {window: [raw, raw_error, real, level, slope]}}}, "delays": {window: [[label,
    delay], ...]},
     "coverage": {window: share of labels that came by maturity}}

An entry belongs to one window, so a window that is computed again replaces its own.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.performance.delays import ArrivalModel
from monitor.performance.estimates import PastEstimate
from monitor.performance.scored_rows import ScoredRows

DELAYS = 400
"""Labels kept of each window."""
DELAY_WINDOWS = 10

State = Mapping[str, Any]


def past_estimates(state: State, version: int, metric: str, before: int) -> list[PastEstimate]:
    """Returns the mature windows of a version before a window, oldest first."""
    kept = state.get("versions", {}).get(str(version), {}).get(metric, {})
    return [_past(kept[number]) for number in sorted(kept, key=int) if int(number) < before]


def arrival_model(state: State, task: str, before: int) -> ArrivalModel | None:
    """Returns the arrival of labels in the last mature windows before a window; None if there are none."""
    kept = state.get("delays", {})
    numbers = sorted((number for number in kept if int(number) < before), key=int)[-DELAY_WINDOWS:]
    rows = [row for number in numbers for row in kept[number]]
    if not rows:
        return None
    labels, delays = np.array(rows, np.float64).T
    return ArrivalModel.fit(labels, delays, regression=task == "regression")


def expected_coverage(state: State, arrival: ArrivalModel | None, age: np.ndarray | None, before: int) -> float | None:
    """Returns the share of labels that should have come by these ages, from mature windows; None without any."""
    kept = [share for number, share in state.get("coverage", {}).items() if int(number) < before]
    if arrival is None or not kept or age is None or not len(age):
        return None
    counts = np.array([len(curve.times) for curve in arrival.curves], np.float64)
    come = sum(n * curve.at(age) for n, curve in zip(counts / counts.sum(), arrival.curves, strict=True))
    return float(np.mean(come)) * float(np.mean(kept[-DELAY_WINDOWS:]))


def with_estimate(
    state: State, version: int, metric: str, window: int, past: PastEstimate, most: int
) -> dict[str, Any]:
    """Returns the state with a mature window."""
    versions = {name: dict(metrics) for name, metrics in state.get("versions", {}).items()}
    metrics = versions.setdefault(str(version), {})
    kept = {**metrics.get(metric, {}), str(window): [past.value, past.error, past.real, past.level, past.slope]}
    metrics[metric] = {number: kept[number] for number in sorted(kept, key=int)[-most:]}
    return {**state, "versions": versions}


def with_delays(state: State, window: int, rows: ScoredRows, seed: int) -> dict[str, Any]:
    """Returns the state with the delays of a mature window, a seeded sample of DELAYS."""
    coverage = {**state.get("coverage", {}), str(window): float(rows.known.mean()) if len(rows) else 0.0}
    state = {**state, "coverage": _last(coverage)}
    if rows.delay is None or rows.targets is None:
        return dict(state)
    came = np.flatnonzero(rows.known & np.isfinite(rows.delay))
    if not len(came):
        return dict(state)
    chosen = np.sort(np.random.default_rng([seed, window]).permutation(came)[:DELAYS])
    pairs = [[float(rows.targets[at]), round(float(rows.delay[at]), 3)] for at in chosen]
    return {**state, "delays": _last({**state.get("delays", {}), str(window): pairs})}


def _past(fields: list[float]) -> PastEstimate:
    value, error, real, level, slope = fields
    return PastEstimate(value, error, real, level=level, slope=slope)


def _last(kept: dict[str, Any]) -> dict[str, Any]:
    return {number: kept[number] for number in sorted(kept, key=int)[-2 * DELAY_WINDOWS :]}
