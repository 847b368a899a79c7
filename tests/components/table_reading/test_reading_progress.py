"""Estimates of the share of files that has been read."""

import pyarrow as pa
import pyarrow.csv
import pytest

from components.shared import progress
from components.shared.progress import latest_progress
from components.table_reading.reading_progress import ReadingProgress
from components.table_reading.spans import SpanFile


@pytest.fixture
def done(monkeypatch):
    """What was reported: (text, done, total)."""
    found = []
    monkeypatch.setattr("components.table_reading.reading_progress.report_progress", lambda *told: found.append(told))
    return found


def spans(*paths_and_sizes):
    return [SpanFile(at, path, path, size, 0) for at, (path, size) in enumerate(paths_and_sizes)]


def test_bytes_of_a_text_file_are_those_of_its_cells_and_separators(tmp_path, done):
    path = tmp_path / "a.csv"
    path.write_text("name,city\n" + "".join(f"person {n},town {n % 7}\n" for n in range(5000)))
    reading = ReadingProgress(spans(("a.csv", path.stat().st_size), ("b.csv", 1000)))
    strings = pyarrow.csv.ConvertOptions(column_types={"name": pa.string(), "city": pa.string()})
    for batch in pyarrow.csv.open_csv(path, pyarrow.csv.ReadOptions(block_size=20_000), convert_options=strings):
        reading.add(0, batch, is_text=True)
    assert len(done) > 3
    assert done[-1][0] == "5,000 rows read, file 1 of 2"
    assert done[-1][1] == pytest.approx(path.stat().st_size, rel=0.01)
    assert {total for _, _, total in done} == {path.stat().st_size + 1000}


@pytest.mark.parametrize(("path", "is_text"), [("a.csv.GZ", True), ("a.parquet", False)])
def test_other_files_count_when_they_have_been_read(done, path, is_text):
    batch = pa.RecordBatch.from_pydict({"x": ["long text"] * 10})
    reading = ReadingProgress(spans((path, 40), (path, 60)))
    reading.add(0, batch, is_text)
    reading.add(1, batch, is_text)
    assert [(share, total) for _, share, total in done] == [(0, 100), (40, 100)]


def test_a_time_left_is_shown(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    reading = ReadingProgress(spans(("a.csv", 1000)))
    batch = pa.RecordBatch.from_pydict({"x": ["abcd"] * 50})  # 5 bytes a row
    for _ in range(2):
        reading.add(0, batch, is_text=True)
        now[0] += 10
    assert latest_progress().startswith("100 rows read, file 1 of 1, about ")
    progress.report_progress("")
