"""Windows and measurements of the tests of alarms."""

from datetime import datetime, timedelta, timezone

import pytest

from monitor.measurement import Measurement
from monitor.window import Window

START = datetime(2026, 1, 5, tzinfo=timezone.utc)  # a Monday


def _window(number: int, *, length: timedelta = timedelta(days=1), state: str = "mature", version: int = 1) -> Window:
    start = START + (number - 1) * length
    return Window(number, start, start + length, 1000, 1000, 1000, {version: 1000}, state)


def _skew(effect: float, subject: str = "dest", **more) -> Measurement:
    fields = {"kind": "skew", "measure": "chebyshev", "moderate": 0.1, "severe": 0.3, "rows": 1000, **more}
    return Measurement(subject=subject, value=effect, effect=effect, **fields)


@pytest.fixture
def window():
    """Number -> window: consecutive days from a Monday, of 1,000 rows."""
    return _window


@pytest.fixture
def skew():
    """Effect -> a skew with thresholds 0.1 and 0.3."""
    return _skew
