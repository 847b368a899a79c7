"""The request log by event time: how far it has come, how many rows the windows have, and the rows of one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.performance.delays import DelayCurve
from monitor.window import State, Window
from monitor.windows.bounds import EPOCH, Bounds
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.feature_columns import column_type, logged_column
from monitor.windows.settings import WindowSettings
from monitor.windows.traffic import CLIENT_ERROR, SERVER_ERROR, Traffic
from monitor.windows.window_data import WindowData
from serving.request_log.duckdb_sources import literal
from serving.request_log.reading import FIXED, TARGET, TARGET_TIME, RequestLog
from serving.request_log.records import FEATURE, OUTPUT

EVENT = 'coalesce(event_time, "time")'
ANSWERED = f"label <> 'shadow' AND status < {CLIENT_ERROR}"
_FIXED = ("request_id", "row", "time", "version", "label", "status", "latency")
_DELAYS = 50_000
"""Maximum number of rows that the label delay is estimated from."""
_LATENCIES = 5_000
QUANTILES = (0.5, 0.95, 0.99)
"""Quantiles of the latency."""


@dataclass(frozen=True)
class LogClock:
    """How far the log has come.

    Attributes:
      first: Earliest event time; None for a log without rows.
      clock: The event clock, see `EventLog.clock`.
      future: Rows whose event time is after the present: they count when it has come.
    """

    first: datetime | None
    clock: datetime
    future: int = 0


@dataclass(frozen=True)
class Counts:
    """Answered rows of a window, those that have a label, and requests."""

    rows: int = 0
    labelled: int = 0
    requests: int = 0


class EventLog:
    """The rows of one model by event time: the column `event_time`, or the arrival where a row has none."""

    def __init__(self, log: RequestLog, dataset: MonitoredDataset, settings: WindowSettings) -> None:
        self._log, self._dataset, self._settings = log, dataset, settings
        self._model = f"model = {literal(dataset.name)}"
        self._view: _View | None = None

    @contextmanager
    def opened(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[None]:
        """Opens the log once for the queries inside, all but `rows_before` and `read`, which see one state of it.

        Args:
          since: Event time from which rows are read; a query that needs earlier ones opens the log itself.
          until: Event time before which they are; None for all.
        """
        outer = self._view
        with self._log.view(since, until, by_event_time=True) as select:
            self._view = _View(select, since)
            try:
                yield
            finally:
                self._view = outer

    def clock(self, now: datetime, since: datetime | None = None) -> LogClock:
        """Finds how far the log has come.

        The event clock is the present minus the smallest lag of a row's event time behind its arrival: the present
        where requests arrive as things happen, the time of the newest event (and on from there) where old events are
        replayed. A row with an event time after the present, from a clock that is wrong, does not move it.

        Args:
          now: The present.
          since: Event time before which rows are left out; None reads the whole log.
        """
        moment = _moment(now)
        sql = (
            f"SELECT min({EVENT}) AS first, "
            f'max(epoch_us({EVENT}) - epoch_us("time")) FILTER ({EVENT} <= {moment} AND "time" <= {moment}) AS lead, '
            f"count(*) FILTER ({EVENT} > {moment}) AS future FROM logged WHERE {self._model}"
        )
        (row,) = self._rows(sql, since, None)
        if row["first"] is None:
            return LogClock(None, now)
        clock = now if row["lead"] is None else min(now, now + timedelta(microseconds=row["lead"]))
        return LogClock(row["first"], clock, row["future"])

    def next_end(self, start: datetime, until: datetime) -> datetime | None:
        """End of a window by rows that begins at `start`; None if too few rows have come until `until`.

        The end is the event time of the first row that is not in it, so that rows of one moment are in one window.
        """
        sql = (
            f"SELECT {EVENT} AS event FROM logged WHERE {self._model} AND {ANSWERED} ORDER BY event "
            f"LIMIT 1 OFFSET {self._settings.rows - 1}"
        )
        last = self._rows(sql, start, until)
        if not last:
            return None
        after = last[0]["event"] + timedelta(microseconds=1)
        sql = f"SELECT min({EVENT}) AS event FROM logged WHERE {self._model} AND {ANSWERED}"
        (following,) = self._rows(sql, after, until)
        return following["event"]

    def occupied(self, origin: datetime, every: timedelta, after: datetime, until: datetime) -> dict[int, Counts]:
        """Counts the rows of aligned windows from one moment to another: number -> counts, of those with rows."""
        length = every // timedelta(microseconds=1)
        sql = (
            f"SELECT CAST((epoch_us({EVENT}) - {_microseconds(origin)}) // {length} AS BIGINT) + 1 AS number, "
            f"count(*) FILTER ({ANSWERED}) AS rows, count(target) FILTER ({ANSWERED}) AS labelled, "
            f"""count(*) FILTER ("row" = 0 AND label <> 'shadow') AS requests FROM logged """
            f"WHERE {self._model} GROUP BY number ORDER BY number"
        )
        return {row.pop("number"): Counts(**row) for row in self._rows(sql, after, until)}

    def counts(self, windows: Sequence[Bounds]) -> dict[int, Counts]:
        """Counts the rows of windows: number -> counts."""
        if not windows:
            return {}
        values = ", ".join(f"({one.number}, {_moment(one.start)}, {_moment(one.end)})" for one in windows)
        sql = (
            f"SELECT w.number, count(*) FILTER ({ANSWERED}) AS rows, count(target) FILTER ({ANSWERED}) AS labelled, "
            f"""count(*) FILTER ("row" = 0 AND label <> 'shadow') AS requests FROM logged r """
            f"JOIN (VALUES {values}) w(number, first, last) ON {EVENT} >= w.first AND {EVENT} < w.last "
            f"WHERE {self._model} GROUP BY w.number"
        )
        since, until = min(one.start for one in windows), max(one.end for one in windows)
        found = {row.pop("number"): Counts(**row) for row in self._rows(sql, since, until)}
        return {one.number: found.get(one.number, Counts()) for one in windows}

    def rows_before(self, moments: Sequence[datetime]) -> list[int]:
        """Number of answered rows with an event time before each of some moments; reads the whole log until then."""
        counts = ", ".join(f"count(*) FILTER ({EVENT} < {_moment(one)}) AS n{at}" for at, one in enumerate(moments))
        sql = f"SELECT {counts} FROM requests WHERE {self._model} AND {ANSWERED}"
        (row,) = self._log.query(sql, None, max(moments), by_event_time=True)
        return [int(column[0].as_py()) for column in row.columns]

    def label_delay(self, since: datetime, clock: datetime) -> DelayCurve:
        """Estimates the distribution of the delay from event to label, of a sample of the rows since `since`."""
        sql = (
            f"SELECT epoch_us({TARGET_TIME}) - epoch_us({EVENT}) AS delay, "
            f"{_microseconds(clock)} - epoch_us({EVENT}) AS age FROM logged "
            f"WHERE {self._model} AND {ANSWERED} ORDER BY {self._hash()} LIMIT {_DELAYS}"
        )
        rows = self._rows(sql, since, clock)
        delay = np.array([np.nan if row["delay"] is None else max(0.0, row["delay"] / 1e6) for row in rows], float)
        return DelayCurve.fit(delay, np.array([row["age"] / 1e6 for row in rows], float))

    def read(self, bounds: Bounds, state: State = "complete", late: int = 0) -> WindowData:
        """Reads a window.

        Args:
          bounds: Which one.
          state: State of the window, see monitor.window.
          late: Rows that came after it had been measured.

        Raises:
          InputError: The log cannot be read.
        """
        sample = (
            f"SELECT *, {EVENT} AS event FROM requests WHERE {self._model} AND {ANSWERED} "
            f"ORDER BY {self._hash()} LIMIT {self._settings.sample_rows}"
        )
        with self._log.view(bounds.start, bounds.end, by_event_time=True) as select:
            batches = list(select(sample))
            raw = pa.Table.from_batches(batches) if batches else pa.table({})
            counted = [row for batch in select(self._traffic_sql()) for row in batch.to_pylist()]
        table = _named(raw, self._dataset)
        labelled = sum(row.pop("labelled") for row in counted)
        traffic = {row["version"]: _traffic(row, table) for row in counted}
        versions = {version: one.rows for version, one in traffic.items() if one.rows}
        window = Window(
            number=bounds.number,
            start=bounds.start,
            end=bounds.end,
            rows=sum(versions.values()),
            requests=sum(one.requests for one in traffic.values()),
            labelled=labelled,
            versions=versions,
            state=state,
        )
        return WindowData(window, self._dataset, table, traffic, late, raw)

    def _traffic_sql(self) -> str:
        first = "\"row\" = 0 AND label <> 'shadow'"
        return (
            f"SELECT version, count(*) FILTER ({first}) AS requests, count(*) FILTER ({ANSWERED}) AS rows, "
            f"count(target) FILTER ({ANSWERED}) AS labelled, "
            f"count(*) FILTER ({first} AND status >= {CLIENT_ERROR} AND status < {SERVER_ERROR}) AS client_errors, "
            f"count(*) FILTER ({first} AND status >= {SERVER_ERROR}) AS server_errors, "
            f"quantile_cont(latency, {list(QUANTILES)}) FILTER ({first} AND status < {CLIENT_ERROR}) AS latency "
            f"FROM requests WHERE {self._model} AND label <> 'shadow' GROUP BY version ORDER BY version"
        )

    def _hash(self) -> str:
        """Order of a random sample that depends on the rows and the seed alone."""
        return f'hash(request_id, "row", {int(self._settings.seed)}), request_id, "row"'

    def _rows(self, sql: str, since: datetime | None, until: datetime | None) -> list[dict[str, Any]]:
        """Result of a query over `logged`: the rows with an event time in [since, until)."""
        if self._view is not None and (self._view.since is None or (since is not None and since >= self._view.since)):
            return self._view.rows(sql, since, until)
        with self.opened(since, until):
            assert self._view is not None
            return self._view.rows(sql, since, until)


@dataclass(frozen=True)
class _View:
    """The open log: the view `requests` with the rows since a moment."""

    select: Callable[..., Iterator[pa.RecordBatch]]
    since: datetime | None

    def rows(self, sql: str, since: datetime | None, until: datetime | None) -> list[dict[str, Any]]:
        bounds = [f"{EVENT} >= {_moment(since)}"] if since is not None else []
        bounds += [f"{EVENT} < {_moment(until)}"] if until is not None else []
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        logged = f"WITH logged AS (SELECT * FROM requests{where}) "
        return [row for batch in self.select(logged + sql) for row in batch.to_pylist()]


def _traffic(row: Mapping[str, Any], table: pa.Table) -> Traffic:
    quantiles = row["latency"]
    names = ("requests", "rows", "client_errors", "server_errors")
    return Traffic(
        **{name: row[name] for name in names},
        latency={} if quantiles is None else dict(zip(QUANTILES, quantiles, strict=True)),
        latencies=_latencies(table, row["version"]),
    )


def _latencies(table: pa.Table, version: int) -> np.ndarray:
    if "latency" not in table.column_names:
        return np.zeros(0)
    mine = table.filter(pc.and_(pc.equal(table["version"], version), pc.equal(table["row"], 0)))
    found: np.ndarray = mine["latency"].to_numpy()[:_LATENCIES]
    return found


def _named(table: pa.Table, dataset: MonitoredDataset) -> pa.Table:
    """Columns of `WindowData.table`, in the order of event times."""
    if not table.num_rows:
        return _empty(dataset)
    table = table.set_column(table.schema.get_field_index("time"), "time", table["event"])
    table = table.sort_by([("time", "ascending"), ("request_id", "ascending"), ("row", "ascending")])
    columns = {name: table[name] for name in _FIXED}
    for name, alias in dataset.features.items():
        if FEATURE + name in table.column_names:
            values = table[FEATURE + name].combine_chunks()
            columns[name] = logged_column(values, alias, dataset.separators.get(name, ";"))
    columns |= {name: table[name] for name in table.column_names if name.startswith(OUTPUT)}
    return pa.table({**columns, TARGET: table[TARGET], TARGET_TIME: table[TARGET_TIME]})


def _empty(dataset: MonitoredDataset) -> pa.Table:
    fixed = {name: FIXED.field(name).type for name in _FIXED}
    features = {name: column_type(alias) for name, alias in dataset.features.items()}
    return pa.schema({**fixed, **features, TARGET: pa.string(), TARGET_TIME: FIXED.field("time").type}).empty_table()


def _moment(moment: datetime) -> str:
    utc = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    return f"TIMESTAMPTZ '{utc:%Y-%m-%d %H:%M:%S.%f}+00'"


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
