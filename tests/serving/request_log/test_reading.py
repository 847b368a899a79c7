from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.shared.errors import InputError, UsageError
from serving.request_log.arrow_types import common_type
from serving.request_log.duckdb_sources import readable_names
from serving.request_log.feedback import Origin, import_labels
from serving.request_log.labels import imports
from serving.request_log.layout import Layout
from serving.request_log.reading import RequestLog
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.status import log_status
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import HOUR, NOON, ids, logged, request

AT_NOON = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sealed hours with two versions, and an open segment with a third."""
    writer = RequestLogWriter(tmp_path, LogSettings())
    for hour in range(3):
        writer.append(request(f"live {hour}", time=NOON + hour * HOUR))
        writer.append(request(f"canary {hour}", time=NOON + hour * HOUR + 1, version=4, label="canary"))
    writer.close()
    return tmp_path


def test_rows_are_chosen_by_time_version_and_label(folder: Path):
    after = AT_NOON + timedelta(hours=1)
    assert [name for name, _ in ids(folder, since=after)] == ["canary 1", "canary 2", "live 1", "live 2"]
    assert [name for name, _ in ids(folder, until=after)] == ["canary 0", "live 0"]
    microsecond = timedelta(microseconds=1)
    assert [name for name, _ in ids(folder, since=after + microsecond, until=after + 2 * microsecond)] == ["canary 1"]
    assert ids(folder, since=after.replace(tzinfo=None)) == ids(folder, since=after)
    elsewhere = after.astimezone(timezone(timedelta(hours=-5)))
    assert ids(folder, since=elsewhere) == ids(folder, since=after)
    assert [name for name, _ in ids(folder, versions=[3])] == ["live 0", "live 1", "live 2"]
    assert [name for name, _ in ids(folder, labels=["canary"], versions=[3, 4])] == [f"canary {n}" for n in range(3)]
    assert ids(folder, versions=[5]) == []


def test_an_empty_log(tmp_path: Path):
    assert ids(tmp_path / "none") == []
    (batch,) = RequestLog(tmp_path).query("SELECT count(*) AS n FROM requests")
    assert batch.to_pylist() == [{"n": 0}]
    assert log_status(tmp_path).arms == ()
    assert not list(tmp_path.iterdir())  # reading creates nothing


def test_unknown_columns_and_bad_queries(folder: Path):
    log = RequestLog(folder)
    with pytest.raises(UsageError, match="speed: no column of the request log; available: request_id, row, time, "):
        list(log.read(columns=["speed"]))
    for bad in ("SELECT speed FROM requests", "SELEC 1"):
        with pytest.raises(UsageError, match="the query"):
            list(log.query(bad))
    found = list(log.query("SELECT request_id FROM requests WHERE version = ? AND row = 0", parameters=[4]))
    assert sum(batch.num_rows for batch in found) == 3


def test_texts_are_decoded_where_they_are_texts(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    values = np.array(["café", b"\xff\xfe", "", None], object)
    names = {"a": values, "A": np.array([1, 2, 3, 4]), 'quoted "x"': values, "x; DROP TABLE": values}
    writer.append(Records("m", 1, "live", "r", NOON, 0.1, features=names))
    writer.close()
    (batch,) = RequestLog(tmp_path).query('SELECT feature_a, "feature_A_2", "feature_quoted ""x""" AS q FROM requests')
    shown = ["café", r"\xFF\xFE", "", None]
    assert batch.to_pydict() == {"feature_a": shown, "feature_A_2": [1, 2, 3, 4], "q": shown}
    assert [row["feature_x; DROP TABLE"] for row in logged(tmp_path)] == ["café".encode(), b"\xff\xfe", b"", None]


def test_names_that_differ_in_case_only():
    assert readable_names(["a", "A", "b", "a_2", "a"]) == ["a", "A_2", "b", "a_2_2", "a_3"]


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.int64(), pa.float32(), pa.float64()),
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.uint8(), pa.int8(), pa.int64()),
        (pa.uint64(), pa.int64(), pa.float64()),
        (pa.bool_(), pa.float32(), pa.float32()),
        (pa.bool_(), pa.int32(), pa.int32()),
        (pa.null(), pa.int32(), pa.int32()),
        (pa.string(), pa.binary(), pa.binary()),
        (pa.binary(), pa.float32(), pa.binary()),
        (pa.list_(pa.float32()), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.list_(pa.float32()), pa.float32(), pa.binary()),
    ],
)
def test_common_types(one: pa.DataType, other: pa.DataType, common: pa.DataType):
    assert common_type(one, other) == common_type(other, one) == common


def labels(*rows: tuple[str, int | None, int | None]) -> list[pa.RecordBatch]:
    schema = pa.schema({"request_id": pa.string(), "row": pa.int32(), "target": pa.int64()})
    names = schema.names
    return [pa.RecordBatch.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema)]


ORIGIN = Origin("labels.csv", "0" * 64, "ada")


def test_labels_arrive_with_their_time(folder: Path):
    record = import_labels(folder, labels(("live 0", 0, 1), ("later", None, 0)), ORIGIN)
    assert (record.rows, record.matched, record.unmatched) == (2, 1, 1)
    (row,) = logged(folder, "target", "target_time", versions=[3], until=AT_NOON + timedelta(hours=1))
    assert row["target"] == 1 and int(row["target_time"].timestamp() * 1e6) == record.time
    assert [one["target"] for one in logged(folder, "target", since=AT_NOON + timedelta(hours=1))] == [None] * 4
    assert imports(Layout(folder)) == [record]
    arms = {(arm.version, arm.label): (arm.rows, arm.labelled) for arm in log_status(folder).arms}
    assert arms == {(3, "live"): (3, 1), (4, "canary"): (3, 0)}


def test_imports_of_other_types_are_joined(folder: Path):
    """After the label's type was changed in the schema."""
    import_labels(folder, labels(("live 0", 0, 1), ("live 1", 0, 0)), ORIGIN)
    (batch,) = labels(("live 1", 0, 7))
    texts = batch.set_column(2, "target", pa.array(["late"]))
    import_labels(folder, [texts], ORIGIN)
    assert [row["target"] for row in logged(folder, "target", "request_id", versions=[3])] == [b"1", b"late", None]


def test_an_import_that_fails_changes_nothing(folder: Path):
    def broken():
        yield from labels(("live 0", 0, 1))
        raise InputError("row 2: no label")

    with pytest.raises(InputError, match="row 2: no label"):
        import_labels(folder, broken(), ORIGIN)
    assert imports(Layout(folder)) == []
    assert [path.name for path in (folder / "feedback").iterdir()] == [".lock"]


def test_a_damaged_import_is_named(folder: Path):
    import_labels(folder, labels(("live 0", 0, 1)), ORIGIN)
    (path,) = (folder / "feedback").glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"00000001.parquet: is damaged \(.*\); delete it and import its labels again"):
        ids(folder) and list(RequestLog(folder).read(columns=["target"]))
