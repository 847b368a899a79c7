"""Features that a request omits, as in TensorFlow Serving: in a session, with the SignatureDef's defaults."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.trainer.signatures import ServedModel, predictor
from components.trainer.training_columns import read_columns

pytestmark = pytest.mark.slow

OPTIONAL = ["color", "grade", "height", "absent", "minute"]
REQUIRED = "count"
TYPES = {"color": object, "grade": np.int64}
MISSING = {"color": "", "grade": -(2**63), "height": np.nan, "absent": np.nan, "minute": np.nan}

Request = dict[str, Any]
Answer = dict[str, np.ndarray]


class Server:
    """What TensorFlow Serving's Predict does with a request (its predict_util.cc, TensorFlow's saved_model/util.cc)."""

    def __init__(self, folder: Path) -> None:
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            self.signatures = tf.compat.v1.saved_model.load(self._session, ["serve"], str(folder)).signature_def

    def predict(self, inputs: Request, signature: str = "serving_default") -> Answer:
        definition = self.signatures[signature]
        assert inputs.keys() <= definition.inputs.keys()
        assert len(inputs) == len(definition.inputs) or definition.defaults
        feeds = {}
        for alias, info in definition.inputs.items():
            if alias not in inputs and alias not in definition.defaults:
                raise LookupError(alias)
            feeds[info.name] = inputs[alias] if alias in inputs else tf.make_ndarray(definition.defaults[alias])
        return self._session.run({alias: info.name for alias, info in definition.outputs.items()}, feeds)


@pytest.fixture(scope="module")
def server(trained: Callable[[str], Path]) -> Server:
    return Server(trained("binary"))


@pytest.fixture(scope="module")
def rows(made_up: Any) -> list[dict[str, Any]]:
    """All values are present except those of `absent`, which no training row has."""
    return [row | {"color": "red", "grade": 2, "height": 0.3, "minute": 45} for row in made_up(5, seed=3)]


def _columns(rows: list[dict[str, Any]], without: list[str]) -> Request:
    names = [name for name in (*OPTIONAL, REQUIRED) if name not in without]
    filled = {name: [MISSING[name] if row.get(name) is None else row[name] for row in rows] for name in names}
    return {name: np.array(values, TYPES.get(name, np.float32)) for name, values in filled.items()}


def _module(call: Callable[[Any], Any]) -> tf.Module:
    """An object that can be saved and called."""
    return type("Called", (tf.Module,), {"__call__": lambda _, features: call(features)})()


def _same(one: Answer, other: Answer) -> None:
    assert one.keys() == other.keys() == {"probability", "class", "model_version"}
    for name, values in one.items():
        assert values.tolist() == other[name].tolist(), name  # to the last bit


@pytest.mark.parametrize("without", [*([name] for name in OPTIONAL), OPTIONAL], ids=lambda names: "+".join(names))
def test_omitted_feature_equals_a_missing_one(
    server: Server, rows: list[dict[str, Any]], encode: Any, without: list[str]
) -> None:
    lacking = [{name: value for name, value in row.items() if name not in without} for row in rows]
    by_examples = server.predict({"examples": np.array(encode(lacking), object)}, "serve_examples")
    _same(server.predict(_columns(rows, without)), by_examples)
    _same(server.predict(_columns(lacking, [])), by_examples)  # said row by row, as REST wants it
    if without == OPTIONAL:
        full = server.predict({"examples": np.array(encode(rows), object)}, "serve_examples")
        assert full["probability"].tolist() != by_examples["probability"].tolist()


def test_single_row_and_no_row(server: Server, rows: list[dict[str, Any]], encode: Any) -> None:
    lacking = [{"count": row["count"]} for row in rows]
    by_examples = server.predict({"examples": np.array(encode(lacking), object)}, "serve_examples")
    for at in range(len(rows)):
        answer = server.predict(_columns(rows[at : at + 1], OPTIONAL))
        assert answer["probability"] == pytest.approx(by_examples["probability"][at : at + 1], abs=1e-6)
    assert server.predict(_columns([], OPTIONAL))["probability"].shape == (0,)


def test_defaults_are_those_of_the_features_that_may_be_missing(server: Server) -> None:
    definition = server.signatures["serving_default"]
    assert set(definition.inputs) == {*OPTIONAL, REQUIRED}
    defaults = {name: tf.make_ndarray(value) for name, value in definition.defaults.items()}
    assert set(defaults) == set(OPTIONAL)
    for name, value in defaults.items():
        assert value.shape == (1,)
        assert value.dtype == TYPES.get(name, np.float32)
    assert (defaults["color"][0], defaults["grade"][0]) == (b"", -(2**63))
    assert all(np.isnan(defaults[name][0]) for name in ("height", "absent", "minute"))


def test_required_feature_must_be_sent(server: Server, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(LookupError, match=REQUIRED):
        server.predict(_columns(rows, [REQUIRED]))


def test_single_value_does_not_stand_for_all_rows(server: Server, rows: list[dict[str, Any]]) -> None:
    # Only a missing value does; a column that is too short is an error.
    for name in ("height", REQUIRED):
        short = _columns(rows, []) | {name: np.array([0.5], np.float32)}
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name}: not as many rows"):
            server.predict(short)


def test_missing_in_serving_is_missing_in_training(project: Any, tmp_path: Path) -> None:
    """The matrix `missing` is equal for the trainer's rows and for a request without the features."""
    made = project("binary")
    transform = tft.TFTransformOutput(str(made.folder / "transform"))
    read = read_columns([str(made.folder / "data*")], made.record_batches, made.schema, transform)
    model = _module(lambda features: features["missing"])
    names = ["color", "grade", "height", "count", "absent", "minute"]
    ServedModel(model, transform, made.schema, names, names[:2], "sold", lambda said: {"missing": said}).save(
        str(tmp_path)
    )
    server = Server(tmp_path)
    sent = server.predict(_columns(made.rows, []))["missing"]
    omitted = server.predict(_columns(made.rows, OPTIONAL))["missing"]
    assert sent.tolist() == read.features["missing"].tolist()
    assert 0 < sent[:, 0].mean() < 1
    assert omitted.tolist() == [[1, 0, 1, 1]] * len(made.rows)  # height, count, absent, minute


NAMES = ["class", "from", "self", "None", "2nd", "_x", "Age", "age", "größe"]


def test_features_of_any_name_can_be_served(tmp_path: Path) -> None:
    """Tests TensorFlow's rules for names: an export must not fail because of a column's name."""
    text = "".join(f'feature {{ name: "{name}" type: FLOAT value_count {{ max: 1 }} }}' for name in NAMES)
    schema = text_format.Parse(text, schema_pb2.Schema())

    class Identity:
        transform_savedmodel_dir = str(tmp_path / "transform" / "transform_fn")

        def transform_features_layer(self) -> Any:
            return lambda raw: {"n": tf.add_n([tf.reshape(tf.sparse.to_dense(one), [-1, 1]) for one in raw.values()])}

    model = _module(lambda features: features["n"])
    served = ServedModel(model, Identity(), schema, NAMES, (), "label", predictor("regression"))  # type: ignore[arg-type]
    served.transform_labels = lambda examples: {"label": tf.size(examples)}  # type: ignore[method-assign]
    served.save(str(tmp_path))
    server = Server(tmp_path)
    assert len(server.signatures["serving_default"].inputs) == len(NAMES)
    assert server.predict({"class_": np.array([2.0, 3.0], np.float32)})["prediction"].tolist() == [2.0, 3.0]
