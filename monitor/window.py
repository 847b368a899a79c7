"""A window: consecutive rows of the request log, by event time."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

State = Literal["complete", "mature"]


@dataclass(frozen=True)
class Window:
    """Rows whose event time lies in [start, end).

    Attributes:
      number: From 1, in the order of time.
      start: UTC.
      end: UTC.
      rows: Rows that were answered (arms live, baseline, canary and direct; no shadow).
      requests: Requests, failed ones included.
      labelled: Rows that have a label by now.
      versions: Model versions -> rows.
      state: "mature" once labels that come as late as the delay quantile of the settings are in; until then
        measurements with labels are preliminary and are computed again.
    """

    number: int
    start: datetime
    end: datetime
    rows: int
    requests: int
    labelled: int
    versions: dict[int, int]
    state: State = "complete"

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        fields = asdict(self)
        fields["start"], fields["end"] = self.start.isoformat(), self.end.isoformat()
        fields["versions"] = {str(version): rows for version, rows in self.versions.items()}
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Window":
        """Reads the output of `to_json`."""
        fields = dict(fields)
        fields["start"], fields["end"] = (datetime.fromisoformat(fields[name]) for name in ("start", "end"))
        fields["versions"] = {int(version): rows for version, rows in fields["versions"].items()}
        return cls(**fields)
