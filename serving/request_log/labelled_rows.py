"""Labelled rows of the request log that are in no span yet, each once, in a fixed order.

Rows are identified by request id and position. Of several rows of one identity (a client that sent a request again),
the first one counts. A label is mature if its row is older than the label delay: before that, labels that come early
are not a random sample of all labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa

from components.shared.errors import UsageError
from serving.request_log.duckdb_sources import parquet
from serving.request_log.reading import TARGET, Relation, RequestLog

FAILED = 400
"""HTTP status from which a request has no prediction."""
KEYS = ("request_id", "row", "time")


@dataclass(frozen=True)
class Choice:
    """Which rows.

    Attributes:
      until: Time of the event before which labels are mature, exclusive.
      labels: Arms whose predictions were sent.
      used: Parquet files with the columns request_id and row: rows that are in a span already.
    """

    until: datetime
    labels: Sequence[str]
    used: Sequence[Path] = ()


@dataclass(frozen=True)
class Counts:
    """Rows of a choice: `labelled`, and all `mature` ones, labelled or not, that are in no span."""

    labelled: int
    mature: int


def count_rows(log: RequestLog, choice: Choice) -> Counts:
    """Counts the rows."""
    with log.relation(labels=choice.labels) as found:
        sql, names = _chosen(log, found, choice)
        target = f"x{names.index(TARGET)}"
        (batch,) = log.stream(found.connection, f"SELECT count({target}) AS labelled, count(*) AS mature FROM ({sql})")
        return Counts(batch.column(0)[0].as_py(), batch.column(1)[0].as_py())


def labelled_rows(log: RequestLog, columns: Sequence[str], choice: Choice) -> Iterator[pa.RecordBatch]:
    """Streams the labelled rows by time, request id and position.

    Args:
      log: The log.
      columns: Columns of the result, KEYS, `target` and `target_time` among them if wanted. `time` is the time of the
        event, as the client sent it, else that of the request.
      choice: Which rows.

    Raises:
      UsageError: A column is not in the log.
      InputError: A file cannot be read.
    """
    with log.relation(labels=choice.labels) as found:
        sql, names = _chosen(log, found, choice)
        if unknown := [name for name in columns if name not in names]:
            raise UsageError(f"{unknown[0]}: no column of the request log; available: {', '.join(names)}")
        place = {name: "happened" if name == "time" else f"x{names.index(name)}" for name in names}
        shown = ", ".join(f"{place[name]} AS y{number}" for number, name in enumerate(columns))
        by = f"happened, {place['request_id']}, {place['row']}"
        query = f"SELECT {shown} FROM ({sql}) WHERE {place[TARGET]} IS NOT NULL ORDER BY {by}"
        for batch in log.stream(found.connection, query):
            yield pa.RecordBatch.from_arrays(batch.columns, names=list(columns))


def _chosen(log: RequestLog, found: Relation, choice: Choice) -> tuple[str, list[str]]:
    """SQL with the columns x0, x1, … and `happened`, and the columns' names."""
    joined, names = log.joined(found, with_target=True)
    place = {name: f"x{number}" for number, name in enumerate(names)}
    request, row, time = (place[name] for name in KEYS)
    happened = f"coalesce({place['event_time']}, {time})" if "event_time" in names else time
    order = ", ".join([time, place["version"], place["label"]])
    moment = choice.until.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
    sql = (
        f"SELECT * FROM (SELECT *, {happened} AS happened, row_number() OVER (PARTITION BY {request}, {row} ORDER BY "
        f"{order}) AS occurrence FROM ({joined}) WHERE {place['status']} < {FAILED}) "
        f"WHERE occurrence = 1 AND happened < TIMESTAMPTZ '{moment}+00'"
    )
    if choice.used:
        sql = (
            f"SELECT * FROM ({sql}) c WHERE NOT EXISTS (SELECT 1 FROM {parquet(choice.used)} u "
            f'WHERE u.request_id = c.{request} AND u."row" = c.{row})'
        )
    return sql, names
