"""Replays the requests of days, and imports the labels that are known by then."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

import pandas as pd

from data.flights import LABEL
from pipeline.demo.commands import Commands
from pipeline.demo.http_client import Client
from pipeline.demo.labels import KnownLabels
from pipeline.demo.plan import DATASET
from pipeline.demo.requests import by_day, requests_of


@dataclass
class Sent:
    """What was replayed in a stage.

    Attributes:
      requests: Number of requests; all were answered.
      rows: Number of flights asked about.
      seconds: Time from sending to the last answer, summed over the days.
      labels: Number of labels that were imported.
      late: Number of them that are late.
      delays: Median hours from question to label, of each import.
    """

    requests: int = 0
    rows: int = 0
    seconds: float = 0.0
    labels: int = 0
    late: int = 0
    delays: list[float] = field(default_factory=list)

    def to_text(self) -> str:
        """Returns one line."""
        answered = f"{self.rows:,} flights asked about in {self.requests:,} requests"
        if not self.labels:
            return answered
        known = f"{self.labels:,} labels imported, {statistics.median(self.delays):.1f} h old (median)"
        return f"{answered}; {known}; {100 * self.late / self.labels:.0f} % late"


class Replay:
    """The flights in the order of time, each day once.

    Args of the constructor:
      flights: See `flights_year.load_year`.
      features: Columns that are sent.
      client: Sends them.
      labels: Labels that wait for their time.
      commands: Runs `plumbline feedback`.
      rows: Flights of a request.

    Attributes:
      day: The next day.
    """

    def __init__(
        self,
        flights: pd.DataFrame,
        features: tuple[str, ...],
        client: Client,
        labels: KnownLabels,
        commands: Commands,
        rows: int,
        day: date,
    ) -> None:
        self._flights, self._features, self._size = flights, features, rows
        self._client, self._labels, self._commands = client, labels, commands
        self.day = day

    def days(self, last: date, sent: Sent) -> Iterator[date]:
        """Sends the requests of the next days until `last`, adding to `sent`; yields each day when it is answered.

        Raises:
          PlumblineError: A request was not answered with a prediction.
        """
        for day, flights in by_day(self._flights, self.day, last):
            asked = requests_of(flights, self._features, self._size, seed=day.toordinal())
            began = time.monotonic()
            self._client.send(asked.requests)
            sent.seconds += time.monotonic() - began
            sent.requests += len(asked.requests)
            sent.rows += len(asked.rows)
            self._labels.add(asked.rows)
            self.day = day + timedelta(days=1)
            yield day

    def import_labels(self, sent: Sent) -> None:
        """Imports the labels of flights that have arrived before the next day (UTC) begins.

        Raises:
          PlumblineError: `plumbline feedback` failed.
        """
        midnight = datetime(self.day.year, self.day.month, self.day.day, tzinfo=timezone.utc)
        if (found := self._labels.file(midnight)) is None:
            return
        path, rows = found
        self._commands.run("feedback", str(path), "--dataset", DATASET)
        sent.labels += len(rows)
        sent.late += int(rows[LABEL].sum())
        sent.delays.append(float((rows["known"] - rows["asked"]).dt.total_seconds().median() / 3600))
