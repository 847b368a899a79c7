"""Class weights, resampling and the prior correction: counts worked by hand, and recovered probabilities."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import InputError, UsageError
from components.trainer.class_balancing import (
    DataSteps,
    as_they_are,
    class_weights,
    oversampled,
    prior_shift,
    resampled,
    shares,
    undersampled,
)
from components.trainer.training_columns import TrainingColumns

COUNTS = np.array([80, 20])


def columns(labels: list[int] | np.ndarray) -> TrainingColumns:
    """Row i has the number i / N; the categories are an id of its class and one common to all rows."""
    found = np.asarray(labels, np.float32)
    number = (np.arange(len(found), dtype=np.float32) / len(found)).reshape(-1, 1)
    ids = np.column_stack([4 + found.astype(np.int32), np.full(len(found), 7, np.int32)])
    turn = 2 * np.pi * number
    features = {
        "categorical": ids,
        "numeric": number,
        "cyclical": np.concatenate([np.sin(turn), np.cos(turn)], axis=1),
        "missing": np.zeros((len(found), 2), np.float32),
    }
    return TrainingColumns(features, found)


def steps(task: str = "binary", classes: tuple[str, ...] = (), jitter: float = 0.0, **balance) -> DataSteps:
    return DataSteps(balance, {"jitter": jitter}, task, classes, seed=1)


LABELS = np.repeat([0, 1], COUNTS)


def test_default_settings_change_nothing():
    rows = columns(LABELS)
    for prepare in (steps(), as_they_are):
        learned = prepare(rows)
        assert learned.rows is rows and learned.weights is None and learned.shift is None
    assert steps().done == {}


def test_ratio_1_equals_scikit_learns_balanced():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [70, 25, 5])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert class_weights(np.bincount(labels), 1.0) == pytest.approx(expected)


def test_weights_by_hand():
    # Half the weight of the 80 rows: the 20 rows weigh 2 each, 40 in total. 100 rows weigh 120, so divide by 1.2.
    assert class_weights(COUNTS, 0.5) == pytest.approx([1 / 1.2, 2 / 1.2])
    assert class_weights(COUNTS, 0.25) == pytest.approx([1, 1])  # they do already
    assert class_weights(COUNTS, 1.0, np.array([1.0, 3.0])) == pytest.approx([100 / 140, 300 / 140])
    assert class_weights(np.array([8, 0, 2]), 1.0) == pytest.approx([10 / 16, 5.0, 40 / 16])  # one that never occurs


def test_counts_by_hand():
    assert oversampled(COUNTS, 1.0).tolist() == [80, 80]
    assert oversampled(COUNTS, 0.3).tolist() == [80, 24]
    assert oversampled(COUNTS, 0.1).tolist() == [80, 20]
    assert oversampled(np.array([80, 0, 7]), 0.5).tolist() == [80, 0, 40]
    assert undersampled(COUNTS, 1.0).tolist() == [20, 20]
    assert undersampled(COUNTS, 0.3).tolist() == [66, 20]
    assert undersampled(np.array([80, 0, 7]), 1.0).tolist() == [7, 0, 7]


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(0, 40), min_size=2, max_size=5).filter(lambda found: sum(map(bool, found)) > 1),
    ratio=st.floats(0.05, 1.0),
)
def test_ratio_is_reached_for_any_counts(counts, ratio):
    there = np.array(counts)[np.array(counts) > 0]
    for target in (oversampled(np.array(counts), ratio), undersampled(np.array(counts), ratio)):
        kept = target[np.array(counts) > 0]
        assert kept.min() >= min(ratio * kept.max() - 1, there.min())
        assert (kept > 0).all()
    weights = class_weights(np.array(counts), ratio) * np.array(counts)
    assert weights.sum() == pytest.approx(sum(counts))
    assert weights[weights > 0].min() >= ratio * weights.max() - 1e-9


def test_rows_are_taken_equally_often_and_in_order():
    index = resampled(LABELS, np.array([80, 50]), np.random.default_rng(0))
    times = np.bincount(index, minlength=100)
    assert (times[:80] == 1).all()
    assert sorted(set(times[80:])) == [2, 3] and times[80:].sum() == 50
    assert (np.diff(index) >= 0).all()
    fewer = resampled(LABELS, np.array([30, 20]), np.random.default_rng(0))
    assert len(set(fewer)) == 50 and (fewer < 80).sum() == 30


@pytest.mark.parametrize("method", ["over", "under"])
def test_resampled_rows_are_whole_rows(method):
    rows = columns(LABELS)
    learned = steps(method=method)(rows).rows
    assert shares(learned.labels, None, 2).tolist() == [0.5, 0.5]
    for at in range(len(learned)):
        place = round(float(learned.features["numeric"][at, 0]) * 100)
        assert learned.labels[at] == rows.labels[place]
        assert learned.features["categorical"][at, 0] == 4 + rows.labels[place]


def test_same_seed_draws_the_same_rows():
    one, other = (steps(method="under")(columns(LABELS)).rows.features["numeric"] for _ in range(2))
    assert (one == other).all()


def test_prior_correction_by_hand():
    # From 20 % to 50 %: p = 0.5 becomes 0.2 again, which is Elkan's theorem 2.
    shift = prior_shift(LABELS, np.repeat([0, 1], [80, 80]), None, 2)
    assert shift == pytest.approx([np.log(0.2 / 0.5) - np.log(0.8 / 0.5)])
    for answer in (0.1, 0.5, 0.9):
        odds = answer / (1 - answer) * np.exp(shift[0])
        elkan = 0.2 * (answer - answer * 0.5) / (0.5 - answer * 0.5 + 0.2 * answer - 0.5 * 0.2)
        assert odds / (1 + odds) == pytest.approx(elkan)
    three = prior_shift(np.repeat([0, 1], [8, 2]), np.repeat([0, 1], [5, 5]), None, 3)
    assert three == pytest.approx([np.log(1.6), np.log(0.4), 0])


@pytest.mark.parametrize("asked", [{"method": "weights"}, {"method": "over"}, {"method": "under", "ratio": 0.5}])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_corrected_to_the_true_prior(asked, classes):
    """A model that only knows the class shares learns the balanced ones and predicts the true ones."""
    rows = columns(np.repeat(np.arange(classes), [80, 20, 50][:classes]))
    task, names = ("binary", ()) if classes == 2 else ("multiclass", ("a", "b", "c"))
    learned = steps(task, names, **asked)(rows)
    wrong = shares(learned.rows.labels, learned.weights, classes)
    true = shares(rows.labels, None, classes)
    assert np.abs(wrong - true).max() > 0.05
    answer = np.log(wrong) if classes > 2 else np.log(wrong[1:] / wrong[:1])
    answer = answer + learned.shift
    back = np.exp(answer) / np.exp(answer).sum() if classes > 2 else [1 / (1 + np.exp(answer[0]))]
    assert back == pytest.approx(true[: len(back)], abs=1e-6)


def test_without_correct_prior_there_is_no_shift():
    prepare = steps(method="weights", correct_prior=False)
    assert prepare(columns(LABELS)).shift is None
    assert prepare.done["balance"]["correct_prior"] is False


def test_changes_are_recorded():
    prepare = steps(method="weights", weights={"1": 4.0})
    learned = prepare(columns(LABELS))
    assert learned.weights.mean() == pytest.approx(1.0)
    done = prepare.done["balance"]
    assert done["rows"] == {"before": 100, "after": 100}
    assert done["share"]["1"] == pytest.approx({"before": 0.2, "after": 0.5})


def test_unknown_class_is_refused():
    with pytest.raises(InputError, match="labelled c; available: a, b"):
        steps("multiclass", ("a", "b"), method="weights", weights={"c": 2.0})(columns(LABELS))


def test_synthetic_rows_are_valid():
    pytest.importorskip("imblearn")
    rows = columns(LABELS)
    rows.features["missing"][90:, 0], rows.features["numeric"][90:] = 1, 0
    learned = steps(method="smote")(rows).rows
    assert shares(learned.labels, None, 2).tolist() == [0.5, 0.5]
    assert all((learned.features[name][:100] == matrix).all() for name, matrix in rows.features.items())
    new = {name: matrix[100:] for name, matrix in learned.features.items()}
    assert {name: matrix.dtype for name, matrix in new.items()} == {n: m.dtype for n, m in rows.features.items()}
    assert (new["categorical"] == [5, 7]).all()
    assert np.linalg.norm(new["cyclical"], axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    gone = new["missing"][:, 0] > 0
    assert gone.any() and (new["numeric"][gone] == 0).all()
    assert (new["numeric"][~gone] <= 0.89 + 1e-6).all()
    assert len(np.unique(new["numeric"][~gone])) > 10  # between rows, not copies of them


def test_smote_with_a_single_row_is_refused():
    pytest.importorskip("imblearn")
    with pytest.raises(InputError, match="class 1 has a single row"):
        steps(method="smote")(columns(np.repeat([0, 1], [99, 1])))


def test_missing_imbalanced_learn_names_the_install_command(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "imblearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "imblearn", None)  # what Python does for a package that is not there
    with pytest.raises(UsageError, match=r"needs imbalanced-learn: pip install 'plumbline\[balance\]'"):
        steps(method="smote")(columns(LABELS))
