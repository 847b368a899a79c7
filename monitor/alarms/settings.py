"""Settings of the alarm rule."""

from dataclasses import dataclass
from datetime import datetime

from components.shared.statistics.relative_importance import MIN_IMPORTANCE


@dataclass(frozen=True)
class Maintenance:
    """A time in which windows are neither judged nor learned from.

    Attributes:
      start: UTC.
      end: UTC, after `start`.
      reason: For a person.
    """

    start: datetime
    end: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"maintenance: the end {self.end.isoformat()} must be after the start")


@dataclass(frozen=True)
class AlarmSettings:
    """How often alarms may be false, and what opens and closes them.

    Attributes:
      false_alarms_per_week: Bound of the expected number of false alarms in a week, over all streams together; above 0.
      harm_share: Part of that budget for the streams that measure harm (performance, estimated performance, concept
        drift, transform skew, errors), in (0, 1); the other streams share the rest by their weight.
      history: Minimum number of windows before a stream is compared with its history; until then only a severe effect
        in `persistence` + 1 windows in a row is an alarm.
      max_history: Number of windows whose effects are kept for each stream.
      min_seasonal_windows: Minimum number of windows of the same hour or day before a window is compared with these
        alone.
      persistence: Number of windows in a row with at least a moderate effect before an alarm; a severe effect needs
        one less.
      close_ratio: Closing threshold, as a share of the opening threshold; in (0, 1].
      close_windows: Number of windows in a row below it that close an alarm.
      min_importance: Importance below which drift of a feature is at most moderate.
      maintenance: Times that are left out.
    """

    false_alarms_per_week: float = 0.1
    harm_share: float = 0.5
    history: int = 8
    max_history: int = 400
    min_seasonal_windows: int = 4
    persistence: int = 2
    close_ratio: float = 0.8
    close_windows: int = 2
    min_importance: float = MIN_IMPORTANCE
    maintenance: tuple[Maintenance, ...] = ()

    def __post_init__(self) -> None:
        _refuse(not self.false_alarms_per_week > 0, "false_alarms_per_week", self.false_alarms_per_week, "above 0")
        _refuse(not 0 < self.harm_share < 1, "harm_share", self.harm_share, "between 0 and 1")
        _refuse(self.history < 4, "history", self.history, "at least 4")
        _refuse(self.max_history < self.history, "max_history", self.max_history, "at least history")
        _refuse(self.min_seasonal_windows < 2, "min_seasonal_windows", self.min_seasonal_windows, "at least 2")
        _refuse(self.persistence < 1, "persistence", self.persistence, "at least 1")
        _refuse(not 0 < self.close_ratio <= 1, "close_ratio", self.close_ratio, "above 0 and at most 1")
        _refuse(self.close_windows < 1, "close_windows", self.close_windows, "at least 1")
        _refuse(not 0 <= self.min_importance <= 1, "min_importance", self.min_importance, "from 0 to 1")


def _refuse(wrong: bool, name: str, value: float, legal: str) -> None:
    if wrong:
        raise ValueError(f"{name}: {value}: must be {legal}")
