"""Import of labels that arrive after the answers (`plumbline feedback`), joined by request id."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.file_lock import locked
from components.shared.files import sync
from serving.request_log.labels import EVERY_ROW, Import, import_files, labels_sql
from serving.request_log.layout import PARQUET, Layout
from serving.request_log.reading import RequestLog
from serving.request_log.record_batches import TIME


@dataclass(frozen=True)
class Origin:
    """Where labels come from: the name and SHA-256 of the file, and the user who imports it."""

    file: str
    sha256: str
    user: str


def import_labels(folder: Path, batches: Iterable[pa.RecordBatch], origin: Origin) -> Import:
    """Imports labels, all of them or none; a row that had a label gets the new one.

    Args:
      folder: Folder of the log.
      batches: Columns `request_id` (string), `row` (int32; null is every row of the request), `target` (null is no
        label: the row is left out) and optionally `label_time` (when the label became known). Of several rows for one
        row of the log, the last one counts.
      origin: Source of the labels.

    Returns:
      The record of the import.

    Raises:
      OSError: The disk is full or fails; nothing was imported.
    """
    layout = Layout(folder)
    with locked(layout.feedback / ".lock"), RequestLog(folder).relation() as log:
        connection = log.connection
        files = import_files(layout)
        sequence = int(files[-1].stem) + 1 if files else 1
        counter = _Counter(batches)
        connection.register("arriving", counter.reader())
        try:
            connection.execute("CREATE TEMP TABLE arrived AS SELECT * FROM arriving")
        except Exception:
            if counter.error is not None:  # what the file's reader said, without DuckDB's words around it
                raise counter.error from None
            raise
        connection.execute(
            'CREATE TEMP TABLE given AS SELECT request_id, "row", newest.target AS target, newest.label_time AS '
            'label_time FROM (SELECT request_id, "row", arg_max({target: target, label_time: label_time}, n) AS newest '
            'FROM arrived GROUP BY request_id, "row")'
        )
        rows = _number(connection, "SELECT count(*) FROM given")
        request, row = log.column("request_id"), log.column("row")
        matched = _number(
            connection,
            f'WITH logged AS (SELECT DISTINCT {request} AS request_id, {row} AS "row" FROM ({log.sql})) '
            'SELECT count(*) FROM given WHERE CASE WHEN given."row" < 0 '
            "THEN request_id IN (SELECT request_id FROM logged) "
            'ELSE (request_id, "row") IN (SELECT (request_id, "row") FROM logged) END',
        )
        connection.execute(f"CREATE TEMP TABLE labels AS {labels_sql(layout)}")
        changed = _number(connection, _CHANGED)
        record = Import(
            sequence=sequence,
            time=time.time_ns() // 1000,
            user=origin.user,
            file=origin.file,
            sha256=origin.sha256,
            rows=rows,
            matched=matched,
            unmatched=rows - matched,
            changed=changed,
            repeated=counter.labelled - rows,
            missing=counter.missing,
        )
        given = connection.sql('SELECT request_id, "row", target, label_time FROM given ORDER BY request_id, "row"')
        _write(layout.feedback / f"{sequence:08}{PARQUET}", given.to_arrow_reader(1 << 16), record)
    return record


_CHANGED = f"""
SELECT count(DISTINCT (given.request_id, given."row")) FROM given
JOIN labels ON labels.request_id = given.request_id
LEFT JOIN labels whole ON whole.request_id = given.request_id AND whole."row" = {EVERY_ROW}
LEFT JOIN labels own ON own.request_id = given.request_id AND own."row" = given."row"
WHERE CAST(labels.target AS VARCHAR) <> CAST(given.target AS VARCHAR)
  AND labels.sequence >= coalesce(whole.sequence, 0) AND labels.sequence >= coalesce(own.sequence, 0)
  AND (given."row" = {EVERY_ROW} OR labels."row" IN (given."row", {EVERY_ROW}))
"""
"""Labels that replace another one that is in force: of the row, or of any row of the request."""


class _Counter:
    """The labelled rows of batches, numbered in order; counts them while they are read."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self.labelled = self.missing = 0
        self.error: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        first = next(self._batches, None)
        target = pa.string() if first is None else first.schema.field("target").type
        schema = pa.schema(
            {"request_id": pa.string(), "row": pa.int32(), "target": target, "label_time": TIME, "n": pa.int64()}
        )
        return pa.RecordBatchReader.from_batches(schema, self._numbered(first, schema))

    def _numbered(self, first: pa.RecordBatch | None, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        batch = first
        while batch is not None:
            labelled = batch.filter(batch.column("target").is_valid())
            self.missing += batch.num_rows - labelled.num_rows
            numbers = pa.array(range(self.labelled, self.labelled + labelled.num_rows), pa.int64())
            self.labelled += labelled.num_rows
            row = labelled.column("row").fill_null(EVERY_ROW)
            known = (
                labelled.column("label_time").cast(TIME)
                if "label_time" in labelled.schema.names
                else pa.nulls(labelled.num_rows, TIME)
            )
            columns = [labelled.column("request_id"), row, labelled.column("target"), known, numbers]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            try:
                batch = next(self._batches, None)
            except Exception as exc:
                self.error = exc
                raise


def _number(connection: object, sql: str) -> int:
    ((number,),) = connection.execute(sql).fetchall()  # type: ignore[attr-defined]
    return int(number)


def _write(path: Path, reader: pa.RecordBatchReader, record: Import) -> None:
    temporary = path.with_name(f".{path.name}.tmp")  # of the holder of the lock alone
    try:
        schema = reader.schema.with_metadata(record.to_metadata())
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))
        sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)
