"""The monitor on real traffic to a trained model: windows, measurements, incidents, and what goes wrong with logs."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from components.shared.errors import UsageError
from monitor.inputs.settings import InputSettings
from monitor.measurement import Measurement
from monitor.store import MonitorStore
from monitor.watch import LookedWindow, Watch
from monitor.windows.settings import WindowSettings
from tests.monitor.world import START, World, draw, probability

DAY = timedelta(days=1)
MORNING = timedelta(hours=2)
"""Time in which the requests of a day come: the log then has few files."""
ROWS = 400


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(trained: World, tmp_path: Path) -> World:
    """The trained model in a folder of its own, without traffic."""
    shutil.copytree(trained.folder, tmp_path / "world", dirs_exist_ok=True)
    return World(tmp_path / "world")


@pytest.fixture
def store(world: World) -> Iterator[MonitorStore]:
    with world.store() as store:
        yield store


def day(number: int) -> datetime:
    return START + (number - 1) * DAY


def serve_days(world: World, first: int, last: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for number in range(first, last + 1):
        world.serve(draw(ROWS, rng), day(number), MORNING)


def look(watch: Watch, at: datetime) -> list[LookedWindow]:
    return list(watch.look(at + timedelta(hours=2)))


def found(window: LookedWindow, kind: str, subject: str, reference: str = "training") -> Measurement:
    (one,) = (
        one
        for one in window.measurements
        if (one.kind, one.subject, one.reference, one.slice) == (kind, subject, reference, "") and one.version is None
    )
    return one


def test_twenty_windows_without_drift_raise_no_incident_and_a_shift_raises_one_that_names_it(
    world: World, store: MonitorStore
):
    serve_days(world, 1, 20, seed=3)
    watch = world.watch(store)
    windows = look(watch, day(21))
    assert [one.window.number for one in windows] == list(range(1, 21))
    assert all(one.window.rows == ROWS and one.window.requests == ROWS for one in windows)
    assert [one.incidents for one in windows] == [()] * 20
    assert store.incidents() == []

    rng = np.random.default_rng(4)
    for number in (21, 22, 23):
        columns = draw(ROWS, rng)
        columns["origin"] = np.where(columns["origin"] == "JFK", "EWR", columns["origin"])  # JFK is gone
        world.serve(columns, day(number), MORNING)
    shifted = look(watch, day(24))
    watch.close()
    skew = found(shifted[0], "skew", "origin")
    assert skew.level == "severe"
    assert skew.value == pytest.approx(0.3, abs=0.06)
    assert skew.weight == 1.0
    (incident,) = store.incidents()
    assert incident.causes[0].subject == "origin"
    assert incident.causes[0].since == day(21).isoformat()
    assert incident.first_window in (21, 22, 23)


def test_measurements_of_a_window_are_what_was_planted(world: World, store: MonitorStore):
    rng = np.random.default_rng(5)
    world.serve(draw(ROWS, rng), day(1), MORNING)
    columns = draw(ROWS, rng)
    columns["gusts"][:200] = np.nan
    columns["origin"][:40] = "XXX"
    columns["distance"][:24] = 1e6
    world.serve(columns, day(2), MORNING)
    first, second = look(world.watch(store), day(3))
    missing = found(second, "missing", "gusts")
    assert missing.value == pytest.approx(np.isnan(columns["gusts"]).mean())
    assert missing.reference_value == pytest.approx(0.2, abs=0.03)
    assert missing.level == "severe"
    unknown = found(second, "unknown", "origin")
    assert (unknown.value, unknown.at, unknown.level) == (0.1, "XXX", "severe")
    beyond = found(second, "out_of_range", "distance")
    assert (beyond.value, beyond.at, beyond.level) == (0.06, 1e6, "severe")
    assert found(first, "unknown", "origin").value == 0
    assert found(first, "missing", "gusts").level == "negligible"
    assert found(second, "traffic", "requests", "previous").effect == 0
    assert found(second, "drift", "origin", "previous").value == pytest.approx(0.1, abs=0.03)


def test_logged_rows_replayed_through_the_model_give_the_logged_outputs(world: World, store: MonitorStore):
    columns = draw(ROWS, np.random.default_rng(6))
    world.serve(columns, day(1), MORNING)
    world.serve({**columns, "gusts": np.full(ROWS, np.nan, np.float32)}, day(2), MORNING)  # missing, as served
    windows = look(world.watch(store, inputs=InputSettings(checks=("transform_skew",), replay_rows=ROWS)), day(3))
    assert [(one.value, one.rows) for window in windows for one in window.measurements] == [(0.0, ROWS), (0.0, ROWS)]


def test_a_prediction_that_the_model_would_not_give_is_found(world: World, store: MonitorStore):
    from serving.request_log.records import Records
    from serving.request_log.settings import LogSettings
    from serving.request_log.writer import RequestLogWriter

    columns = draw(ROWS, np.random.default_rng(7))
    world.serve(columns, day(1), MORNING)
    writer = RequestLogWriter(world.folder / "requests", LogSettings())
    for at in range(100):  # logged with inputs that are not those the answer was computed from
        features = {
            "origin": np.array([b"LGA"], object),
            "distance": np.array([100.0], np.float32),
            "gusts": np.array([20.0], np.float32),
            "seats": np.array([100]),
        }
        outputs = {"probability": np.array([0.99], np.float32)}
        time = int((day(1) + at * timedelta(minutes=1)).timestamp() * 1e6)
        writer.append(Records("flights", 1, "live", f"wrong-{at}", time, 0.01, features=features, outputs=outputs))
    writer.close()
    settings = InputSettings(checks=("transform_skew",), replay_rows=1000)
    (window,) = look(world.watch(store, inputs=settings), day(2))
    (one,) = window.measurements
    assert (one.value, one.level, one.at) == (0.2, "severe", "probability")


@pytest.mark.long
def test_late_rows_and_labels_are_measured_again_until_the_window_is_mature(world: World, store: MonitorStore):
    rng = np.random.default_rng(8)
    watch = world.watch(
        store, labels=True, windows=WindowSettings(label_delay=timedelta(days=3)), inputs=InputSettings(checks=())
    )
    columns = draw(ROWS, rng)
    ids = world.serve(columns, day(1), MORNING)
    (first,) = look(watch, day(2))
    assert (first.window.rows, first.window.labelled, first.window.state) == (ROWS, 0, "complete")
    assert look(watch, day(2) + timedelta(hours=3)) == []

    world.serve(draw(10, rng), day(1), MORNING, name="late")
    world.label(ids[:300], columns["late"][:300], day(2))
    (again,) = look(watch, day(2) + timedelta(hours=6))
    assert (again.window.rows, again.window.labelled, again.is_new) == (ROWS + 10, 300, False)
    assert again.messages == ("window 1: 10 rows came late; it was measured again",)
    coverage = next(one for one in again.measurements if one.kind == "label_coverage")
    assert coverage.value == pytest.approx(300 / 410)

    world.label(ids[300:], columns["late"][300:], day(3))
    world.serve(draw(5, rng), day(5), MORNING, name="later")  # moves the event clock
    windows = look(watch, day(5) + timedelta(hours=6))
    mature = windows[0]
    assert (mature.window.number, mature.window.state, mature.window.labelled) == (1, "mature", ROWS)
    auc = next(one for one in mature.measurements if (one.kind, one.subject) == ("performance", "auc"))
    assert auc.value == pytest.approx(_auc(probability(columns), columns["late"]), abs=0.02)

    world.serve(draw(7, rng), day(1), MORNING, name="much later", lag=timedelta(days=4, hours=9))
    assert [one.window.number for one in look(watch, day(5) + timedelta(hours=12))] == []
    assert watch.messages == (
        "7 rows came after their window was mature, or before the first window; they stay in the request log and are "
        "not measured (7 so far)",
    )
    assert store.windows()[0].rows == ROWS + 10


def _auc(scores: np.ndarray, labels: np.ndarray) -> float:
    positive, negative = scores[labels == 1], scores[labels == 0]
    return float((positive[:, None] > negative[None, :]).mean())


def test_windows_by_rows_end_between_two_moments(world: World, store: MonitorStore):
    world.serve(draw(250, np.random.default_rng(9)), day(1), MORNING)
    settings = WindowSettings(every=None, rows=100)
    windows = look(world.watch(store, windows=settings, inputs=InputSettings(checks=())), day(2))
    assert [(one.window.number, one.window.rows) for one in windows] == [(1, 100), (2, 100)]
    assert windows[0].window.end == windows[1].window.start
    with pytest.raises(
        UsageError, match=r"\[monitor\] window: is 86400 s, and the windows so far are 100 rows; set it"
    ):
        look(world.watch(store, inputs=InputSettings(checks=())), day(3))


def test_windows_without_rows_and_clocks_that_jump(world: World, store: MonitorStore):
    rng = np.random.default_rng(10)
    world.serve(draw(50, rng), day(1), MORNING, event_time=False)
    world.serve(draw(50, rng), day(4), MORNING, event_time=False)
    watch = world.watch(store, inputs=InputSettings(checks=("operations",), min_rows=10))
    windows = look(watch, day(5))
    assert [one.window.rows for one in windows] == [50, 0, 0, 50]
    assert found(windows[1], "traffic", "requests", "previous").value == 0

    # A server whose clock is a year ahead, then one whose clock begins in 1970.
    world.serve(draw(5, rng), day(5) + timedelta(days=365), MORNING, event_time=False, name="ahead")
    world.serve(draw(6, rng), datetime(1970, 1, 1, tzinfo=timezone.utc), MORNING, event_time=False, name="behind")
    world.serve(draw(50, rng), day(5), MORNING, event_time=False)
    windows = look(watch, day(6))
    assert [one.window.rows for one in windows] == [50]
    assert watch.messages[0].startswith("5 rows of the request log are later than now: a clock is wrong")
    windows = look(watch, day(5) + timedelta(days=366))
    assert [one.window.rows for one in windows] == [5]
    assert any(
        "windows without rows are left out: no requests for long, or a clock jumped" in one for one in watch.messages
    )


def test_a_version_that_is_gone_and_a_run_whose_artifacts_are_gone_are_said_once(world: World, store: MonitorStore):
    rng = np.random.default_rng(11)
    world.serve(draw(ROWS, rng), day(1), MORNING, version=7)
    world.serve(draw(ROWS, rng), day(2), MORNING, version=7)
    watch = world.watch(store)
    first, second = look(watch, day(3))
    assert first.window.versions == {7: ROWS}
    assert first.messages[0].startswith("version 7 is gone from the registry: its rows are counted; skew, replay and")
    assert not any(one.kind in ("skew", "transform_skew") for one in first.measurements)
    assert any(one.kind == "drift" for one in second.measurements)
    assert second.messages == ()

    shutil.rmtree(world.folder / "run")
    world.serve(draw(ROWS, rng), day(3), MORNING)
    (third,) = look(watch, day(4))
    assert "version 1: the training rows of run run-1 are gone: skew is left out" in third.messages


def test_a_killed_look_is_repeated(world: World, store: MonitorStore):
    serve_days(world, 1, 3, seed=12)
    looks = world.watch(store).look(day(4) + timedelta(hours=2))
    next(looks)
    looks.close()  # after the first window was stored
    assert [one.number for one in store.windows()] == [1]
    again = look(world.watch(store), day(4))
    assert [one.window.number for one in again] == [2, 3]
    assert store.state("alarms")["number"] == 3


def test_the_store_begins_again_and_keeps_a_backup(world: World, store: MonitorStore):
    serve_days(world, 1, 2, seed=13)
    watch = world.watch(store, inputs=InputSettings(checks=()))
    assert len(look(watch, day(3))) == 2
    store.put_retraining(1, "promoted", {"number": 1})
    backup = store.restart()
    assert backup is not None and backup.exists()
    assert (store.windows(), store.state("windows"), len(store.retrainings())) == ([], None, 1)
    assert len(look(watch, day(3))) == 2


def test_a_failing_server_is_measured(world: World, store: MonitorStore):
    from serving.request_log.records import Records
    from serving.request_log.settings import LogSettings
    from serving.request_log.writer import RequestLogWriter

    world.serve(draw(90, np.random.default_rng(14)), day(1), MORNING)
    writer = RequestLogWriter(world.folder / "requests", LogSettings())
    for at, status in enumerate([503] * 10 + [400] * 20):
        time = int((day(1) + at * timedelta(minutes=1)).timestamp() * 1e6)
        writer.append(Records("flights", 1, "live", f"failed-{at}", time, 5.0, status))
    writer.close()
    (window,) = look(world.watch(store, inputs=InputSettings(checks=("operations",))), day(2))
    assert (window.window.rows, window.window.requests) == (90, 120)
    errors = {one.subject: one for one in window.measurements if one.kind == "errors"}
    assert errors["server_errors"].value == pytest.approx(10 / 120)
    assert errors["client_errors"].value == pytest.approx(20 / 120)
    assert errors["server_errors"].level == "severe"
    latency = {one.subject: one.value for one in window.measurements if one.kind == "latency"}
    assert latency["p50"] == pytest.approx(0.006, abs=0.001)
