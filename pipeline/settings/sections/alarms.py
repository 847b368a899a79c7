"""The table [alarms]: how often an alarm of the monitor may be false, and what opens and closes one."""

from datetime import datetime, timezone
from typing import Annotated

from pydantic import Field, model_validator

from monitor.alarms.settings import AlarmSettings, Maintenance
from pipeline.settings.sections.section import ConfigSection

_DEFAULT = AlarmSettings()


class MaintenanceSection(ConfigSection):
    """A time whose windows are neither judged nor learned from."""

    start: datetime
    """Start, a TOML date and time with offset; without one it is UTC."""
    end: datetime
    """End, after `start`."""
    reason: str = ""
    """Why, for a person."""

    def settings(self) -> Maintenance:
        """The times in UTC."""
        return Maintenance(_utc(self.start), _utc(self.end), self.reason)

    @model_validator(mode="after")
    def _is_possible(self) -> "MaintenanceSection":
        self.settings()
        return self


class AlarmsSection(ConfigSection):
    """Alarms of `plumbline monitor`; see docs/monitoring.md."""

    false_alarms_per_week: Annotated[float, Field(gt=0)] = _DEFAULT.false_alarms_per_week
    """Bound of the expected number of false alarms in a week, over all features, slices and checks together."""
    harm_share: Annotated[float, Field(gt=0, lt=1)] = _DEFAULT.harm_share
    """Part of that number for what measures harm: performance, estimated performance, concept drift, transform skew and
    errors. The other checks share the rest by the importance of the feature."""
    history: Annotated[int, Field(ge=4)] = _DEFAULT.history
    """Number of windows before the effect of a check is compared with its history. Until then, an alarm needs a severe
    effect in `persistence` + 1 windows in a row."""
    max_history: Annotated[int, Field(ge=4)] = _DEFAULT.max_history
    """Number of windows that are kept for the comparison."""
    min_seasonal_windows: Annotated[int, Field(ge=2)] = _DEFAULT.min_seasonal_windows
    """Number of windows of the same hour or day of the week, or of the same month of last year, from which on a window
    is compared with these."""
    persistence: Annotated[int, Field(ge=1)] = _DEFAULT.persistence
    """Number of windows in a row with the effect before an alarm; a severe effect needs one less."""
    close_ratio: Annotated[float, Field(gt=0, le=1)] = _DEFAULT.close_ratio
    """Closing threshold, as a share of the threshold that opened the alarm."""
    close_windows: Annotated[int, Field(ge=1)] = _DEFAULT.close_windows
    """Number of windows in a row below the closing threshold that close an alarm."""
    min_importance: Annotated[float, Field(ge=0, le=1)] = _DEFAULT.min_importance
    """Importance of a feature to the model below which its drift is at most moderate."""
    maintenance: tuple[MaintenanceSection, ...] = ()
    """Times whose windows are left out: releases, known outages."""

    def settings(self) -> AlarmSettings:
        """The settings as the alarm rule takes them."""
        fields = self.model_dump(exclude={"maintenance"})
        return AlarmSettings(**fields, maintenance=tuple(one.settings() for one in self.maintenance))

    @model_validator(mode="after")
    def _is_possible(self) -> "AlarmsSection":
        self.settings()
        return self


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
