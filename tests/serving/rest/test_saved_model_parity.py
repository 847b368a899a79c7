"""A request through the REST layer and a SavedModel gives what the SavedModel itself gives, to the last bit."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from serving.models.loaded_model import LoadedModel
from serving.rest.examples_api import ExamplesCodec
from serving.rest.open_inference import InferCodec
from serving.rest.paths import Call
from serving.rest.predict import PredictCodec

pytestmark = pytest.mark.slow

N = 200
NUMPY = {"y": np.float32, "wide": np.float64, "matrix": np.float32, "count": np.int64, "flag": np.bool_, "text": object}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A SavedModel with inputs and outputs of several types, loaded by the server and by TensorFlow."""
    import tensorflow as tf

    missing = tf.constant([np.nan], tf.float32)

    class Model(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.float64, name="d"),
                tf.TensorSpec([None, 3], tf.float32, name="m"),
                tf.TensorSpec([None], tf.int64, name="i"),
                tf.TensorSpec([None], tf.bool, name="b"),
                tf.TensorSpec([None], tf.string, name="s"),
                tf.TensorSpec(None, tf.float32, name="x"),
            ]
        )
        def predict(self, d, m, i, b, s, x=missing):
            return {
                "y": tf.math.log(tf.reshape(x, [-1])) / 3.0,  # NaN and infinite for some x
                "wide": d / 7.0,
                "matrix": m * m / 11.0,
                "count": i * 2 - 1,
                "flag": tf.logical_not(b),
                "text": tf.strings.join([s, s], "|"),
                "raw_bytes": tf.io.encode_base64(s),
            }

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def classify(self, inputs):
            x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, float("nan"))})["x"]
            classes = tf.tile(tf.constant([["no", "yes"]]), [tf.size(x), 1])
            return {"classes": classes, "scores": tf.stack([1.0 - x / 3.0, x / 3.0], axis=1)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def regress(self, inputs):
            x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, float("nan"))})["x"]
            return {"outputs": x / 3.0}

    folder = str(tmp_path_factory.mktemp("saved_model"))
    model = Model()
    functions = {"serving_default": model.predict, "classify": model.classify, "regress": model.regress}
    tf.saved_model.save(model, folder, signatures=functions)
    return LoadedModel(Path(folder), "m", 1), tf.saved_model.load(folder)


def _run(trusted, name, inputs):
    import tensorflow as tf

    tensors = {
        key: tf.constant(values.tolist() if values.dtype == object else values) for key, values in inputs.items()
    }
    return {key: value.numpy() for key, value in trusted.signatures[name](**tensors).items()}


def _table():
    rng = np.random.default_rng(5)
    return {
        "x": np.float32(rng.normal(size=N) * 10.0 ** rng.integers(-30, 30, N)),
        "d": rng.normal(size=N) * 10.0 ** rng.integers(-300, 300, N),
        "m": rng.normal(size=(N, 3)).astype(np.float32),
        "i": rng.integers(-(2**62), 2**62, N),
        "b": rng.random(N) < 0.5,
        "s": np.array([f'ü{n}😀\u2028"\\'.encode() for n in range(N)], object),
    }


def _json(values):
    return [value.decode() for value in values] if values.dtype == object else values.tolist()


def _assert_bits(answer, expected):
    for name, values in expected.items():
        if name.endswith("_bytes"):
            assert [base64.b64decode(one["b64"]) for one in answer[name]] == values.tolist()
        elif values.dtype == object:
            assert answer[name] == _json(values)
        else:
            read = np.array(answer[name]).astype(values.dtype)
            assert values.dtype == NUMPY[name]
            assert _bits(read) == _bits(values)


def _bits(values):
    """The bytes of an array, with one NaN for all: JSON has no sign and payload of a NaN."""
    return (
        np.where(np.isnan(values), np.nan, values).astype(values.dtype) if values.dtype.kind == "f" else values
    ).tobytes()


@pytest.mark.parametrize("row_format", [True, False])
def test_predict_equals_the_saved_model(models, row_format):
    model, trusted = models
    table = _table()
    expected = _run(trusted, "serving_default", table)
    assert np.isnan(expected["y"]).any()
    columns = {name: _json(values) for name, values in table.items()}
    rows = [{name: values[n] for name, values in columns.items()} for n in range(N)]
    body = json.dumps({"instances": rows} if row_format else {"inputs": columns}).encode()
    codec = PredictCodec(model.signatures)
    request = codec.decode(body)
    assert request.rows == N
    answer = json.loads(codec.encode(request, model.run("serving_default", request.inputs)))
    if row_format:
        predictions = answer["predictions"]
        answer["outputs"] = {name: [row[name] for row in predictions] for name in predictions[0]}
    _assert_bits(answer["outputs"], expected)


def test_one_row_equals_the_same_row_of_many(models):
    """Every answer to a single row, with a missing value among them, equals the SavedModel's for that row."""
    model, trusted = models
    table = {name: values[:20] for name, values in _table().items()}
    table["x"] = np.where(np.arange(20) % 3 == 0, np.float32(np.nan), np.abs(table["x"]))
    codec = PredictCodec(model.signatures)
    for n in range(20):
        row = {name: _json(values)[n] for name, values in table.items()}
        if n % 3 == 0:
            del row["x"]
        request = codec.decode(json.dumps({"instances": [row]}).encode())
        answer = json.loads(codec.encode(request, model.run("serving_default", request.inputs)))
        expected = _run(trusted, "serving_default", {name: values[n : n + 1] for name, values in table.items()})
        _assert_bits({name: [value] for name, value in answer["predictions"][0].items()}, expected)


def test_infer_equals_the_saved_model(models):
    model, trusted = models
    table = _table()
    expected = _run(trusted, "serving_default", table)
    kinds = {"x": "FP32", "d": "FP64", "m": "FP32", "i": "INT64", "b": "BOOL", "s": "BYTES"}
    inputs = [
        {"name": name, "shape": values.shape, "datatype": kinds[name], "data": _json(values.reshape(-1))}
        for name, values in table.items()
    ]
    codec = InferCodec(model.signatures)
    request = codec.decode(json.dumps({"inputs": inputs}).encode())
    answer = json.loads(codec.encode(request, model.run("serving_default", request.inputs), "m", 1))
    shaped = {one["name"]: np.array(one["data"], object).reshape(one["shape"]).tolist() for one in answer["outputs"]}
    expected["raw_bytes"] = np.array(expected.pop("raw_bytes").tolist(), object)
    raw = shaped.pop("raw_bytes")
    assert [value.encode() for value in raw] == expected.pop("raw_bytes").tolist()
    _assert_bits(shaped, expected)


def test_classify_and_regress_equal_the_saved_model(models):
    import tensorflow as tf

    model, trusted = models
    values = np.float32(np.random.default_rng(2).normal(size=50))
    serialized = np.array(
        [
            tf.train.Example(
                features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[x]))})
            ).SerializeToString()
            for x in values
        ],
        object,
    )
    codec = ExamplesCodec(model.signatures)
    body = {"examples": [{"x": float(x)} for x in values]}
    for call, name in ((Call.CLASSIFY, "classify"), (Call.REGRESS, "regress")):
        request = codec.decode(json.dumps({**body, "signature_name": name}).encode(), call)
        assert request.inputs["inputs"].tolist() == serialized.tolist()
        results = json.loads(codec.encode(request, model.run(name, request.inputs)))["results"]
        expected = _run(trusted, name, {"inputs": serialized})
        if call is Call.REGRESS:
            assert np.float32(results).tobytes() == expected["outputs"].tobytes()
        else:
            assert [[label for label, _ in row] for row in results] == [["no", "yes"]] * 50
            assert (
                np.float32([[score for _, score in row] for row in results]).tobytes() == expected["scores"].tobytes()
            )
