"""Golden cases of answers. Each comment names the place in tensorflow/serving, July 2026, that the case follows.

The texts are compact here and indented there; floats may be written with other digits, see serving/rest/json_writer.py.
"""

import json

import numpy as np
import pytest

from serving.errors import (
    ServingError,
    Status,
    invalid,
    servable_not_found,
    unknown_label,
    version_status_not_found,
)
from serving.models.version_states import State, VersionStatus
from serving.rest.json_writer import dumps
from serving.rest.metadata import encode_metadata
from serving.rest.predict import PredictCodec
from serving.rest.status import encode_status
from tests.serving.rest.signatures import ONE, signature

F32, I64 = np.float32, np.int64


def _encoded(outputs, rows=True):
    codec = PredictCodec({"serving_default": ONE})
    request = codec.decode(b'{"instances": [1]}' if rows else b'{"inputs": [1]}')
    return codec.encode(request, outputs).decode()


def _texts(*values):
    return np.array(values, object)


MIXED = {
    "probability": F32([0.25, 1 / 3]),
    "class": I64([0, 1]),
    "scores": F32([[1, 2], [3, 4]]),
    "model_version": _texts(b"7", b"7"),
    "image_bytes": _texts(b"\x00\xff", b""),
}


@pytest.mark.parametrize(
    ("outputs", "rows", "text"),
    [
        # json_tensor_test.cc, FromJsonSingleTensor: one output has no name
        ({"y": np.int32([[1, 2], [3, 4]])}, True, '{"predictions":[[1,2],[3,4]]}'),
        ({"y": np.int32([[1, 2], [3, 4]])}, False, '{"outputs":[[1,2],[3,4]]}'),
        # json_tensor_test.cc, FromJsonSingleScalarTensor
        ({"y": I64([1, 2])}, True, '{"predictions":[1,2]}'),
        ({"y": np.array(1.5, np.float32)}, False, '{"outputs":1.5}'),
        # json_tensor_test.cc, FromJsonSingleFloatTensorSixDigitPrecision: whole floats end in .0
        ({"y": F32([9e6, 999999, 0.5, 3e-4, 3e-5])}, True, '{"predictions":[9000000.0,999999.0,0.5,0.0003,0.00003]}'),
        ({"y": F32([1e20, 555557.5, -0.0])}, True, '{"predictions":[1e+20,555557.5,-0.0]}'),
        # The fewest digits that round-trip: float32 unlike float64
        ({"y": F32([0.1, 1 / 3, 16777216])}, True, '{"predictions":[0.1,0.33333334,16777216.0]}'),
        ({"y": np.float64([0.1, 1 / 3])}, True, '{"predictions":[0.1,0.3333333333333333]}'),
        ({"y": np.float16([0.1, 65504])}, True, '{"predictions":[0.099975586,65504.0]}'),
        # json_tensor_test.cc, FromJsonSingleFloatTensorNonFinite
        ({"y": F32([np.nan, np.inf, 3, -np.inf])}, True, '{"predictions":[NaN,Infinity,3.0,-Infinity]}'),
        ({"y": F32([[np.nan, 1], [2, 3]])}, False, '{"outputs":[[NaN,1.0],[2.0,3.0]]}'),
        ({"y": np.array(np.nan)}, False, '{"outputs":NaN}'),
        # A text with the word null is no number
        ({"y": F32([np.nan]), "t": _texts(b"null")}, True, '{"predictions":[{"y":NaN,"t":"null"}]}'),
        ({"t": _texts(b"null")}, True, '{"predictions":["null"]}'),
        # json_tensor.cc, AddSingleValueAndAdvance
        ({"y": np.bool_([True, False])}, True, '{"predictions":[true,false]}'),
        ({"y": np.uint64([2**64 - 1])}, True, '{"predictions":[18446744073709551615]}'),
        ({"y": np.int8([-128])}, True, '{"predictions":[-128]}'),
        ({"y": _texts('ü"\n'.encode())}, True, '{"predictions":["ü\\"\\n"]}'),
        # json_tensor_test.cc, FromJsonSingleBytesTensor: DT_STRING whose name ends in _bytes
        ({"y_bytes": _texts(b"hello")}, True, '{"predictions":[{"b64":"aGVsbG8="}]}'),
        ({"y_bytes": np.array([[b"a", b"b"]], object)}, True, '{"predictions":[[{"b64":"YQ=="},{"b64":"Yg=="}]]}'),
        ({"n_bytes": I64([5])}, True, '{"predictions":[5]}'),
        # Not in TF Serving, which writes the bytes
        ({"y": _texts(b"\xff", b"a")}, True, '{"predictions":[{"b64":"/w=="},"a"]}'),
        # json_tensor_test.cc, FromJsonMultipleNamedTensors
        (
            MIXED,
            True,
            '{"predictions":[{"probability":0.25,"class":0,"scores":[1.0,2.0],"model_version":"7","image_bytes":'
            '{"b64":"AP8="}},{"probability":0.33333334,"class":1,"scores":[3.0,4.0],"model_version":"7","image_bytes":'
            '{"b64":""}}]}',
        ),
        (
            MIXED,
            False,
            '{"outputs":{"probability":[0.25,0.33333334],"class":[0,1],"scores":[[1.0,2.0],[3.0,4.0]],'
            '"model_version":["7","7"],"image_bytes":[{"b64":"AP8="},{"b64":""}]}}',
        ),
        # json_tensor_test.cc, FromJsonSingleZeroBatchTensor, FromJsonMultipleZeroBatchTensors
        ({"y": F32([])}, True, '{"predictions":[]}'),
        ({"y": np.zeros((0, 2), np.float32), "z": I64([])}, True, '{"predictions":[]}'),
        ({"y": np.zeros((2, 0), np.float32)}, True, '{"predictions":[[],[]]}'),
        # json_tensor.cc, MakeColumnarFormatJsonFromTensors: columns need not have one length
        ({"y": F32([1]), "z": I64([1, 2])}, False, '{"outputs":{"y":[1.0],"z":[1,2]}}'),
        # Another memory layout
        ({"y": F32([[1, 2], [3, 4]]).T}, False, '{"outputs":[[1.0,3.0],[2.0,4.0]]}'),
        (
            {"y": F32([[1, 2], [3, 4]]).T, "z": I64([1, 2])},
            True,
            '{"predictions":[{"y":[1.0,3.0],"z":1},{"y":[2.0,4.0],"z":2}]}',
        ),
    ],
)
def test_outputs_become_the_json_of_tensorflow_serving(outputs, rows, text):
    assert _encoded(outputs, rows) == text


@pytest.mark.parametrize(
    ("outputs", "rows", "message"),
    [
        # json_tensor_test.cc, FromJsonSingleTensorErrors
        ({}, True, "Cannot convert empty tensor map to JSON"),
        ({}, False, "Cannot convert empty tensor map to JSON"),
        ({"y": np.complex64([1])}, True, "Failed to write JSON value for tensor type: complex64"),
        ({"y": np.array(1.0)}, True, "Tensor name: y has no shape information "),
        # json_tensor_test.cc, FromJsonMultipleNamedTensorsErrors
        ({"y": F32([1]), "z": F32([1, 2])}, True, "Tensor name: z has inconsistent batch size: 2 expecting: 1"),
    ],
)
def test_outputs_that_cannot_be_written(outputs, rows, message):
    with pytest.raises(ServingError, match=message) as refused:
        _encoded(outputs, rows)
    assert refused.value.http_status == 400


def test_rows_without_the_trailing_dimension_are_answered_without_it():
    # http_rest_api_handler_test.cc, Predict: x/2 + 2 of an input [-1, 1]
    codec = PredictCodec({"serving_default": signature([("x", "FLOAT", (-1, 1))], [("y", "FLOAT", (-1, 1))])})
    for body, text in (
        (b'{"instances": [1.0, 2.0]}', b'{"predictions":[2.5,3.0]}'),
        (b'{"instances": [[1.0], [2.0]]}', b'{"predictions":[[2.5],[3.0]]}'),
        (b'{"inputs": [1.0, 2.0]}', b'{"outputs":[2.5,3.0]}'),
    ):
        request = codec.decode(body)
        assert codec.encode(request, {"y": request.inputs["x"] / 2 + 2}) == text


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_float_reads_back_to_the_last_bit(dtype):
    bits = np.random.default_rng(3).integers(0, 2 ** (np.dtype(dtype).itemsize * 8), 20_000, np.uint64)
    values = bits.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    values = np.where(np.isnan(values), dtype(np.nan), values)
    read = np.array(json.loads(dumps(values))).astype(dtype)
    assert read.tobytes() == values.tobytes()


def test_errors():
    # json_tensor_test.cc, MakeJsonFromTensors, StatusError
    assert invalid('Bad key: "key"').body() == b'{"error": "Bad key: \\"key\\""}'
    # core/manager.h, ServableRequest::DebugString; api_rest.md
    assert servable_not_found("half").message == "Servable not found for request: Latest(half)"
    assert servable_not_found("half", 99).message == "Servable not found for request: Specific(half, 99)"
    assert servable_not_found("half").http_status == 404
    # server_core.cc, GetModelVersionForLabel
    assert unknown_label("x").message == "Unrecognized servable version label: x"
    assert unknown_label("x").http_status == 400
    # get_model_status_impl.cc
    assert version_status_not_found("m").message == "Could not find any versions of model m"
    assert version_status_not_found("m", 3).message == "Could not find version 3 of model m"
    assert version_status_not_found("m").http_status == 404
    assert json.loads(invalid("half of a pair: \ud800").body()) == {"error": "half of a pair: ?"}


def test_status_codes():
    # http_server.cc, ToHTTPStatusCode
    expected = {
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "OUT_OF_RANGE": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "ABORTED": 409,
        "RESOURCE_EXHAUSTED": 429,
        "CANCELLED": 499,
        "UNKNOWN": 500,
        "INTERNAL": 500,
        "DATA_LOSS": 500,
        "UNIMPLEMENTED": 501,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
    }
    assert {status.name: status.http for status in Status} == expected


def test_status_of_a_model():
    # http_rest_api_handler_test.cc, GetStatus; servable_state_monitor.h, VersionMap: the highest version first
    failed = VersionStatus(2, State.END, "DATA_LOSS", "checksum differs")
    assert json.loads(encode_status([VersionStatus(1, State.AVAILABLE), failed])) == {
        "model_version_status": [
            {
                "version": "2",
                "state": "END",
                "status": {"error_code": "DATA_LOSS", "error_message": "checksum differs"},
            },
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
        ]
    }


def test_metadata_of_a_model():
    # testdata/saved_model_half_plus_two_2_versions_metadata.json
    assert json.loads(encode_metadata("m", 123, {"serving_default": {"method_name": "p"}})) == {
        "model_spec": {"name": "m", "signature_name": "", "version": "123"},
        "metadata": {"signature_def": {"signature_def": {"serving_default": {"method_name": "p"}}}},
    }
