"""Predictions of a saved model, which are equal for the same row through every signature."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.trainer.candidates import TaskSpec
from components.trainer.ensemble import network_answer
from components.trainer.fitting import fit
from components.trainer.signatures import ServedModel, input_names, predictor
from components.trainer.training_columns import read_columns

pytestmark = pytest.mark.slow

Rows = list[dict[str, Any]]
Serve = Callable[[str, Rows], dict[str, np.ndarray]]

SENTINELS = {"color": "", "grade": -(2**63), "height": np.nan, "count": np.nan, "absent": np.nan, "minute": np.nan}
TYPES = {"color": tf.string, "grade": tf.int64}

Trained = Callable[[str], Path]


@pytest.fixture
def rows(made_up: Any) -> Rows:
    return made_up(12, seed=2)


@pytest.fixture
def unlabelled(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name in SENTINELS} for row in rows]


@pytest.fixture
def serve(trained: Trained, encode: Any) -> Serve:
    """(task, rows) -> outputs of serve_examples."""

    def answer(task: str, rows: Rows) -> dict[str, np.ndarray]:
        model = tf.saved_model.load(str(trained(task)))
        answer = model.signatures["serve_examples"](examples=tf.constant(encode(rows)))
        return {name: tensor.numpy() for name, tensor in answer.items()}

    return answer


def _columns(rows: Rows, shape: list[int]) -> dict[str, tf.Tensor]:
    """A request: every feature as a tensor, with missing values encoded as documented."""
    columns = {}
    for name, sentinel in SENTINELS.items():
        values = [sentinel if row.get(name) is None else row[name] for row in rows]
        columns[name] = tf.reshape(tf.constant(values, TYPES.get(name, tf.float32)), shape)
    return columns


def test_binary_outputs(serve: Serve, unlabelled: Rows, trained: Trained) -> None:
    answer = serve("binary", unlabelled)
    assert answer["probability"].shape == (12,)
    assert answer["probability"].dtype == np.float32
    threshold = json.loads((trained("binary") / "assets.extra" / "decision_threshold.json").read_text())["threshold"]
    assert answer["class"].tolist() == (answer["probability"] >= threshold).astype(int).tolist()


def test_multiclass_outputs(serve: Serve, unlabelled: Rows) -> None:
    answer = serve("multiclass", unlabelled)
    assert answer["probabilities"].sum(axis=1) == pytest.approx(np.ones(12), abs=1e-5)
    assert set(answer["classes"][0].tolist()) == {b"low", b"middle", b"high"}
    likeliest = answer["probabilities"].argmax(axis=1)
    assert answer["class"].tolist() == [answer["classes"][0][index] for index in likeliest]


def test_regression_output_is_in_the_labels_unit(serve: Serve, unlabelled: Rows) -> None:
    prediction = serve("regression", unlabelled)["prediction"]
    assert prediction.shape == (12,)
    assert 150 < prediction.mean() < 250  # prices lie around 200


@pytest.mark.parametrize("shape", [[-1], [-1, 1]])
def test_columns_and_examples_agree(
    trained: Trained, serve: Serve, rows: Rows, unlabelled: Rows, shape: list[int]
) -> None:
    served = tf.saved_model.load(str(trained("binary"))).signatures["serving_default"](**_columns(unlabelled, shape))
    assert served["probability"].numpy() == pytest.approx(serve("binary", rows)["probability"], abs=1e-6)


def test_serving_agrees_with_training(project: Any, tmp_path: Path, encode: Any) -> None:
    """Compares the in-memory model on the rows as the trainer read them with the saved model."""
    made = project("binary")
    transform = tft.TFTransformOutput(str(made.folder / "transform"))
    columns = read_columns([str(made.folder / "data*")], made.record_batches, made.schema, transform)
    ids = transform.vocabulary_size_by_name("categorical") + 4
    model = fit(columns, TaskSpec("binary", 0, ids, ordered=True), made.tables["training"]).model
    features = {name: tf.constant(matrix) for name, matrix in columns.features.items()}
    expected = predictor("binary")(model(features))["probability"].numpy()
    names = list(SENTINELS)
    ServedModel(model, transform, made.schema, names, names[:2], "sold", predictor("binary")).save(str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).signatures["serve_examples"](examples=tf.constant(encode(made.rows)))
    assert len(columns) == len(made.rows)
    assert served["probability"].numpy() == pytest.approx(expected, abs=1e-5)


def test_empty_example_has_a_prediction(trained: Trained, serve: Serve) -> None:
    nothing = serve("binary", [{}])["probability"]
    missing = tf.saved_model.load(str(trained("binary"))).signatures["serving_default"](**_columns([{}], [-1]))
    assert nothing == pytest.approx(missing["probability"].numpy(), abs=1e-6)
    assert 0 < nothing[0] < 1


def test_labels_are_encoded_as_for_training(
    trained: Trained, encode: Any, serve: Serve, rows: Rows, unlabelled: Rows
) -> None:
    def labels(task: str, rows: Rows) -> list[Any]:
        model = tf.saved_model.load(str(trained(task)))
        answer = model.signatures["transform_labels"](examples=tf.constant(encode(rows)))
        return answer["transformed_label"].numpy().tolist()

    assert labels("binary", rows) == [row["sold"] for row in rows]
    assert labels("regression", rows) == pytest.approx([row["price"] for row in rows])
    names = serve("multiclass", rows)["classes"][0].tolist()
    assert labels("multiclass", rows) == [names.index(row["kind"].encode()) for row in rows]
    assert np.isnan(labels("binary", unlabelled)).all()
    assert labels("multiclass", unlabelled) == [-1] * 12


def test_every_feature_is_an_input(trained: Trained) -> None:
    _, inputs = tf.saved_model.load(str(trained("binary"))).signatures["serving_default"].structured_input_signature
    assert set(inputs) == set(SENTINELS)
    types = {name: spec.dtype for name, spec in inputs.items()}
    assert types == {name: TYPES.get(name, tf.float32) for name in inputs}


def test_probabilities_of_perceptrons_are_averaged() -> None:
    # Two perceptrons with logits 0 and ln 3: probabilities 1/2 and 3/4, mean 5/8, a logit of ln (5/3).
    answer = network_answer(tf.constant([[[0.0], [np.log(3)]]], tf.float32), "binary")
    assert answer.numpy() == pytest.approx(np.log([[5 / 3]]))
    assert predictor("binary")(answer)["probability"].numpy() == pytest.approx([0.625])
    # Of three classes: (1/2, 1/4, 1/4) and (1/4, 1/2, 1/4).
    logits = tf.constant([[np.log([2.0, 1.0, 1.0]), np.log([1.0, 2.0, 1.0])]], tf.float32)
    assert np.exp(network_answer(logits, "multiclass").numpy()) == pytest.approx(np.array([[3 / 8, 3 / 8, 1 / 4]]))
    mean = network_answer(tf.constant([[[1.0], [2.0]]]), "regression")
    assert predictor("regression", center=10, spread=2)(mean)["prediction"].numpy() == [13]


def test_input_names_are_what_tensorflow_allows() -> None:
    features = ["age", "sepal length (cm)", "od280/od315", "od280_od315", "2nd", "größe", "a b", "a.b"]
    assert input_names(features) == [
        "age",
        "sepal_length__cm_",
        "od280_od315",
        "od280_od315_2",
        "arg_2nd",
        "gr__e",
        "a_b",
        "a_b_2",
    ]
