"""The Open Inference Protocol; comments name sections of kserve/open-inference-protocol, inference_rest.md."""

import json

import numpy as np
import pytest

from serving.errors import ServingError
from serving.models.signatures import TensorSpec
from serving.rest.limits import Limits
from serving.rest.open_inference import (
    InferCodec,
    encode_live,
    encode_model,
    encode_model_ready,
    encode_ready,
    encode_server,
)
from tests.serving.rest.signatures import MANY, ONE, OPTIONAL, TEXT, signature

F32 = np.float32
NUMBER = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3.5, 4]}


def _decoded(one, body, **limits):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return InferCodec({one.name: one}, Limits(**limits)).decode(text)


@pytest.mark.parametrize("data", [[1, 2, 3.5, 4], [[1, 2], [3.5, 4]]])
def test_data_may_be_flat_or_nested(data):
    # Tensor Data
    request = _decoded(ONE, {"id": "42", "inputs": [{**NUMBER, "data": data}]})
    np.testing.assert_array_equal(request.inputs["x"], F32([[1, 2], [3.5, 4]]))
    assert request.inputs["x"].dtype == np.float32
    assert (request.rows, request.id, request.outputs) == (2, "42", ())


@pytest.mark.parametrize(
    ("dtype", "datatype", "data", "expected"),
    [
        ("BOOL", "BOOL", [True, False], np.bool_([True, False])),
        ("UINT8", "UINT8", [255], np.uint8([255])),
        ("UINT16", "UINT16", [65535], np.uint16([65535])),
        ("UINT32", "UINT32", [2**32 - 1], np.uint32([2**32 - 1])),
        ("UINT64", "UINT64", [2**64 - 1], np.uint64([2**64 - 1])),
        ("INT8", "INT8", [-128], np.int8([-128])),
        ("INT16", "INT16", [-32768], np.int16([-32768])),
        ("INT32", "INT32", [-(2**31)], np.int32([-(2**31)])),
        ("INT64", "INT64", [-(2**63)], np.int64([-(2**63)])),
        ("HALF", "FP16", [0.5], np.float16([0.5])),
        ("FLOAT", "FP32", [0.1], F32([0.1])),
        ("DOUBLE", "FP64", [0.1], np.float64([0.1])),
        ("STRING", "BYTES", ["ü"], np.array(["ü".encode()], object)),
    ],
)
def test_every_datatype_there_and_back(dtype, datatype, data, expected):
    # Tensor Data Types
    one = signature([("x", dtype, (-1,))], [("x", dtype, (-1,))])
    sent = {"name": "x", "shape": [len(data)], "datatype": datatype, "data": data}
    codec = InferCodec({"serving_default": one})
    request = codec.decode(json.dumps({"inputs": [sent]}).encode())
    assert request.inputs["x"].dtype == expected.dtype
    assert request.inputs["x"].tolist() == expected.tolist()
    assert json.loads(codec.encode(request, request.inputs, "m", 7)) == {
        "model_name": "m",
        "model_version": "7",
        "outputs": [sent],
    }


def test_bytes_as_base64():
    sent = {
        "name": "text",
        "shape": [1],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": ["/w=="],
    }
    codec = InferCodec({"serving_default": TEXT})
    request = codec.decode(json.dumps({"inputs": [sent]}).encode())
    assert request.inputs["text"].tolist() == [b"\xff"]
    answer = json.loads(codec.encode(request, {"text": np.array([b"\xff"], object)}, "m", 1))
    assert answer["outputs"] == [sent]


def test_an_answer_has_the_requested_outputs_and_the_id():
    # Inference Response JSON Object
    inputs = [
        {"name": "delay", "shape": [1], "datatype": "FP32", "data": [1]},
        {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["UA"]},
        {"name": "day", "shape": [1], "datatype": "INT64", "data": [3]},
    ]
    codec = InferCodec({"serving_default": MANY})
    body = {"id": "a", "inputs": inputs, "outputs": [{"name": "class"}, {"name": "probability", "parameters": {}}]}
    request = codec.decode(json.dumps(body).encode())
    outputs = {
        "probability": F32([np.nan]),
        "class": np.int64([1]),
        "model_version": np.array([b"3"], object),
    }
    assert codec.encode(request, outputs, "flights", 3) == (
        b'{"model_name":"flights","model_version":"3","id":"a","outputs":[{"name":"class","shape":[1],"datatype":"INT64",'
        b'"data":[1]},{"name":"probability","shape":[1],"datatype":"FP32","data":[NaN]}]}'
    )


def test_optional_inputs_may_be_left_out():
    carrier = {"name": "carrier", "shape": [2], "datatype": "BYTES", "data": ["UA", "B6"]}
    delay = {"name": "delay", "shape": [2], "datatype": "FP32", "data": [None, 1]}
    request = _decoded(OPTIONAL, {"inputs": [carrier, delay]})
    np.testing.assert_array_equal(request.inputs["delay"], F32([np.nan, 1]))
    assert request.inputs["day"].tolist() == [-(2**63)] * 2
    assert request.inputs["note"].tolist() == [b"", b""]


def test_a_signature_can_be_named():
    codec = InferCodec({"serving_default": TEXT, "other": signature([("x", "FLOAT", None)], name="other")})
    body = {"parameters": {"signature_name": "other"}, "inputs": [NUMBER]}
    assert codec.decode(json.dumps(body).encode()).signature == "other"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        ({}, "inputs: a list of objects is expected, with an input at least"),
        ({"inputs": []}, "inputs: a list of objects is expected"),
        ({"inputs": [1]}, "inputs: a list of objects is expected"),
        ({"inputs": [{}]}, "inputs: each needs a `name`, a string; one has null"),
        ({"inputs": [{**NUMBER, "name": "z"}]}, "input z: the signature serving_default has no such input"),
        ({"inputs": [NUMBER, NUMBER]}, "input x is sent twice"),
        ({"inputs": [{**NUMBER, "datatype": "FP64"}]}, 'input x: the datatype is "FP64"; the model expects FP32'),
        ({"inputs": [{**NUMBER, "datatype": 1}]}, "input x: the datatype is 1; the model expects FP32"),
        ({"inputs": [{**NUMBER, "shape": [3]}]}, "input x: `data` has the shape [4]; `shape` is [3]"),
        ({"inputs": [{**NUMBER, "shape": [-1, 4]}]}, "input x: `shape` must be a list of whole numbers, not [-1,4]"),
        ({"inputs": [{**NUMBER, "shape": [True]}]}, "`shape` must be a list of whole numbers"),
        ({"inputs": [{**NUMBER, "shape": "4"}]}, "`shape` must be a list of whole numbers"),
        ({"inputs": [{**NUMBER, "shape": [1] * 20}]}, "`shape` has 20 dimensions"),
        ({"inputs": [{**NUMBER, "shape": [2**62, 2**62, 0], "data": []}]}, "input x: `shape` is"),
        ({"inputs": [{**NUMBER, "data": [[1, 2, 3, 4]]}]}, "input x: `data` has the shape [1, 4]; `shape` is [2, 2]"),
        ({"inputs": [{**NUMBER, "data": [1, "a", 3, 4]}]}, 'input x: JSON Value: "a" Type: String'),
        ({"inputs": [{**NUMBER, "data": 1}]}, "input x: `data` is missing, or not a list"),
        ({"id": 5, "inputs": [NUMBER]}, "id: a string is expected, not 5"),
        ({"parameters": 5, "inputs": [NUMBER]}, "parameters of the request: an object is expected"),
        ({"parameters": {"signature_name": "a"}, "inputs": [NUMBER]}, 'Serving signature name: "a" not found'),
        (
            {"inputs": [NUMBER], "outputs": [{"name": "z"}]},
            "output z: the signature serving_default has no such output",
        ),
        ({"inputs": [NUMBER], "outputs": {}}, "outputs: a list of objects is expected"),
        # The binary extension of Triton
        ({"inputs": [{**NUMBER, "parameters": {"binary_data_size": 16}}]}, "input x: the binary tensor extension"),
        ({"inputs": [NUMBER], "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}, "the binary tensor"),
        (
            {"inputs": [NUMBER], "parameters": {"binary_data_output": True}},
            "the binary tensor extension is not supported",
        ),
    ],
)
def test_wrong_bodies(body, message):
    with pytest.raises(ServingError) as refused:
        _decoded(ONE, body)
    assert refused.value.http_status == 400
    assert message in refused.value.message


def test_a_missing_input():
    with pytest.raises(ServingError, match="input carrier is missing"):
        _decoded(MANY, {"inputs": [{"name": "delay", "shape": [1], "datatype": "FP32", "data": [1]}]})


def test_the_header_of_the_binary_extension():
    with pytest.raises(ServingError, match="the binary tensor extension is not supported.*Inference-Header"):
        InferCodec({"serving_default": ONE}).decode(b"{}", "14")


def test_an_empty_tensor_does_not_ask_for_defaults_beyond_the_limit():
    carrier = {"name": "carrier", "shape": [2**40, 0], "datatype": "BYTES", "data": []}
    with pytest.raises(ServingError, match="the server accepts at most 10,000"):
        _decoded(OPTIONAL, {"inputs": [carrier]})


def test_metadata():
    # Server Metadata, Model Metadata, Server Live, Server Ready, Model Ready
    assert json.loads(encode_server("plumbline", "0.1.0")) == {
        "name": "plumbline",
        "version": "0.1.0",
        "extensions": [],
    }
    assert json.loads(encode_live(True)) == {"live": True}
    assert json.loads(encode_ready(False)) == {"live": True, "ready": False}
    assert json.loads(encode_model_ready("m", True)) == {"name": "m", "ready": True}
    one = signature([("x", "FLOAT", (-1, 3)), TensorSpec("t", "STRING", None, True)], [("y", "INT64", (-1,))])
    assert json.loads(encode_model("m", [1, 3], one)) == {
        "name": "m",
        "versions": ["1", "3"],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "t", "datatype": "BYTES", "shape": [-1], "parameters": {"optional": True}},
        ],
        "outputs": [{"name": "y", "datatype": "INT64", "shape": [-1]}],
    }
