"""Rules of benchmarks.monitor_delay on streams of 0/1 losses: ours, and two that look at nothing."""

from datetime import datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.alarm_rule import AlarmRule
from monitor.alarms.settings import AlarmSettings
from monitor.alarms.stream_state import StreamState
from monitor.measurement import Measurement
from monitor.window import Window

_START = datetime(2026, 1, 5, tzinfo=timezone.utc)
_WEEK_HOURS = 168
MODERATE, SEVERE = 0.02, 0.2
"""Increase of the error rate."""


def ours(losses: NDArray[np.int8], reference: int, run_length: float, rows: int, hours: float = 1.0) -> list[int]:
    """Returns the rows of the alarms of the alarm rule, which goes on after each.

    Args:
      losses: 0/1 losses; the first `reference` are those of the evaluation: the history.
      reference: Number of those rows.
      run_length: Allowed average run length without a change, in rows.
      rows: Rows of a window.
      hours: Length of a window, for the seasons.
    """
    windows_per_week = _WEEK_HOURS / hours
    rate = windows_per_week * rows / run_length
    # No other rule waits for a second window, so this one does not either.
    rule = AlarmRule(AlarmSettings(false_alarms_per_week=rate, persistence=1))
    usual = float(losses[:reference].mean())
    means = losses[: len(losses) // rows * rows].reshape(-1, rows).mean(axis=1)
    state, found = None, []
    for number, value in enumerate(means, 1):
        start = _START + number * timedelta(hours=hours)
        window = Window(number, start, start + timedelta(hours=hours), rows, rows, rows, {1: rows}, "mature")
        effect = max(0.0, float(value) - usual)
        one = Measurement("performance", "error rate", "mean", float(value), effect, MODERATE, SEVERE, rows)
        if number * rows <= reference:
            state = rule.learn(window, [one], state)
            continue
        alarms, state = rule.update(window, [one], state)
        if alarms:
            found.append(number * rows - 1)
            stream = StreamState.from_json(state["streams"][one.stream])
            stream.restart()
            state["streams"][one.stream] = stream.to_json()
    return found


def every(rows: int, size: int) -> list[int]:
    """Alarms at every n-th row, whatever the losses."""
    return list(range(rows - 1, size, rows))
