"""Staleness measured from windows: a relation that turned is found, one that stayed is not; each window once."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitor.retraining.refresh import LabelledRows, losses, staleness
from monitor.retraining.settings import RetrainingSettings
from monitor.retraining.staleness_log import STATE, StalenessLog, served_since
from monitor.store import MonitorStore, WindowResult
from monitor.window import Window
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.window_data import WindowData

START = datetime(2026, 11, 2, tzinfo=timezone.utc)
DATASET = MonitoredDataset("loans", "binary", "repaid", {"a": "float64", "b": "string"})
SETTINGS = RetrainingSettings(policy="cost", loss_cost=1.0, training_cost=20.0, horizon_days=10)
ROWS = 800


def window(number: int, version: int = 3, state="mature") -> Window:
    begin = START + timedelta(days=number)
    return Window(number, begin, begin + timedelta(days=1), ROWS, ROWS, ROWS, {version: ROWS}, state)


def drawn(number: int, turned: float) -> WindowData:
    """The model says sigmoid(2 a); the truth is that of an angle `turned` * number away from it."""
    rng = np.random.default_rng(number)
    a, b = rng.normal(size=(2, ROWS))
    score = 1 / (1 + np.exp(-2 * a))
    truth = rng.random(ROWS) < 1 / (1 + np.exp(-2 * (a * np.cos(turned * number) + b * np.sin(turned * number))))
    table = pa.table(
        {
            "version": np.full(ROWS, 3),
            "time": pa.array([START] * ROWS, pa.timestamp("us", tz="UTC")),
            "a": b,
            "b": np.where(rng.random(ROWS) < 0.5, "x", "y"),
            "output_probability": score,
            "target": truth.astype(np.int64),
        }
    )
    return WindowData(window(number), DATASET, table)


@pytest.fixture
def store(tmp_path: Path) -> MonitorStore:
    found = MonitorStore(tmp_path)
    for number in range(1, 9):
        found.add(WindowResult(window(number), []))
    return found


def log(store: MonitorStore, turned: float, read: list[int] | None = None) -> StalenessLog:
    def reader(one: Window) -> WindowData:
        if read is not None:
            read.append(one.number)
        return drawn(one.number, turned)

    return StalenessLog(store, SETTINGS, reader)


def test_a_relation_that_turns_makes_a_retraining_worth_it(store: MonitorStore):
    now = START + timedelta(days=9)
    saving, why = log(store, 0.12).saving(now, 3)
    assert saving is not None and why == "" and saving.probability > 0.9 and saving.excess > 0.02
    points = store.state(STATE)["points"]
    assert len(points) == 5 and points[-1]["age"] == pytest.approx(7.5) and points[-1]["rows"] == ROWS
    assert points[-1]["excess"] > points[1]["excess"]


def test_a_relation_that_stays_is_not_stale(store: MonitorStore):
    saving, _ = log(store, 0.0).saving(START + timedelta(days=9), 3)
    assert saving is not None and abs(saving.excess) < 0.01 and saving.probability < 0.5


def test_each_window_is_measured_once_and_immature_ones_wait(store: MonitorStore):
    store.add(WindowResult(window(8, state="complete"), []))
    now, read = START + timedelta(days=9), []
    log(store, 0.1, read).saving(now, 3)
    assert read == list(range(1, 8))
    log(store, 0.1, read).saving(now, 3)
    assert len(read) == 7
    store.add(WindowResult(window(8), []))
    log(store, 0.1, read).saving(now, 3)
    assert [number for _, number in store.state(STATE)["windows"]] == list(range(1, 9))


def test_what_is_unknown_is_said(store: MonitorStore):
    assert log(store, 0.1).saving(START, 3) == (None, "version 3 has served in no complete window yet")
    early = log(store, 0.1).saving(START + timedelta(days=3), 3)
    assert early == (None, "the staleness of version 3 is measured 0 times, 2 are needed")
    assert served_since(store.windows(), 3) == START + timedelta(days=1) and served_since(store.windows(), 4) is None


def test_a_runs_evaluation_is_a_measurement_of_the_former_model(store: MonitorStore):
    summary = {
        "rows": {"eval": 400},
        "metrics": {"log_loss": 0.5, "accuracy": 0.8},
        "champion": {"version": 3, "metrics": {"log_loss": 0.56, "accuracy": 0.78}},
    }
    now = START + timedelta(days=5)
    log(store, 0.0).add_evaluation(summary, now)
    (point,) = store.state(STATE)["points"]
    assert (point["version"], point["age"], point["rows"]) == (3, 4.0, 400)
    assert point["excess"] == pytest.approx(0.06) and point["error"] == pytest.approx(0.014)
    log(store, 0.0).add_evaluation({**summary, "champion": None}, now)
    assert len(store.state(STATE)["points"]) == 1


def test_losses_by_hand():
    scores, targets = np.array([0.8, 0.4]), np.array([1.0, 1.0])
    assert losses(scores, targets, "log_loss") == pytest.approx([0.2231, 0.9163], abs=1e-4)
    assert losses(scores, targets, "error_rate").tolist() == [0.0, 1.0]
    assert losses(scores, targets, "error_rate", 0.3).tolist() == [0.0, 0.0]
    assert losses(np.array([3.0]), np.array([1.0]), "squared_error").tolist() == [4.0]
    assert losses(np.array([3.0]), np.array([1.0]), "absolute_error").tolist() == [2.0]
    both = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    assert losses(both, np.array([1.0, 2.0]), "log_loss") == pytest.approx([0.3567, 1.6094], abs=1e-4)
    assert losses(both, np.array([1.0, 2.0]), "error_rate").tolist() == [0.0, 1.0]


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_a_regression_and_classes_are_refreshed(loss):
    rng = np.random.default_rng(5)
    x = rng.normal(size=1200)
    rows = LabelledRows(pa.table({"x": x}), x, x + 1.5 + 0.1 * rng.normal(size=1200))  # all predictions are too low
    found = staleness(rows.rows(slice(0, 800)), rows.rows(slice(800, None)), loss)
    assert found is not None and found[0] > (1.5 if loss == "squared_error" else 1.0)
    assert staleness(rows.rows(slice(0, 100)), rows.rows(slice(800, None)), loss) is None
    targets = rng.integers(0, 3, 1200).astype(float)
    wrong = np.full((1200, 3), 0.1)
    wrong[np.arange(1200), (targets.astype(int) + 1) % 3] = 0.8
    table = pa.table({"x": targets + 0.01 * x})
    several = LabelledRows(table, wrong, targets)
    found = staleness(several.rows(slice(0, 800)), several.rows(slice(800, None)), "error_rate")
    assert found is not None and found[0] > 0.9
