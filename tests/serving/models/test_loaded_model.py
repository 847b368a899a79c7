import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving.errors import ServingError, Status
from serving.models.loaded_model import LoadedModel, _refused, public_callable
from serving.models.signatures import PREDICT, TensorSpec
from tests.serving.models.saved_models import row, write_model


@pytest.fixture(scope="module")
def model(models: dict[float, Path]) -> LoadedModel:
    return LoadedModel(models[2.0], "m", 7)


def test_answers_are_those_of_tensorflows_own_loader_to_the_last_bit(models: dict[float, Path]) -> None:
    loaded, trusted = LoadedModel(models[3.0], "m", 1), tf.saved_model.load(str(models[3.0]))
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    texts = np.array([b"jfk", b"", b"\xff\x00", b"lga"] * 250, object)
    expected = trusted.signatures["serving_default"](x=tf.constant(values), text=tf.constant(texts))
    found = loaded.run("serving_default", {"x": values, "text": texts})
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_refused_text_is_shown_as_it_was_sent(tmp_path: Path) -> None:
    """TensorFlow escapes quotes and backslashes."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="day")])
    def check(day: tf.Tensor) -> dict[str, tf.Tensor]:
        message = tf.strings.join(["day: '", day[0], "' is no date"])
        with tf.control_dependencies([tf.debugging.Assert(tf.size(day) == 0, [message])]):
            return {"day": tf.identity(day)}

    module = tf.Module()
    module.check = check
    tf.saved_model.save(module, str(tmp_path), signatures=check)
    for text in ("30. März", "a\\b", "''"):
        with pytest.raises(ServingError) as refused:
            LoadedModel(tmp_path, "m", 1).run("serving_default", {"day": np.array([text.encode()], object)})
        assert refused.value.message == f"day: '{text}' is no date"


def test_the_public_callable_answers_alike(model: LoadedModel) -> None:
    graph = model._graph
    feeds = {"x": "serving_default_x:0", "text": "serving_default_text:0"}
    definition = model._definitions["serving_default"]
    fetches = {name: definition.outputs[name].name for name in sorted(definition.outputs)}
    assert graph.get_tensor_by_name(feeds["x"]) is not None
    call = public_callable(model._session, feeds, fetches)
    found = dict(zip(fetches, call(np.array([1, 2], np.float32), np.array([b"jfk", b""], object)), strict=True))
    np.testing.assert_array_equal(found["y"], np.float32([2, 4]))
    np.testing.assert_array_equal(found["place"], [1, -1])


def test_signatures_are_read_from_the_file(model: LoadedModel) -> None:
    assert sorted(model.signatures) == ["examples", "serving_default"]
    default = model.signatures["serving_default"]
    assert default.method == PREDICT
    assert default.inputs["x"] == TensorSpec("x", "FLOAT", None)
    text = default.inputs["text"]
    assert (text.dtype, text.optional, text.default.tolist()) == ("STRING", True, [b""])
    assert {name: spec.dtype for name, spec in default.outputs.items()} == {
        "factor": "STRING",
        "place": "INT64",
        "text": "STRING",
        "y": "FLOAT",
    }
    assert model.signatures["examples"].inputs["inputs"].shape == (-1,)


def test_metadata_has_the_fields_of_tensorflow_serving(model: LoadedModel) -> None:
    described = model.signature_defs_json()
    assert set(described) == {"__saved_model_init_op", "examples", "serving_default"}
    assert described["examples"]["inputs"]["inputs"] == {
        "name": "examples_inputs:0",
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
    }
    assert described["serving_default"]["inputs"]["x"]["tensor_shape"] == {"dim": [], "unknown_rank": True}


def test_a_missing_optional_input_has_its_default_in_every_row(model: LoadedModel) -> None:
    found = model.run("serving_default", {"x": np.array([1, 2, 3], np.float32)})
    assert found["text"].tolist() == [b"", b"", b""]
    assert found["y"].tolist() == [2, 4, 6]


def test_no_rows_give_no_rows(model: LoadedModel) -> None:
    assert model.run("serving_default", {"x": np.zeros(0, np.float32)})["y"].shape == (0,)


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("other", row(), 'Serving signature name: "other" not found in signature def'),
        ("serving_default", {}, "x: is missing; signature serving_default requires it"),
        ("serving_default", {**row(), "z": np.zeros(1)}, "z: is not an input of signature serving_default"),
        ("serving_default", {"x": np.array(["a"])}, "x: is not of type FLOAT"),
    ],
)
def test_a_wrong_call_is_refused_with_the_inputs_name(
    model: LoadedModel, signature: str, inputs: dict, message: str
) -> None:
    with pytest.raises(ServingError) as refused:
        model.run(signature, inputs)
    assert refused.value.status is Status.INVALID_ARGUMENT
    assert refused.value.message.startswith(message)


def test_the_models_own_refusal_is_one_line_without_names_of_nodes(tmp_path: Path) -> None:
    model = LoadedModel(write_model(tmp_path / "a" / "model", 1.0, refused=0.0), "m", 1)
    with pytest.raises(ServingError) as refused:
        model.run("serving_default", row(-1.0))
    assert refused.value.status is Status.INVALID_ARGUMENT
    assert refused.value.message == "x: below the least legal value"
    assert model.run("serving_default", row(1.0))["y"].tolist() == [1]


def test_another_error_of_tensorflow_keeps_its_status() -> None:
    found = _refused(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\n\t [[{{node a}}]]"))
    assert (found.status, found.message) == (Status.RESOURCE_EXHAUSTED, "OOM when allocating")
    assert _refused(tf.errors.DataLossError(None, None, "")).status is Status.DATA_LOSS


def test_threads_share_a_model(model: LoadedModel) -> None:
    def one(number: int) -> list[float]:
        values = np.arange(number, number + 5, dtype=np.float32)
        return list(model.run("serving_default", {"x": values})["y"] / 2 - values)

    with ThreadPoolExecutor(8) as pool:
        assert all(found == [0] * 5 for found in pool.map(one, range(400)))


def test_a_folder_that_is_no_saved_model_is_refused(tmp_path: Path, models: dict[float, Path]) -> None:
    with pytest.raises(OSError, match="SavedModel file does not exist"):
        LoadedModel(tmp_path, "m", 1)
    module = tf.Module()
    module.v = tf.Variable(1.0)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff\xff\xff")
    with pytest.raises((OSError, ValueError)):
        LoadedModel(tmp_path, "m", 1)


def test_a_closed_model_releases_its_session(models: dict[float, Path]) -> None:
    model = LoadedModel(models[1.0], "m", 1)
    model.run("serving_default", row())
    model.close()
    gc.collect()
    with pytest.raises(RuntimeError, match="closed"):
        model._session.run([])
