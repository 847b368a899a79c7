"""Writer of the request log: takes records from the request path, and appends them to an open segment by a thread."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.shared.errors import UsageError
from serving.request_log.frames import frame
from serving.request_log.hidden_columns import HiddenColumns
from serving.request_log.layout import Layout
from serving.request_log.maintenance import Maintenance
from serving.request_log.record_batches import record_batches
from serving.request_log.records import Records
from serving.request_log.row_queue import Entry, Receipt, RowQueue
from serving.request_log.sampling import is_sampled
from serving.request_log.segment import Segment
from serving.request_log.settings import LogSettings

_LOG = logging.getLogger(__name__)

TAKEN_ROWS = 1024
"""Maximum number of rows that are converted and flushed together."""

DROP_REASONS = ("queue_full", "disk", "invalid", "closed")
"""Keys of Statistics.dropped."""

_EMPTY = pa.schema([])


@dataclass(frozen=True)
class Statistics:
    """Counts of rows since the writer started; for metrics and tests.

    appended = written + dropped + queued + those that are being written. `dropped` by reason: "queue_full" (the disk is
    slower than the requests), "disk" (full or failing), "invalid" (columns of unequal length, types that cannot be
    logged), "closed" (after `close`).
    """

    appended: int
    written: int
    dropped: dict[str, int]
    sampled_out: int
    queued_rows: int
    queued_bytes: int
    disk_failing: bool


class RequestLogWriter:
    """Appends to the request log of one dataset; one writer for each dataset and process.

    Create it after a fork: the writing thread and the lock of the segment belong to the process that created it.
    `append` may be called by several threads.
    """

    def __init__(self, folder: Path, settings: LogSettings) -> None:
        """Starts the writing thread.

        Args:
          folder: <root>/<dataset>/requests.
          settings: Settings.

        Raises:
          ConfigError: The key of hashed columns cannot be used.
          UsageError: The folder cannot be written, or its file system has no locks.
        """
        self._settings = settings
        self._hidden = HiddenColumns.of(settings)
        self._layout = Layout(folder)
        self._queue = RowQueue(settings.queue_rows, settings.queue_bytes)
        self._wake_at = 1 if settings.synchronous else settings.every_rows
        self._counting = threading.Lock()
        self._counts: Counter[str] = Counter()  # "appended", "written", "sampled_out"
        self._dropped: Counter[str] = Counter()
        self._recorded: Counter[str] = Counter()  # what frames on disk say about rows that were not logged
        self._failing = False
        try:
            self._segment: Segment | None = Segment(self._layout)
        except OSError as exc:
            raise UsageError(
                f"{folder}: the request log cannot be written ({exc.strerror}); give another --root, or set "
                "[request_log] sample = 0"
            ) from exc
        self._hour = _hour()
        # Arrow imports pandas when it first converts an array: now, not while the first requests are answered.
        record_batches([Records("", 0, "live", "", 0, 0.0, features={"": np.zeros(1)})], self._hidden)
        self._maintenance = Maintenance(self._layout, settings)
        self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
        self._thread.start()
        self._maintenance.start()

    def append(self, records: Records) -> Receipt | None:
        """Queues records; neither waits nor raises. Rows that cannot be queued are dropped and counted.

        Returns:
          With [request_log] synchronous, a future that resolves to True when the rows are on disk and to False when
          they were dropped; None otherwise, or if the request is not in the sample.
        """
        receipt = Receipt() if self._settings.synchronous else None
        try:
            rows, size = len(records), records.nbytes()
            single = isinstance(records.request_id, str)
        except Exception:  # whatever the caller passed: the answer must not fail because of the log
            rows, size, single = 1, -1, False
        if single and not is_sampled(records.request_id, self._settings.sample):  # type: ignore[arg-type]
            with self._counting:
                self._counts["sampled_out"] += rows
            return None
        with self._counting:
            self._counts["appended"] += rows
        reason = "invalid" if size < 0 else self._queue.put(Entry(records, rows, size, receipt), self._wake_at)
        if reason:
            self._drop(reason, rows)
            if receipt:
                receipt.set_result(False)
        return receipt

    def statistics(self) -> Statistics:
        """Counts since the start."""
        rows, size = self._queue.size()
        with self._counting:
            counts, dropped = dict(self._counts), dict(self._dropped)
        return Statistics(
            counts.get("appended", 0),
            counts.get("written", 0),
            dropped,
            counts.get("sampled_out", 0),
            rows,
            size,
            self._failing,
        )

    def close(self, timeout: float = 30.0) -> None:
        """Writes what is queued, and seals the segment; later rows are dropped and counted.

        Args:
          timeout: Maximum seconds to wait. What is not written then can still be written until the process ends; a
            segment that is not sealed is sealed by the next process that runs on this log.
        """
        deadline = time.monotonic() + timeout
        self._queue.close()
        self._thread.join(timeout)
        self._maintenance.stop(max(0.0, deadline - time.monotonic()))

    def _drop(self, reason: str, rows: int) -> None:
        with self._counting:
            self._dropped[reason] += rows

    def _run(self) -> None:
        is_open = True
        while is_open:
            is_open = self._queue.wait(self._wake_at, self._settings.every_seconds)
            while entries := self._queue.take(TAKEN_ROWS):
                try:
                    self._write(entries)
                except Exception:  # a defect of the log must not end it
                    _LOG.exception("request log: %d records were dropped", len(entries))
                    self._drop("invalid", sum(entry.rows for entry in entries))
                    _resolve(entries, False)
                self._end_segment(if_due=True)
                if is_open:
                    break  # rows that came meanwhile wait for more: a frame of 30 rows costs as much as one of 1,000
            self._end_segment(if_due=is_open)

    def _write(self, entries: Sequence[Entry]) -> None:
        kept = [sampled for entry in entries if (sampled := self._sampled(entry))]
        batches, refused = record_batches(kept, self._hidden)
        invalid = {id(records) for records in refused}
        if invalid:
            self._drop("invalid", sum(entry.rows for entry in entries if id(entry.records) in invalid))
            _LOG.warning("request log: %d records have columns that cannot be logged; dropped", len(invalid))
        is_written = self._flush(batches)
        for entry in entries:
            _resolve([entry], is_written and id(entry.records) not in invalid)

    def _sampled(self, entry: Entry) -> Records | None:
        """The rows of a micro-batch that are in the sample; a single request's were chosen when it was appended."""
        ids = entry.records.request_id
        if isinstance(ids, str) or self._settings.sample >= 1.0:
            return entry.records
        mask = np.fromiter((is_sampled(one, self._settings.sample) for one in ids), bool, len(ids))
        with self._counting:
            self._counts["sampled_out"] += int(len(mask) - mask.sum())
            self._counts["appended"] -= int(len(mask) - mask.sum())
        return entry.records.of_rows(mask) if mask.any() else None

    def _flush(self, batches: Sequence[pa.RecordBatch]) -> bool:
        """Appends batches to the segment; returns whether they are on disk."""
        rows = sum(batch.num_rows for batch in batches)
        with self._counting:
            not_logged = self._dropped + Counter(sampled_out=self._counts["sampled_out"])
        news = not_logged - self._recorded
        if not batches and not news:
            return True
        try:
            if self._segment is None:
                self._segment, self._hour = Segment(self._layout), _hour()
            frames = [
                frame(self._segment.marker, self._segment.frames + number, batch.schema, [batch], {})
                for number, batch in enumerate(batches)
            ]
            if news:
                frames.append(frame(self._segment.marker, self._segment.frames + len(frames), _EMPTY, [], news))
            self._segment.append(frames)
        except OSError as exc:
            self._drop("disk", rows)
            if not self._failing:
                _LOG.error("request log: %s; rows are dropped until it can be written again", exc)
            self._failing = True
            if self._segment is not None and self._segment.is_broken:
                self._segment.close()
                self._segment = None
            return False
        if self._failing:
            _LOG.warning("request log: can be written again")
        self._failing = False
        self._recorded = not_logged
        with self._counting:
            self._counts["written"] += rows
        return True

    def _end_segment(self, *, if_due: bool) -> None:
        """Closes the segment if its hour has ended or it is large, or in any case; then it is sealed."""
        segment = self._segment
        if segment is None:
            return
        if if_due and not (segment.size and (segment.size >= self._settings.segment_bytes or _hour() != self._hour)):
            return
        self._flush([])  # the counts of rows that were not logged
        if self._segment is not None:  # None if the disk failed meanwhile
            self._segment.close()
            self._segment = None
        self._maintenance.wake()


def _resolve(entries: Sequence[Entry], is_written: bool) -> None:
    for entry in entries:
        if entry.receipt:
            with suppress(InvalidStateError):  # cancelled: the client did not wait
                entry.receipt.set_result(is_written)


def _hour() -> int:
    return int(time.time() // 3600)
