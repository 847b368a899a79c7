"""Alarms, and the incidents that group related ones."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from monitor.measurement import Level, Measurement

IncidentState = Literal["open", "acknowledged", "closed"]


@dataclass(frozen=True)
class Cause:
    """Where a change comes from.

    Attributes:
      subject: Column or metric that moved most.
      at: Value or range that moved most, as text; "" if none stands out.
      slice: Slice in which the change is largest, such as "origin=EWR"; "" if it is everywhere.
      since: Start of the first window that shows it, UTC, ISO 8601.
      source: Span, file or upstream column that brought it, from lineage; "" if unknown.
      share: Share of the whole change that this cause explains, in [0, 1]; None if unknown.
    """

    subject: str
    at: str = ""
    slice: str = ""
    since: str = ""
    source: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Alarm:
    """A measurement that the alarm rule took as a change, beyond the rate of false alarms.

    Attributes:
      window: Number of the window.
      measurement: What was measured there.
      evidence: Value of the e-detector; the alarm is raised at or above `limit`.
      limit: Threshold of the evidence that keeps the rate of false alarms.
      windows: Number of windows in a row with the effect.
    """

    window: int
    measurement: Measurement
    evidence: float
    limit: float
    windows: int

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {**asdict(self), "measurement": self.measurement.to_json()}


@dataclass(frozen=True)
class Incident:
    """Related alarms of one time, as one message.

    Attributes:
      number: From 1.
      state: "closed" once the measurements are back below the closing threshold.
      level: Largest severity of its alarms.
      title: One line: what happened, where, since when, and what it costs.
      opened: When its first alarm was raised: end of that window, UTC, ISO 8601.
      updated: End of the last window that changed it.
      closed: "" while it is not closed.
      first_window: Number of the window with the first alarm.
      kind: "covariate", "concept", "prior", "season", "quality", "operations" or "mixed".
      causes: Most likely first.
      alarms: Newest last.
      harm: Estimated or real loss of the metric against its reference; None if unknown.
    """

    number: int
    state: IncidentState
    level: Level
    title: str
    opened: str
    updated: str
    first_window: int
    kind: str = "mixed"
    closed: str = ""
    causes: tuple[Cause, ...] = ()
    alarms: tuple[dict[str, Any], ...] = field(default=())
    harm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Incident":
        """Reads the output of `to_json`."""
        causes = tuple(Cause(**cause) for cause in fields["causes"])
        return cls(**{**fields, "causes": causes, "alarms": tuple(fields["alarms"])})

    @staticmethod
    def time_text(moment: datetime) -> str:
        """Form of the times above."""
        return moment.isoformat(timespec="seconds")
