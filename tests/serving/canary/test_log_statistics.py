"""Statistics of the arms from a request log that a writer has written, with labels that were imported later."""

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.registry.aliases import Aliases
from serving.canary.arm_statistics import LossSums, latency_bins
from serving.canary.log_statistics import Task, arms_from_log
from serving.request_log.feedback import Origin, import_labels
from serving.request_log.reading import RequestLog
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter

NOON = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
MICROS = int(NOON.timestamp()) * 1_000_000
ALIASES = Aliases("x", live=2, canary=3, share=0.1, key="k", since=NOON.isoformat())


def answered(id_: str, values, *, version=3, label="canary", output="probability", seconds=0.01, time=MICROS, **more):
    outputs = {output: np.asarray(values), **more}
    return Records("flights", version, label, id_, time, seconds, features={}, outputs=outputs)


def failed(id_: str, status: int, version=3, label="canary"):
    return Records("flights", version, label, id_, MICROS, 0.5, status)


def log_of(folder: Path, *records: Records) -> RequestLog:
    writer = RequestLogWriter(folder, LogSettings())
    for one in records:
        writer.append(one)
    writer.close()
    return RequestLog(folder)


def label(folder: Path, targets: dict[tuple[str, int], object]) -> None:
    ids, rows = zip(*targets, strict=True)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(ids), pa.array(rows, pa.int32()), pa.array(list(targets.values()))], ["request_id", "row", "target"]
    )
    import_labels(folder, [batch], Origin("labels.csv", "0" * 64, "me"))


def test_requests_errors_latencies_and_predictions(tmp_path):
    log = log_of(
        tmp_path,
        answered("a", [0.05, 0.15, 0.15]),  # one request of three rows
        answered("b", [0.95], seconds=0.02),
        failed("c", 503),
        failed("d", 400),
        answered("e", [0.5], version=2, label="live"),
        answered("before", [0.5], time=MICROS - 1),
        answered("shadow", [0.5], label="shadow"),
        answered("another", [0.5], version=1, label="live"),
    )
    live, canary = arms_from_log(log, ALIASES, Task("binary", "1"))
    assert (canary.requests, canary.errors, live.requests, live.errors) == (4, 1, 1, 0)
    assert np.flatnonzero(canary.latencies).tolist() == latency_bins(np.array([0.01, 0.02])).tolist()
    assert canary.predictions.tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    assert live.predictions.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert (canary.losses, live.losses) == (LossSums(), LossSums())


def test_latencies_of_live_are_those_of_the_baseline(tmp_path):
    """The baseline waits for other batches as often as the canary, the rest of live does not; all else counts both."""
    log = log_of(
        tmp_path,
        answered("a", [0.5], version=2, label="live", seconds=0.001),
        answered("b", [0.5], version=2, label="baseline", seconds=0.02),
        failed("c", 503, version=2, label="baseline"),
        answered("d", [0.5]),
        answered("e", [0.5], version=1, label="baseline"),
    )
    live, canary = arms_from_log(log, ALIASES, Task("binary", "1"))
    assert (live.requests, live.errors, int(live.predictions.sum()), canary.requests) == (3, 1, 2, 1)
    assert np.flatnonzero(live.latencies).tolist() == latency_bins(np.array([0.02])).tolist()


@pytest.mark.parametrize(("positive", "targets"), [("1", (1, 0)), ("", (1, 0)), ("late", ("late", "on time"))])
def test_squared_error_on_the_rows_whose_labels_have_arrived(tmp_path, positive, targets):
    log = log_of(tmp_path, answered("a", [0.75, 0.25, 0.5]), answered("b", [0.5], version=2, label="live"))
    label(tmp_path, {("a", 0): targets[0], ("a", 1): targets[1]})
    live, canary = arms_from_log(log, ALIASES, Task("binary", positive))
    assert canary.losses == LossSums(2, 2 * 0.0625, 2 * 0.0625**2)
    assert live.losses == LossSums()


def test_classes_are_counted_by_name_in_both_arms(tmp_path):
    names = np.array([[b"x", b"y"], [b"x", b"y"]], object)
    turned = np.array([[b"z", b"y"]], object)
    log = log_of(
        tmp_path,
        answered("a", [[0.9, 0.1], [0.2, 0.8]], output="probabilities", classes=names, version=2, label="live"),
        answered("b", [[0.7, 0.3]], output="probabilities", classes=turned),
    )
    label(tmp_path, {("a", 0): "x", ("a", 1): "x", ("b", 0): "z"})
    live, canary = arms_from_log(log, ALIASES, Task("multiclass"))
    assert sorted(zip(live.predictions.tolist(), canary.predictions.tolist() or [0] * 3, strict=True)) == [
        (0, 1),
        (1, 0),
        (1, 0),
    ]
    assert (live.losses, canary.losses) == (LossSums(2, 1, 1), LossSums(1, 0, 0))


def test_bins_of_a_regression_are_deciles_of_live_before_the_canary(tmp_path):
    before = np.arange(1_000, dtype=np.float32)
    log = log_of(
        tmp_path,
        answered("earlier", before, output="prediction", version=2, label="live", time=MICROS - 1),
        answered("a", [50.0, 950.0], output="prediction", version=2, label="live"),
        answered("b", [-1.0, 2_000.0, 2_000.0], output="prediction"),
    )
    label(tmp_path, {("b", 0): 1.0, ("b", 1): 2_000.0})
    live, canary = arms_from_log(log, ALIASES, Task("regression"))
    assert live.predictions.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert canary.predictions.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert canary.losses == LossSums(2, 4.0, 16.0)


def test_regression_without_earlier_predictions_has_no_bins(tmp_path):
    log = log_of(tmp_path, answered("b", [1.0], output="prediction"))
    assert arms_from_log(log, ALIASES, Task("regression"))[1].predictions.size == 0


def test_empty_log(tmp_path):
    live, canary = arms_from_log(RequestLog(tmp_path / "requests"), ALIASES, Task("binary", "1"))
    assert (live.requests, canary.requests) == (0, 0)
    with pytest.raises(ValueError, match="no version is the canary"):
        arms_from_log(RequestLog(tmp_path), Aliases("x", live=2), Task("binary", "1"))
