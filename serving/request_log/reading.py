"""Reading of the request log with DuckDB: sealed Parquet files and open segments as one table, joined with labels.

Rows whose segment is still open, or was left by a killed process, are read from the segment; see `sealing` for why no
row is read twice. Columns of different versions are merged by name. `target` is the newest label of a row
(`plumbline feedback`), `target_time` when it became known (else, when it was imported); both are null for a row that
has no label yet.
"""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.errors import InputError, PlumblineWarning, UsageError
from serving.request_log.arrow_types import conformed, merged_schema
from serving.request_log.duckdb_sources import Source, identifier, literal, parquet, readable_names, union
from serving.request_log.event_ranges import may_overlap
from serving.request_log.frames import Scan, scan
from serving.request_log.labels import labels_sql
from serving.request_log.layout import SUFFIX, Layout, SealedFile
from serving.request_log.records import check_schema_version
from serving.request_log.sealing import read_segment

if TYPE_CHECKING:
    import duckdb

FIXED = pa.schema(
    {
        "request_id": pa.string(),
        "row": pa.int32(),
        "time": pa.timestamp("us", tz="UTC"),
        "model": pa.string(),
        "version": pa.int64(),
        "label": pa.string(),
        "status": pa.int32(),
        "latency": pa.float64(),
        "event_time": pa.timestamp("us", tz="UTC"),
    }
)
"""Columns that every row has; `event_time` is null where the client sent none."""

TARGET, TARGET_TIME = "target", "target_time"

BATCH_ROWS = 1 << 15


@dataclass
class Snapshot:
    """What the log holds at one moment."""

    files: list[SealedFile]
    segments: dict[str, Scan] = field(default_factory=dict)
    """Segment id -> what was recovered of an open segment."""


@dataclass(frozen=True)
class Relation:
    """Rows of the log: SQL with the columns x0, x1, …, whose names and types are those of the schema."""

    connection: "duckdb.DuckDBPyConnection"
    sql: str
    schema: pa.Schema

    def column(self, name: str) -> str:
        """SQL name of a column."""
        return f"x{self.schema.get_field_index(name)}"


class RequestLog:
    """The request log of one dataset, for reading. Any process may read it, while servers write it."""

    def __init__(self, folder: Path, memory_mb: int = 1024) -> None:
        """Opens a log.

        Args:
          folder: <root>/<dataset>/requests; need not exist.
          memory_mb: Maximum memory of DuckDB in MB, beside the open segments; joins spill to a temporary folder.
        """
        self._layout = Layout(folder)
        self._memory_mb = memory_mb

    def read(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        versions: Sequence[int] = (),
        labels: Sequence[str] = (),
        columns: Sequence[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """Streams rows of the log, in no particular order, in bounded memory.

        Args:
          since: Earliest time, inclusive; a time without zone is UTC.
          until: Latest time, exclusive.
          versions: Model versions; empty is all.
          labels: Labels of the arms; empty is all.
          columns: Columns of the result, also `target` and `target_time`; empty is all.

        Yields:
          Record batches of at most 32,768 rows. Texts are binary, as the server received them.

        Raises:
          UsageError: A column is in none of the rows read.
          InputError: A file cannot be read.
        """
        with self.relation(since, until, versions, labels) as found:
            wanted = list(columns) or [*found.schema.names, TARGET, TARGET_TIME]
            joined, names = self.joined(found, with_target=bool({TARGET, TARGET_TIME} & set(wanted)))
            if unknown := [name for name in wanted if name not in names]:
                raise UsageError(f"{unknown[0]}: no column of the request log; available: {', '.join(names)}")
            chosen = ", ".join(f"x{names.index(name)} AS y{number}" for number, name in enumerate(wanted))
            for batch in self.stream(found.connection, f"SELECT {chosen} FROM ({joined})"):
                yield pa.RecordBatch.from_arrays(batch.columns, names=wanted)

    def query(
        self,
        sql: str,
        since: datetime | None = None,
        until: datetime | None = None,
        parameters: Sequence[Any] = (),
        by_event_time: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Streams the result of a SQL query over the view `requests`, in DuckDB's dialect.

        The view has all columns of the log, `target` and `target_time`. Texts that are valid UTF-8 are VARCHAR; other
        bytes are shown as escapes. Names that differ in case only get a number: `feature_a`, `feature_A_2`.

        Args:
          sql: One SELECT.
          since: Earliest time of the view's rows, inclusive.
          until: Latest time, exclusive.
          parameters: Values of `?` in the query.
          by_event_time: Whether `since` and `until` are event times (the time of arrival where a row has none).

        Raises:
          UsageError: DuckDB refuses the query.
        """
        with self.view(since, until, by_event_time) as select:
            yield from select(sql, parameters)

    @contextmanager
    def view(
        self, since: datetime | None = None, until: datetime | None = None, by_event_time: bool = False
    ) -> Iterator[Callable[..., Iterator[pa.RecordBatch]]]:
        """Opens the view `requests` for several queries; yields a function of a query and its parameters, see `query`.

        All of them see the log as it was when the view was opened.
        """
        with self.relation(since, until, by_event_time=by_event_time) as found:
            joined, names = self.joined(found, with_target=True)
            described = ", ".join(
                f"{_as_text(f'x{number}', found.schema, name)} AS {identifier(shown)}"
                for number, (name, shown) in enumerate(zip(names, readable_names(names), strict=True))
            )
            found.connection.execute(f"CREATE TEMP VIEW requests AS SELECT {described} FROM ({joined})")
            yield lambda sql, parameters=(): self.stream(found.connection, sql, parameters)

    def columns(self) -> list[str]:
        """Names of all columns of the log."""
        with self.relation() as found:
            return [*found.schema.names, TARGET, TARGET_TIME]

    def snapshot(self, since: datetime | None = None, until: datetime | None = None) -> Snapshot:
        """Open segments and sealed files; of the latter only those whose hour overlaps [since, until)."""
        # Open segments first: one that is sealed meanwhile is read from the bytes that were read here, see `sealing`.
        segments = {}
        for path in self._layout.open_segments():
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                segments[path.name.removesuffix(SUFFIX)] = scan(
                    read_segment(descriptor), path.name.removesuffix(SUFFIX)
                )
            finally:
                os.close(descriptor)
        first = None if since is None else _utc(since).timestamp() // 3600
        last = None if until is None else _utc(until).timestamp() / 3600
        files = [
            file
            for file in self._layout.sealed_files()
            if file.segment not in segments
            and (first is None or file.hour >= first)
            and (last is None or file.hour < last)
        ]
        return Snapshot(files, segments)

    @contextmanager
    def relation(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        versions: Sequence[int] = (),
        labels: Sequence[str] = (),
        by_event_time: bool = False,
    ) -> Iterator["Relation"]:
        """Rows of the log as SQL, on a connection of their own; arguments as those of `read` and `query`."""
        with self._connected() as connection, ExitStack() as registered:
            yield self._relation(connection, registered, since, until, versions, labels, by_event_time)

    def _relation(
        self,
        connection: "duckdb.DuckDBPyConnection",
        registered: ExitStack,
        since: datetime | None,
        until: datetime | None,
        versions: Sequence[int],
        labels: Sequence[str],
        by_event_time: bool,
    ) -> "Relation":
        snapshot = self.snapshot() if by_event_time else self.snapshot(since, until)
        files = [file for file in snapshot.files if not versions or file.version in versions]
        if by_event_time:
            files = [file for file in files if may_overlap(file.path, since, until)]
        sources = [*_sealed_sources(files), *_open_sources(snapshot, connection, registered)]
        sql, schema = union(sources, FIXED)
        conditions = []
        place = {name: f"x{schema.get_field_index(name)}" for name in FIXED.names}
        time = f"coalesce({place['event_time']}, {place['time']})" if by_event_time else place["time"]
        if since is not None:
            conditions.append(f"{time} >= {_timestamp(since)}")
        if until is not None:
            conditions.append(f"{time} < {_timestamp(until)}")
        if versions:
            conditions.append(f"{place['version']} IN ({', '.join(str(int(version)) for version in versions)})")
        if labels:
            conditions.append(f"{place['label']} IN ({', '.join(map(literal, labels))})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return Relation(connection, f"SELECT * FROM ({sql}){where}", schema)

    def joined(self, found: "Relation", with_target: bool) -> tuple[str, list[str]]:
        """Joins rows with their newest labels: SQL with columns x0, x1, …, and the columns' names."""
        names = list(found.schema.names)
        if not with_target:
            return found.sql, names
        request, row = (f"r.x{names.index(name)}" for name in ("request_id", "row"))
        count = len(names)
        labels = labels_sql(self._layout)
        newest = "coalesce(own.sequence, -1) > coalesce(whole.sequence, -1)"
        return (
            f"WITH labels AS ({labels}) SELECT r.*, "
            f"CASE WHEN {newest} THEN own.target ELSE whole.target END AS x{count}, "
            f"CASE WHEN {newest} THEN own.time ELSE whole.time END AS x{count + 1} FROM ({found.sql}) r "
            f'LEFT JOIN (SELECT * FROM labels WHERE "row" >= 0) own ON own.request_id = {request} '
            f'AND own."row" = {row} '
            f'LEFT JOIN (SELECT * FROM labels WHERE "row" < 0) whole ON whole.request_id = {request}'
        ), [*names, TARGET, TARGET_TIME]

    @contextmanager
    def _connected(self) -> Iterator["duckdb.DuckDBPyConnection"]:
        import duckdb

        with (
            tempfile.TemporaryDirectory(prefix="plumbline-requests-") as folder,
            duckdb.connect(
                config={
                    "autoinstall_known_extensions": "false",
                    "memory_limit": f"{self._memory_mb}MB",
                    "temp_directory": folder,
                    "preserve_insertion_order": "false",
                }
            ) as connection,
        ):
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")  # it is printed on stdout, after two seconds
            yield connection

    def stream(
        self, connection: "duckdb.DuckDBPyConnection", sql: str, parameters: Sequence[Any] = ()
    ) -> Iterator[pa.RecordBatch]:
        """Streams the result of a query on a connection of `relation`; raises as `read` and `query` do."""
        import duckdb

        try:
            relation = connection.sql(sql, params=list(parameters) or None)
            if relation is None:
                raise UsageError("the query returns no rows; give one SELECT")
            yield from relation.to_arrow_reader(BATCH_ROWS)
        except (duckdb.IOException, duckdb.HTTPException, pa.ArrowException, OSError) as exc:
            raise InputError(f"{self._layout.folder}: cannot be read ({_line(exc)})") from exc
        except duckdb.Error as exc:
            raise UsageError(f"the query cannot be carried out: {_line(exc)}") from exc


def _sealed_sources(files: Sequence[SealedFile]) -> list[Source]:
    """One source for all files with the same columns and version."""
    groups: dict[tuple[str, int], tuple[pa.Schema, list[Path]]] = {}
    for file in files:
        try:
            described = pq.read_schema(file.path)
            schema = described.remove_metadata()
        except FileNotFoundError:
            continue  # retention deleted it
        except (pa.ArrowException, OSError) as exc:
            warnings.warn(
                f"{file.path}: is damaged ({_line(exc)}); its rows are left out; move it out of the log",
                PlumblineWarning,
                stacklevel=2,
            )
            continue
        version = (described.metadata or {}).get(b"request_log", b"1").decode("ascii", "replace")
        check_schema_version(str(file.path), int(version) if version.isdigit() else 1)
        groups.setdefault((str(schema), file.version), (schema, []))[1].append(file.path)
    return [
        Source(parquet(paths), schema, (("version", pa.int64(), f"{version}::BIGINT"),))
        for (_, version), (schema, paths) in groups.items()
    ]


def _open_sources(snapshot: Snapshot, connection: "duckdb.DuckDBPyConnection", registered: ExitStack) -> list[Source]:
    sources = []
    for number, (segment, found) in enumerate(snapshot.segments.items()):
        if found.damaged_bytes:
            warnings.warn(
                f"{segment}{SUFFIX}: {found.damaged_bytes:,} bytes ({found.damaged_frames} frames) are damaged, and "
                "their rows are left out",
                PlumblineWarning,
                stacklevel=2,
            )
        batches = [batch for frame in found.frames for batch in frame.batches() if batch.num_rows]
        if not batches:
            continue
        schema = merged_schema([batch.schema for batch in batches])
        table = pa.Table.from_batches([conformed(batch, schema) for batch in batches], schema)
        name = f"open_{number}"
        connection.register(name, table)
        registered.callback(connection.unregister, name)
        sources.append(Source(name, schema))
    return sources


def _as_text(expression: str, schema: pa.Schema, name: str) -> str:
    index = schema.get_field_index(name)
    if index >= 0 and pa.types.is_binary(schema.field(index).type):
        return f"coalesce(try(decode({expression})), CAST({expression} AS VARCHAR))"
    return expression


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def _timestamp(time: datetime) -> str:
    return f"TIMESTAMPTZ '{_utc(time):%Y-%m-%d %H:%M:%S.%f}+00'"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
