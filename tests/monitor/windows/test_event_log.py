"""Event times in the request log: the event clock, and what a window reads of the files."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitor.windows.bounds import Bounds
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.event_log import EventLog
from monitor.windows.settings import WindowSettings
from serving.request_log.event_ranges import may_overlap
from serving.request_log.feedback import Origin, import_labels
from serving.request_log.layout import Layout
from serving.request_log.reading import RequestLog
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import HOUR, NOON, request

AT_NOON = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
YEAR = 365 * 24 * HOUR
DATASET = MonitoredDataset("flights", "binary", "late", {"carrier": "string", "distance": "float64"})


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """Ten requests of last year, one an hour of event time, logged within ten microseconds; one shadow; one failed."""
    writer = RequestLogWriter(tmp_path, LogSettings())
    for number in range(10):
        writer.append(replace(request(f"r{number}", 2, time=NOON + number), event_time=NOON - YEAR + number * HOUR))
    writer.append(replace(request("shadow", label="shadow"), event_time=NOON - YEAR))
    writer.append(replace(request("failed", status=500), event_time=NOON - YEAR))
    writer.close()
    return event_log(tmp_path)


def event_log(folder: Path, **settings: int) -> EventLog:
    return EventLog(RequestLog(folder), DATASET, WindowSettings(**settings))  # type: ignore[arg-type]


def test_a_replay_moves_the_event_clock_by_its_own_times(log: EventLog):
    found = log.clock(AT_NOON + timedelta(hours=1))
    assert found.first == AT_NOON - timedelta(days=365)
    newest = AT_NOON - timedelta(days=365) + timedelta(hours=9)
    assert found.clock == newest + timedelta(hours=1) - timedelta(microseconds=9)


def test_live_requests_move_the_event_clock_with_the_present(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    writer.append(request("one"))
    writer.append(request("from the future", time=NOON + YEAR))
    writer.close()
    found = event_log(tmp_path).clock(AT_NOON + timedelta(days=2))
    assert (found.first, found.clock, found.future) == (AT_NOON, AT_NOON + timedelta(days=2), 1)


def test_a_log_without_rows(tmp_path: Path):
    found = event_log(tmp_path).clock(AT_NOON)
    assert (found.first, found.clock, found.future) == (None, AT_NOON, 0)
    data = event_log(tmp_path).read(Bounds(1, AT_NOON, AT_NOON + timedelta(days=1)))
    assert (data.window.rows, len(data.features()), data.scores().shape) == (0, 0, (0,))
    assert data.features().schema == pa.schema({"carrier": pa.string(), "distance": pa.float64()})


def test_a_window_has_its_rows_and_exact_counts_beside_a_sample(log: EventLog, tmp_path: Path):
    start = AT_NOON - timedelta(days=365)
    data = log.read(Bounds(1, start, start + timedelta(hours=3)))
    assert (data.window.rows, data.window.requests, data.window.versions) == (6, 4, {3: 6})
    assert data.table["request_id"].to_pylist() == ["r0", "r0", "r1", "r1", "r2", "r2"]
    assert data.features().to_pylist()[0] == {"carrier": "AA", "distance": 0.0}
    assert data.scores(3).tolist() == [0.25] * 6
    assert data.traffic[3].server_errors == 1
    few = event_log(tmp_path, sample_rows=4).read(Bounds(1, start, start + timedelta(hours=3)))
    assert (few.window.rows, len(few.table)) == (6, 4)
    assert few.table.equals(event_log(tmp_path, sample_rows=4).read(Bounds(1, start, start + timedelta(hours=3))).table)


def test_labels_are_targets_and_their_delay_is_that_of_the_event(log: EventLog, tmp_path: Path):
    start = AT_NOON - timedelta(days=365)
    batch = pa.RecordBatch.from_pydict(
        {
            "request_id": ["r0", "r1"],
            "row": pa.nulls(2, pa.int32()),
            "target": ["1", "what"],
            "label_time": pa.array([start + timedelta(hours=2)] * 2, pa.timestamp("us", tz="UTC")),
        }
    )
    import_labels(tmp_path, [batch], Origin("labels.csv", "", "me"))
    data = log.read(Bounds(1, start, start + timedelta(hours=3)))
    values, mask = data.targets()
    assert mask.tolist() == [True, True, False, False, False, False]  # "what" is no number
    assert values[:2].tolist() == [1.0, 1.0]
    assert np.isnan(values[2:]).all()
    assert data.window.labelled == 4
    curve = log.label_delay(start, start + timedelta(hours=10))
    assert curve.quantile(1.0) == 7200  # of r0; r1's came an hour after its event
    assert curve.times.tolist() == [3600, 7200]


def test_files_without_a_row_of_the_window_are_not_read(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    writer.append(replace(request("old", time=NOON), event_time=NOON - YEAR))
    writer.append(request("new", time=NOON + HOUR))
    writer.close()
    old, new = (file.path for file in Layout(tmp_path).sealed_files())
    last_year = AT_NOON - timedelta(days=365)
    assert may_overlap(old, last_year, last_year + timedelta(hours=1))
    assert not may_overlap(old, AT_NOON, None)
    assert not may_overlap(new, None, AT_NOON)
    assert may_overlap(new, AT_NOON, None)
    assert may_overlap(new, None, None)
