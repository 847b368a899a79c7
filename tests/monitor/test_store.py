"""The store: what is written is read back, one transaction for each window, newer files are refused."""

import multiprocessing
import sqlite3
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from components.shared.errors import InputError, UsageError
from monitor.incident import Cause, Incident
from monitor.measurement import Measurement
from monitor.store import FILE, MonitorStore, WindowResult
from monitor.window import Window

START = datetime(2026, 11, 2, tzinfo=timezone.utc)
WINDOW = Window(1, START, START.replace(day=3), 500, 480, 20, {3: 400, 4: 100})
SKEW = Measurement("skew", "dest", "chebyshev", 0.2, 0.2, 0.1, 0.3, 500, "LAX 20 % to 40 %", at="LAX", version=3)
INCIDENT = Incident(1, "open", "severe", "dest moved", "2026-11-03", "2026-11-03", 1, causes=(Cause("dest", "LAX"),))


def test_what_is_written_is_read(tmp_path: Path):
    with MonitorStore(tmp_path) as store:
        store.add(WindowResult(WINDOW, [SKEW], [INCIDENT], {"detector": {"evidence": 1.5}}))
    with MonitorStore(tmp_path, read_only=True) as store:
        assert store.windows() == [WINDOW]
        assert store.measurements(1) == [(1, SKEW)] == store.measurements(stream=SKEW.stream)
        assert store.incidents(open_only=True) == [INCIDENT]
        assert store.state("detector") == {"evidence": 1.5} and store.state("other") is None


def test_the_last_windows_alone(tmp_path: Path):
    with MonitorStore(tmp_path) as store:
        for number in range(1, 6):
            store.add(WindowResult(replace(WINDOW, number=number), [SKEW]))
        assert [window.number for window in store.windows(last=2)] == [4, 5]
        assert [number for number, _ in store.measurements(since=4)] == [4, 5]


def test_a_window_again_replaces_its_measurements(tmp_path: Path):
    with MonitorStore(tmp_path) as store:
        store.add(WindowResult(WINDOW, [SKEW]))
        store.add(WindowResult(WINDOW, []))
        assert store.measurements() == []


def test_a_result_that_cannot_be_written_changes_nothing(tmp_path: Path):
    with MonitorStore(tmp_path) as store:
        with pytest.raises(ValueError, match="Out of range float"):
            store.add(WindowResult(WINDOW, [SKEW], (), {"detector": float("nan")}))
        assert store.windows() == [] and store.measurements() == []


@pytest.mark.parametrize(
    ("effect", "level"), [(0.05, "negligible"), (0.1, "moderate"), (0.29, "moderate"), (0.3, "severe")]
)
def test_levels(effect: float, level: str):
    assert Measurement("skew", "a", "chebyshev", effect, effect, 0.1, 0.3, 10).level == level


@pytest.mark.parametrize(("at", "text"), [(None, ""), ("LAX", "LAX"), (53.959999084472656, "53.96"), (975, "975")])
def test_place_of_the_effect_as_a_text(at: str | float | None, text: str):
    assert Measurement("skew", "a", "chebyshev", 0.2, 0.2, 0.1, 0.3, 10, at=at).at_text == text


def test_a_check_that_abstains_is_negligible():
    assert Measurement("estimated_performance", "auc", "cbpe", None, 0.5, 0.1, 0.3, 10).level == "negligible"


def test_acknowledge(tmp_path: Path):
    with MonitorStore(tmp_path) as store:
        store.put_incident(INCIDENT)
        assert store.acknowledge(1).state == "acknowledged" and store.incidents()[0].state == "acknowledged"
        with pytest.raises(UsageError, match="incident 7: is not open; open: 1"):
            store.acknowledge(7)


def _hold(folder: Path, held: "multiprocessing.synchronize.Event") -> None:
    with MonitorStore(folder) as store, store.locked():
        held.set()
        time.sleep(60)


def test_one_process_monitors(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, held))
    process.start()
    try:
        assert held.wait(60)
        with MonitorStore(tmp_path) as store:
            with pytest.raises(UsageError, match="another process monitors this dataset"), store.locked():
                pass
            process.kill()
            process.join(60)
            with store.locked():
                pass
    finally:
        process.kill()
        process.join(60)


def test_a_newer_or_damaged_file_is_refused(tmp_path: Path):
    with MonitorStore(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version=99")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="newer version of Plumbline"):
        MonitorStore(tmp_path, read_only=True)
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match="cannot be read"):
        MonitorStore(tmp_path)
    with pytest.raises(UsageError, match="no window has been monitored"):
        MonitorStore(tmp_path / "none", read_only=True)
