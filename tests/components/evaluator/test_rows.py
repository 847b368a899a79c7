"""Rows read with a real SavedModel: small, but served as the trainer's are."""

from pathlib import Path

import numpy as np
import pytest

from components.evaluator.rows import SavedModel, learn_baselines, read_rows, slice_keys, slice_rows

pytestmark = pytest.mark.slow

FEATURES = {"categorical": ["origin"], "numeric": ["n"], "cyclical": {}}
ROWS = 300


def write_split(folder: Path, origins: list[str | None], numbers: list[float | None], labels: list[int | None]) -> str:
    import tensorflow as tf

    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "rows-0.gz"), "GZIP") as file:
        for origin, number, label in zip(origins, numbers, labels, strict=True):
            example = tf.train.Example()
            feature = example.features.feature
            if origin is not None:
                feature["origin"].bytes_list.value.append(origin.encode())
            if number is not None:
                feature["n"].float_list.value.append(number)
            if label is not None:
                feature["y"].int64_list.value.append(label)
            file.write(example.SerializeToString())
    return str(folder)


def save_model(folder: Path, slope: float) -> SavedModel:
    """probability = sigmoid(slope x n), missing as 0."""
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            found = tf.io.parse_example(examples, {"n": tf.io.FixedLenFeature([], tf.float32, 0.0)})
            return {"probability": tf.sigmoid(slope * found["n"])}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def labels(self, examples):
            found = tf.io.parse_example(examples, {"y": tf.io.FixedLenFeature([], tf.int64, -1)})
            label = tf.cast(found["y"], tf.float32)
            return {"transformed_label": tf.where(label < 0, float("nan"), label)}

    model = Model()
    signatures = {"serve_examples": model.serve, "transform_labels": model.labels}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    return SavedModel(str(folder))


def test_one_pass_over_train_and_one_over_eval(tmp_path):
    random = np.random.default_rng(0)
    numbers = random.normal(size=ROWS).round(3).tolist()
    labels: list[int | None] = [int(number + random.normal() > 0.5) for number in numbers]
    origins: list[str | None] = [["EWR", "JFK, NY", "flüge"][row % 3] for row in range(ROWS)]
    train = write_split(tmp_path / "train", origins, [*numbers[:-1], None], labels)
    labels[0], origins[1] = None, None  # an eval row without a label, one without an origin
    eval_ = write_split(tmp_path / "eval", origins, [*numbers[:-1], None], labels)
    candidate, champion = save_model(tmp_path / "a", 1.0), save_model(tmp_path / "b", -1.0)

    baselines = learn_baselines(train, candidate, "binary", FEATURES, "f1")
    share = np.mean(labels[1:])
    assert baselines.rows == ROWS
    assert float(baselines.prior) == pytest.approx(share, abs=0.01)
    assert baselines.thresholds["prior"] == 0.01  # calling every row 1 has the best F1 of all constants

    rows = read_rows(eval_, {"candidate": candidate, "champion": champion}, baselines, FEATURES, ["origin"])
    said = rows.answers
    assert set(said) == {"candidate", "champion", "prior", "linear"}
    assert rows.labels.tolist() == labels[1:]
    assert {answer.shape for answer in said.values()} == {(ROWS - 1,)}
    expected = 1 / (1 + np.exp(-np.array([*numbers[1:-1], 0.0])))
    assert said["candidate"] == pytest.approx(expected, abs=1e-6)
    assert said["champion"] == pytest.approx(1 - expected, abs=1e-6)
    assert set(said["prior"]) == {float(baselines.prior)}
    # The line has found what the labels were made of.
    assert np.corrcoef(said["linear"][:-1], numbers[1:-1])[0, 1] > 0.8

    assert {value: len(at) for (value,), at in rows.groups(["origin"]).items()} == {
        "EWR": 99,
        "JFK, NY": 99,
        "flüge": 100,
        "(missing)": 1,
    }
    slices = slice_rows(rows, [["origin"], ["origin", "origin"]])
    assert set(slices) == {f"origin={one}" for one in ("EWR", "JFK, NY", "flüge")} | {
        f"origin={one}, origin={one}" for one in ("EWR", "JFK, NY", "flüge")
    }
    assert slices["origin=flüge"].tolist() == list(range(1, ROWS - 1, 3))


def test_a_train_split_without_a_second_class_has_a_prior_alone(tmp_path):
    split = write_split(tmp_path / "train", ["EWR"] * 5, [1.0] * 5, [0] * 5)
    model = save_model(tmp_path / "a", 1.0)
    baselines = learn_baselines(split, model, "binary", FEATURES, "f1")
    assert (float(baselines.prior), baselines.line) == (0.0, None)
    rows = read_rows(split, {"candidate": model}, baselines, FEATURES, [])
    assert set(rows.answers) == {"candidate", "prior"}


def test_the_sample_is_bounded_and_spread_over_all_rows(tmp_path, monkeypatch):
    from components.evaluator import rows as module

    monkeypatch.setattr(module, "SAMPLE_ROWS", 40)
    monkeypatch.setattr(module, "BATCH_ROWS", 64)
    numbers = [float(row) for row in range(ROWS)]
    split = write_split(tmp_path / "train", ["EWR"] * ROWS, numbers, [row % 2 for row in range(ROWS)])
    baselines = learn_baselines(split, save_model(tmp_path / "a", 1.0), "binary", FEATURES, "f1")
    assert (baselines.rows, float(baselines.prior)) == (40, 0.5)
    mean, spread = baselines.encoder.scales["n"]  # of 40 of the numbers 0 .. 299
    assert mean == pytest.approx(149.5, abs=50)
    assert spread == pytest.approx(86.6, abs=25)


def test_slice_keys():
    assert slice_keys('{"slicingSpecs": [{}, {"featureKeys": ["a"]}, {"featureKeys": ["a", "b"]}]}') == [
        ["a"],
        ["a", "b"],
    ]
    assert slice_keys("{}") == []
