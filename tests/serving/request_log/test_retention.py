import json
import os
from pathlib import Path

from serving.request_log.layout import Layout
from serving.request_log.retention import apply_retention
from serving.request_log.settings import LogSettings
from serving.request_log.status import log_status
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import HOUR, NOON, ids, request

FOREVER = LogSettings(keep_days=0)
DAY = 86_400
NOW = NOON / 1e6


def a_log(folder: Path, *hours: int) -> Layout:
    writer = RequestLogWriter(folder, FOREVER)
    for hour in hours:
        writer.append(request(f"{hour}", time=NOON + hour * HOUR))
    writer.close()
    for path in folder.rglob("*.*"):
        os.utime(path, (NOW - 10 * DAY, NOW - 10 * DAY))
    return Layout(folder)


def test_old_files_are_deleted_and_recorded(tmp_path: Path):
    layout = a_log(tmp_path, -73, -50, -24, 0)
    removed = apply_retention(layout, LogSettings(keep_days=2), NOW)
    assert [name.split("/")[0] for name in removed if name.startswith("hour")] == [
        "hour=2026-11-26T11",
        "hour=2026-11-27T10",
    ]
    assert ids(tmp_path) == [("-24", 0), ("0", 0)]
    assert not (tmp_path / "hour=2026-11-26T11").exists()
    (record,) = (json.loads(path.read_text()) for path in layout.removed.iterdir())
    assert record["time"] == NOON and record["bytes"] > 0 and len(record["files"]) == 2
    assert log_status(tmp_path).removed_files == 2
    assert apply_retention(layout, LogSettings(keep_days=2), NOW) == []


def test_an_hour_is_kept_until_its_end_is_too_old(tmp_path: Path):
    layout = a_log(tmp_path, -25, -24)
    assert len(apply_retention(layout, LogSettings(keep_days=1), NOW - 1)) == 1  # the journal record
    assert len(ids(tmp_path)) == 2
    apply_retention(layout, LogSettings(keep_days=1), NOW)
    assert ids(tmp_path) == [("-24", 0)]


def test_the_oldest_are_deleted_until_the_size_fits(tmp_path: Path):
    layout = a_log(tmp_path, 0, 1, 2, 3)
    size = max(file.path.stat().st_size for file in layout.sealed_files())
    apply_retention(layout, LogSettings(keep_days=0, keep_bytes=2 * size), NOW)
    assert ids(tmp_path) == [("2", 0), ("3", 0)]
    assert apply_retention(layout, FOREVER, NOW + 10**9) == []


def test_rows_that_a_wrong_clock_dated_are_kept_as_long_as_others(tmp_path: Path):
    layout = a_log(tmp_path, -24 * 365 * 50)
    (file,) = layout.sealed_files()
    os.utime(file.path, (NOW - DAY, NOW - DAY))
    apply_retention(layout, LogSettings(keep_days=2), NOW)
    assert len(ids(tmp_path)) == 1
    apply_retention(layout, LogSettings(keep_days=2), NOW + 2 * DAY)
    assert ids(tmp_path) == []


def test_files_of_a_segment_that_is_not_sealed_yet_are_kept(tmp_path: Path):
    layout = a_log(tmp_path, -73)
    (file,) = layout.sealed_files()
    (layout.open / f"{file.segment}.segment").write_bytes(b"")
    apply_retention(layout, LogSettings(keep_days=1), NOW)
    assert file.path.exists()
