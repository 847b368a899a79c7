import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from monitor.changes.check import check_changes
from monitor.changes.diagnosis import ChangeSettings
from monitor.performance.check import check_performance
from monitor.performance.settings import PerformanceSettings
from monitor.performance.window_rows import FeatureEncoder, reference_rows, window_rows
from monitor.window import Window
from monitor.windows.baseline import Baseline
from monitor.windows.dataset import MonitoredDataset
from monitor.windows.window_data import WindowData

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DATASET = MonitoredDataset("loans", "binary", "late", {"amount": "float64", "city": "string"})
SETTINGS = PerformanceSettings(metrics=("auc", "log_loss"))
CITIES = np.array(["Bern", "Basel", "Genf"])


def draw(count, seed, flipped=0.0):
    random = np.random.default_rng(seed)
    amount, city = random.normal(size=count), CITIES[random.integers(0, 3, count)]
    logit = 1.2 * amount + (city == "Bern") - 0.5
    score = 1 / (1 + np.exp(-logit))
    late = (random.random(count) < score).astype(float)
    flip = (random.random(count) < flipped) & (city == "Genf")
    return pa.table({"amount": amount, "city": city}), score, np.where(flip, 1 - late, late)


def baseline():
    table, scores, targets = draw(3000, 0)
    return Baseline(
        2, task="binary", threshold=0.5, metrics={"auc": 0.8}, evaluation=table, evaluation_scores=scores,
        evaluation_targets=targets,
    )  # fmt: skip


def window(number, state="complete", labelled=1.0, flipped=0.0, count=1500):
    random = np.random.default_rng(number)
    table, scores, targets = draw(count, 10 + number, flipped)
    start = START + timedelta(days=number)
    seconds = start.timestamp() + np.sort(random.uniform(0, 86_400, count))
    known = random.random(count) < labelled
    came = seconds + random.exponential(3600, count)
    rows = {
        "request_id": [f"{number}-{row}" for row in range(count)],
        "time": pa.array((seconds * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
        "version": np.full(count, 2),
        **{name: table[name] for name in table.column_names},
        "output_probability": scores,
        "target": pa.array([str(int(one)) if there else None for one, there in zip(targets, known, strict=True)]),
        "target_time": pa.array((came * 1e6).astype(np.int64), pa.timestamp("us", "UTC"), mask=~known),
    }
    end = start + timedelta(days=1)
    about = Window(number, start, end, count, count, int(known.sum()), {2: count}, state)
    return WindowData(about, DATASET, pa.table(rows)), end + timedelta(days=3)


def by_kind(measurements):
    return {(one.kind, one.subject): one for one in measurements}


def test_a_window_without_labels_is_estimated():
    data, now = window(1, labelled=0.0)
    measurements, state = check_performance(data, baseline(), SETTINGS, None, now)
    auc = by_kind(measurements)["estimated_performance", "auc"]
    assert auc.low < 0.79 < auc.high and auc.reference_value == 0.8 and auc.version == 2
    assert by_kind(measurements)["label_coverage", "(labels)"].value == 0
    assert ("performance", "auc") not in by_kind(measurements)
    assert state == {}


@pytest.mark.long
def test_mature_windows_are_measured_and_become_history():
    state = None
    for number in (1, 2, 3):
        data, now = window(number, "mature")
        measurements, state = check_performance(data, baseline(), SETTINGS, state, now)
    found = by_kind(measurements)
    assert found["performance", "auc"].low < found["performance", "auc"].value < found["performance", "auc"].high
    assert found["estimated_performance", "auc"].low < found["performance", "auc"].value
    again = check_performance(*(window(3, "mature")[0], baseline(), SETTINGS, state), window(3)[1])[1]
    assert again == json.loads(json.dumps(state))  # once more changes nothing, and the state is JSON
    assert sorted(state["versions"]["2"]["auc"]) == ["1", "2", "3"]
    data, now = window(4, labelled=0.5)
    late = by_kind(check_performance(data, baseline(), SETTINGS, state, now)[0])["label_coverage", "(labels)"]
    assert late.reference_value == pytest.approx(1.0, abs=0.01) and late.level == "severe"
    assert "half within 4" in late.detail  # 41.6 minutes of an exponential delay of an hour


def test_a_loss_is_an_effect_with_a_p_value():
    data, now = window(1, "mature", flipped=0.5)
    found = by_kind(check_performance(data, baseline(), SETTINGS, None, now)[0])["performance", "auc"]
    assert found.effect == pytest.approx(0.8 - found.value) and found.level == "severe" and found.p_value < 0.001


def test_changes_name_the_slice():
    data, now = window(1, flipped=0.5)
    measurements, diagnosis = check_changes(data, baseline(), ChangeSettings(), now)
    concept, prior = measurements
    assert diagnosis.kind == "concept" and "city=Genf" in concept.detail and concept.level == "severe"
    assert prior.kind == "prior_shift" and prior.effect == 0
    quiet = check_changes(*(window(2)[0], baseline(), ChangeSettings()), window(2)[1])[0]
    assert [one.effect for one in quiet] == [0, 0]


def test_without_evaluation_rows_there_is_nothing_to_estimate_from():
    data, now = window(1)
    assert check_performance(data, Baseline(2, task="binary"), SETTINGS, None, now) == ([], {})
    assert check_changes(data, Baseline(2, task="binary"), ChangeSettings(), now) == ([], None)


def test_encoder_by_hand():
    days = pa.array([0, None, 86_400_000_000], pa.timestamp("us"))
    table = pa.table({"city": ["b", "a", "b"], "n": pa.array([1, None, 3]), "day": days, "list": [[1], [], None]})
    encoder = FeatureEncoder.fit(table)
    nan = np.nan
    np.testing.assert_array_equal(encoder.encode(table), [[0, 1, 0, 1], [1, nan, nan, 0], [0, 3, 86_400_000_000, nan]])
    np.testing.assert_array_equal(encoder.encode(pa.table({"city": ["c", None]}))[:, 0], [2, nan])


def test_rows_of_a_window():
    data, now = window(1, labelled=0.4)
    reference, encoder = reference_rows(baseline())
    rows = window_rows(data, baseline(), encoder, now)
    assert len(reference) == 3000 and len(rows) == 1500 and rows.known.mean() == pytest.approx(0.4, abs=0.05)
    assert np.isnan(rows.delay[~rows.known]).all() and (rows.delay[rows.known] >= 0).all()
    assert rows.age.min() >= 3 * 86_400 - 1


def test_classes_are_those_of_the_baseline_in_its_order():
    dataset = MonitoredDataset("loans", "multiclass", "kind", {"n": "int64"})
    table = pa.table(
        {
            "n": [1, 2, 3],
            "version": [2, 2, 2],
            "time": pa.array([0, 0, 0], pa.timestamp("us", "UTC")),
            "output_probabilities": [[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]],
            "output_classes": [["b", "a"]] * 3,
            "target": ["b", None, "c"],
            "target_time": pa.array([1, None, 1], pa.timestamp("us", "UTC")),
        }
    )
    about = Window(1, START, START, 3, 3, 2, {2: 3})
    reference = Baseline(
        2, task="multiclass", classes=("a", "b", "c"), evaluation=pa.table({"n": [1]}),
        evaluation_scores=np.array([[0.2, 0.3, 0.5]]), evaluation_targets=np.array([1.0]),
    )  # fmt: skip
    _, encoder = reference_rows(reference)
    found = window_rows(WindowData(about, dataset, table), reference, encoder, START)
    np.testing.assert_allclose(found.scores, [[0.3, 0.7, 0], [0.6, 0.4, 0], [0.1, 0.9, 0]])
    assert found.targets[0] == 1  # "b"
    # "c" is no class of the window's outputs, so its label cannot be read from them.
    np.testing.assert_array_equal(found.known, [True, False, False])
