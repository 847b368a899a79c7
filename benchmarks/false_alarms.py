"""Rate of false alarms of the monitor's alarm rule on long streams without a change.

    python -m benchmarks.false_alarms [--streams 8] [--windows 1000] [--limit 100] [--kind NAME]... [-o FILE]

Effects of hourly windows are drawn from one distribution each: normal, half-normal, Student's t with three degrees of
freedom, log-normal, Poisson, autocorrelated (first order, 0.5 and 0.8), with a daily season, and with a daily season of
the spread and a weekly one of the level (of which six weeks are history). The thresholds of the effect are 0, so that
the evidence alone holds the rate. `--limit` is the allowed average run length in windows; after an alarm the evidence
begins anew. Dummies: an alarm whenever the effect is beyond the largest of the last 100, and whenever a CUSUM of the
effects, standardised by the first 50, exceeds 5 (slack 0.5), the textbook's setting.

Prints a table and, last, one JSON object: `limit`, `results` [{`kind`, `windows`, `alarms`, `per_limit` (alarms for
each `limit` windows; at most 1 is allowed), `largest_per_limit`, `cusum_per_limit`}].
"""

import argparse
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import print_result
from monitor.alarms.alarm_rule import AlarmRule
from monitor.alarms.settings import AlarmSettings
from monitor.alarms.stream_state import StreamState
from monitor.measurement import Measurement
from monitor.window import Window

Floats = NDArray[np.float64]
_START = datetime(2026, 1, 5, tzinfo=timezone.utc)
_HISTORY = 6 * 168
_WEEK = 168


def _autocorrelated(random: np.random.Generator, size: int, phi: float) -> Floats:
    found = random.normal(size=size)
    for index in range(1, size):
        found[index] = phi * found[index - 1] + (1 - phi**2) ** 0.5 * found[index]
    return found


def _weekly(random: np.random.Generator, size: int) -> Floats:
    hours = np.arange(size)
    spread = 1 + 0.8 * np.sin(2 * np.pi * hours / 24)
    return spread * random.normal(size=size) + 4 * (hours // 24 % 7 > 4)


KINDS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda random, size: random.normal(size=size),
    "half-normal": lambda random, size: np.abs(random.normal(size=size)),
    "Student t, 3": lambda random, size: random.standard_t(3, size=size),
    "log-normal": lambda random, size: random.lognormal(size=size),
    "Poisson": lambda random, size: random.poisson(3, size=size).astype(float),
    "autocorrelated 0.5": lambda random, size: _autocorrelated(random, size, 0.5),
    "autocorrelated 0.8": lambda random, size: _autocorrelated(random, size, 0.8),
    "daily season": lambda random, size: random.normal(size=size) + 3 * np.sin(2 * np.pi * np.arange(size) / 24),
    "weekly season": _weekly,
}


def main() -> int:
    """Simulates and prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=8, help="of each kind (%(default)s)")
    parser.add_argument("--windows", type=int, default=1000, help="that are judged in each (%(default)s)")
    parser.add_argument("--limit", type=float, default=100.0, help="windows per false alarm (%(default)s)")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this one; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    for kind in options.kind or KINDS:
        random = np.random.default_rng([options.seed, list(KINDS).index(kind)])
        learned = _HISTORY if kind == "weekly season" else 0
        alarms = largest = cusum = 0
        for _ in range(options.streams):
            effects = KINDS[kind](random, learned + options.windows)
            alarms += len(judged(effects, learned, options.limit))
            largest += len(beyond_largest(effects[learned:]))
            cusum += len(beyond_cusum(effects[learned:]))
        allowed = options.streams * options.windows / options.limit
        results.append(
            {
                "kind": kind,
                "windows": options.streams * options.windows,
                "alarms": alarms,
                "per_limit": round(alarms / allowed, 2),
                "largest_per_limit": round(largest / allowed, 2),
                "cusum_per_limit": round(cusum / allowed, 2),
            }
        )
        one = results[-1]
        print(f"{kind:<20}{alarms:>6} of {allowed:.0f} allowed  {one['per_limit']:6.2f}", end="")
        print(f"  largest {one['largest_per_limit']:6.2f}  CUSUM {one['cusum_per_limit']:6.2f}", flush=True)
    print_result({"limit": options.limit, "results": results}, options.output)
    return 0


def judged(effects: Floats, learned: int, limit: float) -> list[int]:
    """Windows of the alarms of our rule."""
    rule = AlarmRule(AlarmSettings(false_alarms_per_week=_WEEK / limit, persistence=1))
    state: dict[str, Any] = {}
    found = []
    shift = 1 - float(effects.min())  # effects are at least 0; ranks do not depend on it
    for number, effect in enumerate(effects, 1):
        start = _START + timedelta(hours=number)
        window = Window(number, start, start + timedelta(hours=1), 100, 100, 0, {1: 100})
        value = float(effect) + shift
        one = Measurement("skew", "column", "distance", value, value, 1e-9, 1e9, 100)
        if number <= learned:
            state = rule.learn(window, [one], state)
            continue
        alarms, state = rule.update(window, [one], state)
        if alarms:
            found.append(number)
            stream = StreamState.from_json(state["streams"][one.stream])
            stream.restart()
            stream.settle(window, rule.settings.min_seasonal_windows)
            state["streams"][one.stream] = stream.to_json()
    return found


def beyond_largest(effects: Floats) -> list[int]:
    """Windows whose effect is beyond the largest of the last 100 (after 20)."""
    return [index for index in range(20, len(effects)) if effects[index] > effects[max(0, index - 100) : index].max()]


def beyond_cusum(effects: Floats) -> list[int]:
    """Windows in which the one-sided CUSUM exceeds 5 standard deviations; it restarts there."""
    mean, deviation = effects[:50].mean(), effects[:50].std()
    total, found = 0.0, []
    for index in range(50, len(effects)):
        total = max(0.0, total + (effects[index] - mean) / deviation - 0.5)
        if total > 5:
            found.append(index)
            total = 0.0
    return found


if __name__ == "__main__":
    sys.exit(main())
