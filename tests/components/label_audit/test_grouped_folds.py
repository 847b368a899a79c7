import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label_audit.cross_validation import calibrate, predicted_probabilities
from components.label_audit.encoding import FeatureTypes, encode_features, kinds_of, scaled
from components.label_audit.grouped_folds import duplicate_groups, plan_folds
from components.label_audit.models import MODELS
from components.shared.errors import InputError

ROWS = pd.DataFrame(
    {
        "color": ["red", "red", None, "blue", "red"],
        "n": pd.array([1, 1, None, 3, 1], "Int64"),
        "hour": [0.0, 0.0, 6.0, 12.0, 0.0],
    }
)
KINDS = FeatureTypes(("color",), ("n",), {"hour": 24.0})


def test_encoding_by_hand():
    found = encode_features(ROWS, KINDS)
    nan = np.nan
    assert found.matrix == pytest.approx(
        np.array([[0, 1, 0], [0, 1, 0], [nan, nan, 6], [1, 3, 12], [0, 1, 0]]), nan_ok=True
    )
    assert (found.categorical, dict(found.periods)) == (1, {2: 24.0})


def test_scaled_by_hand():
    found = scaled(encode_features(ROWS, KINDS), np.arange(5))
    # Missing, red, blue; then (n - 1.5) / sqrt(0.75), 0 for the missing one; then sine and cosine of the hour.
    assert found[2] == pytest.approx([1, 0, 0, 0, 1, 0], abs=1e-6)
    assert found[3] == pytest.approx([0, 0, 1, 1.5 / 0.75**0.5, 0, -1], abs=1e-6)


def test_text_in_a_numeric_column_is_an_input_error():
    with pytest.raises(InputError, match="column 'color' is numeric, but holds a value that is not a number"):
        encode_features(ROWS, FeatureTypes((), ("color",)))


def test_feature_types_inferred_from_column_types():
    assert kinds_of(ROWS, ["color", "n", "hour"]) == FeatureTypes(("color",), ("n", "hour"))


def test_duplicates_are_equal_in_every_column_where_missing_equals_missing():
    again = pd.concat([ROWS, ROWS.iloc[[2]]], ignore_index=True)
    found = duplicate_groups(encode_features(again, KINDS))
    assert found[0] == found[1] == found[4]
    assert found[2] == found[5]
    assert len(set(found)) == 3


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 5), st.integers(5, 100), st.integers(0, 99)
)
def test_duplicates_are_never_split_between_training_and_test_rows(groups, count, limit, seed):
    codes = np.unique(groups, return_inverse=True)[1]
    labels = np.arange(len(codes)) % 3
    folds = plan_folds(codes, labels, count, limit, seed)
    for fold in range(count):
        assert not set(codes[folds.train_rows(fold)]) & set(codes[folds.test_rows(fold)])
    assert sorted(np.concatenate([folds.test_rows(fold) for fold in range(count)])) == list(range(len(codes)))


def test_folds_and_samples_are_stratified():
    labels = np.array([1] * 100 + [0] * 900)
    folds = plan_folds(np.arange(1000), labels, 5, 10_000)
    assert [int(labels[folds.test_rows(fold)].sum()) for fold in range(5)] == [20] * 5
    assert folds.in_sample.all()
    sampled = plan_folds(np.arange(1000), labels, 5, 200)
    assert (sampled.in_sample.sum(), labels[sampled.in_sample].sum()) == (200, 20)
    for fold in range(5):
        assert len(sampled.train_rows(fold)) == 160


@pytest.mark.parametrize("model", MODELS)
def test_models_classify_separable_classes(model):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 600)
    frame = pd.DataFrame(
        {
            "x": labels + rng.normal(0, 0.2, 600),
            "c": np.where(rng.random(600) < 0.8, labels, 9).astype(str),
            "gap": np.where(rng.random(600) < 0.5, np.nan, rng.normal(size=600)),
        }
    )
    encoded = encode_features(frame, FeatureTypes(("c",), ("x", "gap")))
    folds = plan_folds(duplicate_groups(encoded), labels, 5, 10**6)
    found = predicted_probabilities(encoded, labels, 3, folds, [model])
    assert found.sum(axis=1) == pytest.approx(np.ones(600))
    assert (found.argmax(axis=1) == labels).mean() > 0.95


def test_predictions_are_out_of_sample():
    """Random labels of duplicated rows: a model trained on a row or its duplicate would predict its label."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 400)
    frame = pd.DataFrame({"x": rng.normal(size=400), "y": rng.normal(size=400)})
    twice, labels = pd.concat([frame, frame], ignore_index=True), np.r_[labels, labels]
    encoded = encode_features(twice, FeatureTypes((), ("x", "y")))
    found = predicted_probabilities(
        encoded, labels, 2, plan_folds(duplicate_groups(encoded), labels, 5, 10**6), ["forest", "neighbours"]
    )
    assert (found.argmax(axis=1) == labels).mean() < 0.6


def test_calibration_recovers_the_power():
    rng = np.random.default_rng(7)
    p = rng.uniform(0.02, 0.98, 20_000)
    labels = (rng.random(20_000) < p).astype(int)
    root = np.sqrt(np.column_stack([1 - p, p]))
    underconfident = root / root.sum(axis=1, keepdims=True)
    assert calibrate(underconfident, labels)[:, 1] == pytest.approx(p, abs=0.02)
