"""The budget of false alarms: which stream may be how often wrong.

If stream i alarms falsely at most a share_i of the allowed rate, all together do so at most at that rate, however the
streams depend on each other (the expected number of alarms is the sum of the streams'). So its average run length, in
windows, has to be at least

    limit_i = windows per week / (false alarms per week * share_i).
"""

from collections.abc import Sequence
from datetime import timedelta

from monitor.alarms.settings import AlarmSettings
from monitor.measurement import Measurement

HARM = frozenset({"performance", "estimated_performance", "concept_drift", "transform_skew", "errors"})
"""Kinds that measure harm."""
WEEK = timedelta(days=7)
_SLICE = 0.5
_MIN_WEIGHT = 0.05


def limits(measurements: Sequence[Measurement], length: timedelta, settings: AlarmSettings) -> dict[str, float]:
    """Returns the limit of the evidence of each stream: its average run length without a change, in windows.

    Args:
      measurements: All of a window.
      length: Length of a window.
      settings: The rate, and the share for harm.
    """
    harm = {one.stream: 1.0 if not one.slice else _SLICE for one in measurements if one.kind in HARM}
    others = {
        one.stream: max(_MIN_WEIGHT, one.weight) * (1.0 if not one.slice else _SLICE)
        for one in measurements
        if one.kind not in HARM
    }
    harm_share = settings.harm_share if harm and others else 1.0
    windows = WEEK / length if length > timedelta(0) else 1.0
    found = {}
    for group, part in ((harm, harm_share), (others, 1 - settings.harm_share if harm else 1.0)):
        total = sum(group.values())
        for stream, weight in group.items():
            share = part * weight / total
            found[stream] = max(1.0, windows / (settings.false_alarms_per_week * share))
    return found
