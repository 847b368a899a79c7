import numpy as np
import pytest

from components.evaluator import baselines as module
from components.evaluator.baselines import learn_baselines
from components.shared.examples.example_reading import column_batches
from tests.components.served_models import two_classes, write_split

pytestmark = pytest.mark.slow

FEATURES = {"categorical": ["origin"], "numeric": ["n"], "cyclical": {}}
ROWS = 300


def answers(baselines, split, places):
    (columns,) = column_batches(split, ["origin", "n"], places)
    return {"prior": baselines.constant(len(places)), "linear": baselines.linear(columns)}


def test_linear_baseline_recovers_the_planted_relation(tmp_path):
    origins, numbers, labels = two_classes(ROWS)
    train = write_split(tmp_path / "train", origins, [*numbers[:-1], None], labels)
    learned = np.array(labels, float)
    learned[0] = np.nan  # a row without a label
    baselines = learn_baselines(train, learned, "binary", FEATURES, "f1")
    assert baselines.rows == ROWS - 1
    assert float(baselines.prior) == np.mean(labels[1:])
    assert baselines.thresholds["prior"] == 0.01  # calling every row 1 has the best F1 of all constants
    places = np.arange(1, ROWS - 1)
    found = answers(baselines, train, places)
    assert set(found["prior"]) == {float(baselines.prior)}
    assert np.corrcoef(found["linear"], numbers[1:-1])[0, 1] > 0.8


def test_train_split_of_one_class_has_only_a_prior(tmp_path):
    split = write_split(tmp_path / "train", ["EWR"] * 5, [1.0] * 5, [0] * 5)
    baselines = learn_baselines(split, np.zeros(5), "binary", FEATURES, "f1")
    assert (float(baselines.prior), baselines.line) == (0.0, None)
    assert answers(baselines, split, np.arange(5))["linear"] is None


def test_class_without_train_rows_has_a_probability_column(tmp_path):
    origins, numbers, labels = two_classes(60)
    split = write_split(tmp_path / "train", origins, numbers, labels)
    baselines = learn_baselines(split, np.array(labels, float), "multiclass", FEATURES, "f1", classes=3)
    found = answers(baselines, split, np.arange(60))
    assert found["prior"].shape == found["linear"].shape == (60, 3)
    assert (found["linear"][:, 2] == 0).all() and found["prior"][0, 2] == 0


@pytest.mark.parametrize(("limit", "value"), [("SAMPLE_ROWS", 40), ("MAX_CELLS", 80)])
def test_sample_is_bounded_and_spread_over_all_rows(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(module, limit, value)
    numbers = [float(row) for row in range(ROWS)]
    labels = [row % 2 for row in range(ROWS)]
    split = write_split(tmp_path / "train", ["EWR"] * ROWS, numbers, labels)
    baselines = learn_baselines(split, np.array(labels, float), "binary", FEATURES, "f1")
    assert (baselines.rows, float(baselines.prior)) == (40, 0.5)
    mean, spread = baselines.encoder.scales["n"]  # of 40 of the numbers 0 .. 299
    assert mean == pytest.approx(149.5, abs=50)
    assert spread == pytest.approx(86.6, abs=25)


def test_many_classes_reduce_the_rows_of_the_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_PRODUCTS", 150 * 5 * 2)  # 150 rows, 4 inputs of the origin and 1 number, 2 classes
    origins, numbers, labels = two_classes(ROWS)
    split = write_split(tmp_path / "train", origins, numbers, labels)
    baselines = learn_baselines(split, np.array(labels, float), "multiclass", FEATURES, "f1", classes=2)
    assert baselines.rows == 150
