"""Times that clients give: when a request's event happened, and when a label became known."""

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.errors import InputError
from serving.errors import ServingError
from serving.request_keys import event_time
from serving.request_log.feedback import Origin, import_labels
from serving.request_log.layout import Layout
from serving.request_log.reading import RequestLog
from serving.request_log.records import NO_EVENT_TIME
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import HOUR, NOON, logged, request

AT_NOON = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-29T12:00:00Z",
        "2026-11-29T12:00",
        "2026-11-29 13:00:00+01:00",
        "2026-11-29T12:00:00.000000",
        str(NOON),
    ],
)
def test_event_times_are_iso_8601_or_microseconds(given: str):
    assert event_time("x-event-time", given) == NOON


@pytest.mark.parametrize("given", ["", "noon", "2026-13-01", "1e9", "9" * 30, "12:00", "2026-11-29T12:00Q", "-"])
def test_another_event_time_is_refused_with_the_header_and_what_is_legal(given: str):
    with pytest.raises(ServingError, match=r"^x-event-time: .* is no time; send ISO 8601 such as 2026-11-29T12:00:00Z"):
        event_time("x-event-time", given)


def test_rows_with_and_without_an_event_time_are_read_from_segments_and_sealed_files(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    writer.append(request("none"))
    writer.append(replace(request("one", rows=2), event_time=NOON - HOUR))
    several = replace(request("a", rows=2), request_id=["several", "other"], row=np.zeros(2, np.int32))
    writer.append(replace(several, event_time=np.array([NO_EVENT_TIME, NOON - 2 * HOUR])))
    writer.append(request("last"))
    writer.close()
    expected = {"none": None, "one": NOON - HOUR, "several": None, "other": NOON - 2 * HOUR, "last": None}
    found = logged(tmp_path, "request_id", "event_time")
    assert {
        row["request_id"]: row["event_time"] and int(row["event_time"].timestamp() * 1e6) for row in found
    } == expected
    assert len(found) == 6


def test_files_of_a_log_without_event_times_are_read(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    writer.append(request("old"))
    writer.close()
    (file,) = Layout(tmp_path).sealed_files()
    assert "event_time" not in pq.read_schema(file.path).names  # as before the column existed
    assert logged(tmp_path, "request_id", "event_time") == [{"request_id": "old", "event_time": None}]


def test_the_label_time_of_a_file_is_the_time_of_the_label(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    for name in ("said", "unsaid", "changed"):
        writer.append(request(name))
    writer.close()
    zone = pa.timestamp("us", tz="UTC")
    first = pa.RecordBatch.from_pydict(
        {
            "request_id": ["said", "unsaid", "changed"],
            "row": pa.nulls(3, pa.int32()),
            "target": ["1", "0", "0"],
            "label_time": pa.array([AT_NOON, None, AT_NOON], zone),
        }
    )
    import_labels(tmp_path, [first], Origin("a.csv", "", "me"))
    second = pa.RecordBatch.from_pydict({"request_id": ["changed"], "row": pa.nulls(1, pa.int32()), "target": ["1"]})
    record = import_labels(tmp_path, [second], Origin("b.csv", "", "me"))
    rows = {row["request_id"]: row for row in logged(tmp_path, "request_id", "target", "target_time")}
    assert record.changed == 1
    assert rows["said"]["target_time"] == AT_NOON
    assert rows["unsaid"]["target_time"] > AT_NOON.replace(year=2020)
    assert (rows["changed"]["target"], int(rows["changed"]["target_time"].timestamp() * 1e6)) == ("1", record.time)


def test_a_log_of_a_newer_version_is_refused_in_one_line(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    writer.append(request("one"))
    writer.close()
    (file,) = Layout(tmp_path).sealed_files()
    table = pq.read_table(file.path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({"request_log": "2"}), file.path)
    with pytest.raises(InputError, match="was written by a newer version of Plumbline .request log schema 2, this one"):
        list(RequestLog(tmp_path).read())
