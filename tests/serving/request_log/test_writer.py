import logging
import shutil
import time
from concurrent.futures import wait
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from components.shared.errors import ConfigError, UsageError
from serving.request_log.hidden_columns import HiddenColumns
from serving.request_log.record_batches import record_batches
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import HOUR, NOON, ids, logged, request

SYNCHRONOUS = LogSettings(synchronous=True)


def until(happened) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_rows_are_read_from_the_open_segment_and_after_sealing(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, SYNCHRONOUS)
    assert writer.append(request("b", 2)).result(60)
    assert writer.append(request("a", time=NOON + HOUR, version=4, label="canary")).result(60)
    before = logged(tmp_path)
    assert list(tmp_path.glob("open/*.segment")) and not list(tmp_path.glob("hour=*"))
    writer.close()
    assert not list(tmp_path.glob("open/*"))
    assert logged(tmp_path) == before
    assert before[0] == {
        "request_id": "a",
        "row": 0,
        "time": before[0]["time"],
        "model": "flights",
        "version": 4,
        "label": "canary",
        "status": 200,
        "latency": 0.002,
        "event_time": None,
        "feature_carrier": b"AA",
        "feature_distance": 0.0,
        "feature_flight": 2**53 + 1,
        "output_probability": 0.25,
        "target": None,
        "target_time": None,
    }
    assert before[0]["time"].isoformat() == "2026-11-29T13:00:00+00:00"
    assert [(row["request_id"], row["row"], row["feature_distance"]) for row in before[1:]] == [
        ("b", 0, 0.0),
        ("b", 1, 100.0),
    ]
    names = sorted(str(path.relative_to(tmp_path).parent) for path in tmp_path.glob("hour=*/*/*.parquet"))
    assert names == ["hour=2026-11-29T12/version=3", "hour=2026-11-29T13/version=4"]
    assert pq.read_table(next(tmp_path.glob("hour=2026-11-29T12/*/*"))).num_rows == 2  # as any Parquet reader does


def test_a_batch_of_several_requests_and_failed_requests(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    several = Records(
        model="flights",
        version=3,
        label="live",
        request_id=["a", "b", "b"],
        row=np.array([0, 0, 1], np.int32),
        time=np.array([NOON, NOON + 1, NOON + 1]),
        latency=np.array([0.1, 0.2, 0.2]),
        status=np.array([200, 500, 500]),
        features={"x": np.array([1.0, 2.0, 3.0])},
    )
    writer.append(several)
    writer.append(Records("flights", 3, "live", "refused", NOON, 0.001, status=400))
    writer.close()
    found = logged(tmp_path, "request_id", "row", "latency", "status", "feature_x")
    assert [tuple(row.values()) for row in found] == [
        ("a", 0, 0.1, 200, 1.0),
        ("b", 0, 0.2, 500, 2.0),
        ("b", 1, 0.2, 500, 3.0),
        ("refused", 0, 0.001, 400, None),
    ]


@pytest.mark.parametrize("synchronous", [False, True])
def test_a_full_queue_drops_and_counts(tmp_path: Path, synchronous: bool):
    writer = RequestLogWriter(tmp_path, LogSettings(queue_rows=10, every_seconds=3600, synchronous=synchronous))
    receipts = [writer.append(request("large", 11)), writer.append(request("small", 10))]
    assert writer.statistics().dropped == {"queue_full": 11}
    writer.close()
    assert not synchronous or [receipt.result(60) for receipt in receipts] == [False, True]
    after = writer.append(request("late"))
    assert not synchronous or after.result(60) is False
    found = writer.statistics()
    assert found.dropped == {"queue_full": 11, "closed": 1}
    assert (found.appended, found.written, found.queued_rows) == (22, 10, 0)
    assert len(ids(tmp_path)) == 10


def test_the_queue_is_bounded_in_bytes(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings(queue_bytes=100_000, every_seconds=3600))
    text = np.array([b"x" * 100_000], object)
    writer.append(Records("flights", 3, "live", "large", NOON, 0.1, features={"text": text}))
    writer.append(request("small"))
    assert writer.statistics().dropped == {"queue_full": 1}
    writer.close()
    assert ids(tmp_path) == [("small", 0)]


def test_rows_are_written_when_enough_are_queued_or_the_time_is_over(tmp_path: Path):
    by_rows = RequestLogWriter(tmp_path / "rows", LogSettings(every_rows=3, every_seconds=3600))
    for number in range(3):
        by_rows.append(request(str(number)))
    until(lambda: by_rows.statistics().written == 3)
    by_time = RequestLogWriter(tmp_path / "time", LogSettings(every_rows=10**6, every_seconds=0.05))
    by_time.append(request("0"))
    until(lambda: by_time.statistics().written == 1)
    by_rows.close()
    by_time.close()


def test_what_cannot_be_logged_is_dropped_alone(tmp_path: Path, caplog):
    writer = RequestLogWriter(tmp_path, LogSettings(synchronous=True, every_rows=100))
    unequal = {"carrier": np.array([b"AA"], object), "distance": np.zeros(2)}
    bad = [
        Records("flights", 3, "live", "complex", NOON, 0.1, features={"distance": np.array([1j])}),
        Records("flights", 3, "live", "unequal", NOON, 0.1, features=unequal),
        Records("flights", 3, "neither", "label", NOON, 0.1),  # type: ignore[arg-type]
        Records("flights", 3, "live", None, NOON, 0.1),  # type: ignore[arg-type]
        Records("flights", 3, "live", "no array", NOON, 0.1, features={"x": 3}),  # type: ignore[dict-item]
    ]
    with caplog.at_level(logging.WARNING):
        receipts = [writer.append(record) for record in (request("a"), *bad, request("b"))]
        wait(receipts, 60)
    assert [receipt.result() for receipt in receipts] == [True, *[False] * len(bad), True]
    writer.close()
    assert ids(tmp_path) == [("a", 0), ("b", 0)]
    assert writer.statistics().dropped == {"invalid": 5}


def test_types_that_differ_between_requests_keep_their_values(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings())
    large = 2**53 + 1
    for number, values in enumerate([np.array([large]), np.array([0.5], np.float32), np.array([b"n/a"], object)]):
        writer.append(Records("flights", number, "live", str(number), NOON, 0.1, features={"x": values}))
    assert len(record_batches([], HiddenColumns())[0]) == 0
    writer.close()
    assert [row["feature_x"] for row in logged(tmp_path)] == [str(large).encode(), b"0.5", b"n/a"]
    assert [row["feature_x"] for row in logged(tmp_path, versions=[0])] == [large]


def test_excluded_and_hashed_features(tmp_path: Path, monkeypatch):
    key = b"0123456789abcdef"
    (tmp_path / "key").write_bytes(key + b"\n")
    hidden = {"excluded": ("flight",), "hashed": ("carrier", "distance")}
    writer = RequestLogWriter(tmp_path / "log", LogSettings(hash_key_file=str(tmp_path / "key"), **hidden))
    writer.append(request("a", 2))
    writer.append(Records("flights", 3, "live", "null", NOON, 0.1, features={"carrier": np.array([None], object)}))
    writer.close()
    rows = logged(tmp_path / "log")
    assert "feature_flight" not in rows[0]
    assert rows[0]["feature_carrier"] == blake2b(b"AA", key=key, digest_size=16).hexdigest().encode()
    assert rows[1]["feature_distance"] == blake2b(b"100.0", key=key, digest_size=16).hexdigest().encode()
    assert rows[2]["feature_carrier"] is None
    monkeypatch.setenv("LOG_KEY", key.decode())
    assert LogSettings(hash_key_variable="LOG_KEY", **hidden).hash_key() == key
    for bad, message in [
        ({}, "needs a key; set hash_key_file or hash_key_variable"),
        ({"hash_key_file": str(tmp_path / "none")}, "none: cannot be read"),
        ({"hash_key_variable": "NO_SUCH_KEY"}, "NO_SUCH_KEY: is not set in the environment"),
    ]:
        with pytest.raises(ConfigError, match=message):
            RequestLogWriter(tmp_path / "other", LogSettings(**hidden, **bad))
    monkeypatch.setenv("LOG_KEY", "short")
    with pytest.raises(ConfigError, match="has 5 bytes; a key needs at least 16"):
        LogSettings(hash_key_variable="LOG_KEY", **hidden).hash_key()


def test_a_sample_keeps_whole_requests_and_shadow_pairs(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings(sample=0.5))
    names = [f"request {number}" for number in range(400)]
    for name in names:
        writer.append(request(name, 2))
    several = [name for name in names for _ in range(2)]  # the shadow answers micro-batches
    writer.append(
        Records("flights", 4, "shadow", several, NOON, 0.1, row=np.tile(np.array([0, 1], np.int32), 400), count=800)
    )
    writer.close()
    live, shadow = (ids(tmp_path, labels=[label]) for label in ("live", "shadow"))
    assert live == shadow
    assert 120 < len(live) / 2 < 280  # 8 standard deviations of Binomial(400, 0.5)
    assert {row for _, row in live} == {0, 1} and len(live) % 2 == 0
    assert writer.statistics().sampled_out == 1600 - len(live) - len(shadow)
    assert writer.statistics().written == writer.statistics().appended == len(live) + len(shadow)


def test_request_ids_are_data(tmp_path: Path):
    given_ids = ["../../etc/passwd", "/tmp/x", "a\0b", "", "'; DROP TABLE requests; --", "ü" * 500, "\ud800", "*?[a]"]
    writer = RequestLogWriter(tmp_path / "log", SYNCHRONOUS)
    assert all(writer.append(request(name)).result(60) for name in given_ids)
    writer.close()
    expected = sorted(name.encode("utf-8", "backslashreplace").decode() for name in given_ids)
    assert [name for name, _ in ids(tmp_path / "log")] == expected
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_clock_that_goes_back(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, SYNCHRONOUS)
    for number, moment in enumerate([NOON, NOON - 30 * HOUR, NOON + HOUR, 0, -1]):
        assert writer.append(request(str(number), time=moment)).result(60)
    writer.close()
    assert [name for name, _ in ids(tmp_path)] == ["0", "1", "2", "3", "4"]
    folders = sorted(path.name for path in tmp_path.glob("hour=*"))
    assert folders == [
        f"hour={hour}" for hour in ("1969-12-31T23", "1970-01-01T00", "2026-11-28T06", "2026-11-29T12", "2026-11-29T13")
    ]


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file/requests: the request log cannot be written \(Not a directory\)"):
        RequestLogWriter(tmp_path / "file" / "requests", LogSettings())


def test_a_client_that_does_not_wait(tmp_path: Path):
    """An asyncio task that is cancelled cancels the future that it waits for."""
    writer = RequestLogWriter(tmp_path, LogSettings(synchronous=True, every_seconds=3600))
    for number in range(200):
        receipt = writer.append(request(str(number)))
        receipt.cancel()
    writer.close()
    assert writer.statistics().dropped == {} and writer.statistics().written == 200
    assert len(ids(tmp_path)) == 200


def test_a_log_that_is_deleted_while_it_is_written(tmp_path: Path, caplog):
    folder = tmp_path / "[a]*?"  # DuckDB reads no such path as a pattern
    writer = RequestLogWriter(folder, SYNCHRONOUS)
    assert writer.append(request("a")).result(60)
    shutil.rmtree(folder)
    with caplog.at_level(logging.WARNING):
        assert not writer.append(request("b")).result(60)
        assert writer.append(request("c")).result(60)
    assert "the open segment was deleted" in caplog.messages[0] and "again" in caplog.messages[1]
    writer.close()
    assert ids(folder) == [("c", 0)]
    assert writer.statistics().dropped == {"disk": 1}


def test_segments_end_when_they_are_large(tmp_path: Path):
    writer = RequestLogWriter(tmp_path, LogSettings(synchronous=True, segment_bytes=1))
    for number in range(3):
        assert writer.append(request(str(number))).result(60)
    writer.close()
    assert len(list(tmp_path.glob("hour=*/*/*.parquet"))) == 3
    assert len(ids(tmp_path)) == 3


ELEMENTS = {
    "f4": npst.arrays(np.float32, st.shared(npst.array_shapes(min_dims=1, max_dims=3, max_side=3), key="shape")),
    "f8": npst.arrays(np.float64, st.shared(npst.array_shapes(min_dims=1, max_dims=3, max_side=3), key="shape")),
    "i8": npst.arrays(np.int64, st.shared(npst.array_shapes(min_dims=1, max_dims=3, max_side=3), key="shape")),
    "b1": npst.arrays(np.bool_, st.shared(npst.array_shapes(min_dims=1, max_dims=3, max_side=3), key="shape")),
    "bytes": npst.arrays(
        object,
        st.shared(npst.array_shapes(min_dims=1, max_dims=3, max_side=3), key="shape"),
        elements=st.binary(max_size=8) | st.none(),
    ),
}


@settings(max_examples=40, deadline=None)
@given(
    columns=st.dictionaries(st.text(max_size=5), st.one_of(*ELEMENTS.values()), max_size=4),
    name=st.text(max_size=20),
    sealed=st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory, columns, name, sealed):
    folder = tmp_path_factory.mktemp("log")
    writer = RequestLogWriter(folder, SYNCHRONOUS)
    record = Records("m", 1, "live", name, NOON, 0.5, features=columns)
    assert writer.append(record).result(60)
    if sealed:
        writer.close()
    rows = logged(folder)
    writer.close()
    assert len(rows) == len(record)
    expected_id = name.encode("utf-8", "backslashreplace").decode()
    for number, row in enumerate(rows):
        assert (row["request_id"], row["row"]) == (expected_id, number)
        for column, array in columns.items():
            value = array[number]
            expected = value.ravel()[0] if getattr(value, "size", 1) == 1 and getattr(value, "ndim", 0) else value
            found = row[f"feature_{column}"]
            if isinstance(expected, (bytes, type(None))):
                assert found == expected
            else:
                assert np.array_equal(np.asarray(found, array.dtype), expected, equal_nan=array.dtype.kind == "f")
