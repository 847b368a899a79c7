"""Golden cases of :predict. Each comment names the place in tensorflow/serving, July 2026, that the case follows."""

import json
import math

import numpy as np
import pytest

from serving.errors import ServingError
from serving.rest.limits import Limits
from serving.rest.predict import PredictCodec
from serving.rest.predict_request import batched
from tests.serving.rest.signatures import MANY, ONE, OPTIONAL, TEXT, optional, signature

F32, F64, I64 = np.float32, np.float64, np.int64
MIN = np.iinfo(np.int64).min
NAN = float("nan")


def _codec(one, **limits):
    return PredictCodec({one.name: one}, Limits(**limits))


def _same(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if found.dtype == object:
        assert found.tolist() == expected.tolist()
    else:
        np.testing.assert_array_equal(found, expected)


def _texts(*values):
    return np.array(values, object)


def typed(dtype, shape=None):
    return signature([("x", dtype, shape)])


ACCEPTED = [
    # json_tensor_test.cc, SingleUnnamedTensor: the only input needs no name
    (ONE, '{"instances": [[1, 2], [3, 4]]}', {"x": F32([[1, 2], [3, 4]])}),
    # json_tensor_test.cc, MixedInputForFloatTensor: whole and decimal numbers mixed
    (ONE, '{"instances": [1, 2.5, -3e2, 0]}', {"x": F32([1, 2.5, -300, 0])}),
    # json_tensor.cc, FillTensorMapFromInstancesList: the only input may be named, too
    (ONE, '{"instances": [{"x": 1}, {"x": 2}]}', {"x": F32([1, 2])}),
    # json_tensor_test.cc, FloatTensorWithPrecisionLoss: rounded to the nearest float32, without and with a point
    (ONE, '{"instances": [1435774380, 1435774380.0]}', {"x": F32([1435774336, 1435774336])}),
    # json_tensor_test.cc, FloatTensorThatExceedsMaxReturnsInf, ...MinReturnsZero: the cast of C
    (ONE, '{"instances": [1e300, -1e300, 1e-300]}', {"x": F32([math.inf, -math.inf, 0])}),
    # json_tensor.cc, ParseJson, kParseNanAndInfFlag
    (ONE, '{"instances": [NaN, Infinity, -Infinity]}', {"x": F32([NAN, math.inf, -math.inf])}),
    # json_tensor.cc, AddValueToTensor: DT_DOUBLE
    (typed("DOUBLE"), '{"instances": [0.1, 7, 1e300]}', {"x": F64([0.1, 7, 1e300])}),
    # json_tensor.cc, AddValueToTensor: integer types
    (typed("INT64"), f'{{"instances": [{MIN}, 9223372036854775807]}}', {"x": I64([MIN, 2**63 - 1])}),
    (typed("UINT64"), '{"instances": [18446744073709551615, 0]}', {"x": np.uint64([2**64 - 1, 0])}),
    (typed("INT32"), '{"instances": [-2147483648]}', {"x": np.int32([-(2**31)])}),
    (typed("UINT8"), '{"instances": [[0, 255]]}', {"x": np.uint8([[0, 255]])}),
    # rapidjson: integers of more than 64 bits are numbers in double
    (typed("DOUBLE"), '{"instances": [1000000000000000000000, NaN]}', {"x": F64([1e21, NAN])}),
    # json_tensor.cc, AddValueToTensor: DT_BOOL
    (typed("BOOL"), '{"instances": [true, false]}', {"x": np.bool_([True, False])}),
    # Not in TF Serving: 501 there
    (typed("HALF"), '{"instances": [0.5, 1e9]}', {"x": np.float16([0.5, math.inf])}),
    (typed("UINT16"), '{"instances": [65535]}', {"x": np.uint16([65535])}),
    # json_tensor_test.cc, SingleUnnamedTensorBase64Scalars
    (TEXT, '{"instances": [{"b64": "YWJj"}, "d"]}', {"text": _texts(b"abc", b"d")}),
    # absl::Base64Unescape accepts missing padding
    (TEXT, '{"instances": [{"b64": "YQ"}]}', {"text": _texts(b"a")}),
    # json_tensor_test.cc, SingleNamedTensorBase64
    (TEXT, '{"instances": [{"text": {"b64": "AP8="}}]}', {"text": _texts(b"\x00\xff")}),
    # json_tensor.cc, FillTensorMapFromInputsMap: a base64 object is the value, not a map of inputs
    (TEXT, '{"inputs": [{"b64": "YWJj"}]}', {"text": _texts(b"abc")}),
    (TEXT, '{"inputs": {"b64": "YWJj"}}', {"text": np.array(b"abc", object)}),
    # rapidjson decodes escapes to UTF-8
    (
        TEXT,
        '{"instances": ["ü", "\\u00fc", "\\ud83d\\ude00"]}',
        {"text": _texts("ü".encode(), "ü".encode(), "😀".encode())},
    ),
    # json_tensor_test.cc, MultipleNamedTensor: keys in any order
    (
        MANY,
        '{"instances": [{"day": 3, "carrier": "UA", "delay": 1.5}, {"delay": 2, "carrier": "B6", "day": 4}]}',
        {"delay": F32([1.5, 2]), "carrier": _texts(b"UA", b"B6"), "day": I64([3, 4])},
    ),
    # json_tensor.cc, FillTensorMapFromInstancesList: the batch dimension is put before the shape of the rows
    (
        MANY,
        '{"instances": [{"day": [3], "carrier": ["UA", "AA"], "delay": [[1], [2]]}]}',
        {"delay": F32([[[1], [2]]]), "carrier": np.array([[b"UA", b"AA"]], object), "day": I64([[3]])},
    ),
    # json_tensor_test.cc, MultipleNamedTensorColumnarFormat
    (
        MANY,
        '{"inputs": {"delay": [1, 2], "carrier": ["UA", "B6"], "day": [3, 4]}}',
        {"delay": F32([1, 2]), "carrier": _texts(b"UA", b"B6"), "day": I64([3, 4])},
    ),
    # json_tensor.cc, FillTensorMapFromInputsMap: looks up the inputs of the signature, so other keys are ignored
    (
        MANY,
        '{"inputs": {"delay": [1], "carrier": ["UA"], "day": [3], "other": {"a": [null]}}}',
        {"delay": F32([1]), "carrier": _texts(b"UA"), "day": I64([3])},
    ),
    # api_rest.md: inputs in column format need not share the first dimension
    (
        MANY,
        '{"inputs": {"delay": [[1, 2], [3, 4]], "carrier": "UA", "day": []}}',
        {"delay": F32([[1, 2], [3, 4]]), "carrier": np.array(b"UA", object), "day": I64([])},
    ),
    # json_tensor_test.cc, SingleUnnamedTensorColumnarFormat
    (ONE, '{"inputs": [[1, 2], [3, 4]]}', {"x": F32([[1, 2], [3, 4]])}),
    (ONE, '{"inputs": {"x": [1, 2]}}', {"x": F32([1, 2])}),
    (ONE, '{"inputs": 7}', {"x": np.array(7, np.float32)}),
    # json_tensor.cc, FillSignature: an empty name is the default signature; other keys of the body are ignored
    (ONE, '{"signature_name": "", "instances": [1], "more": [{}]}', {"x": F32([1])}),
    (ONE, '{"signature_name": "serving_default", "instances": [1]}', {"x": F32([1])}),
    # rapidjson::EncodedInputStream skips a byte order mark
    (ONE, '\ufeff{"instances": [1]}', {"x": F32([1])}),
    # http_rest_api_handler_test.cc, Predict: [N] for an input of [-1, 1]; the model gets [N, 1], see tensors.py
    (typed("FLOAT", (-1, 1)), '{"instances": [1.0, 2.0]}', {"x": F32([[1], [2]])}),
    (typed("FLOAT", (-1, 1)), '{"instances": [[1.0], [2.0]]}', {"x": F32([[1], [2]])}),
    # Beyond TF Serving: inputs with defaults may be left out, or be null
    (
        OPTIONAL,
        '{"instances": [{"carrier": "UA"}, {"carrier": "B6", "delay": 1, "note": null, "day": 2}]}',
        {
            "delay": F32([NAN, 1]),
            "carrier": _texts(b"UA", b"B6"),
            "day": I64([MIN, 2]),
            "note": _texts(b"", b""),
        },
    ),
    (
        OPTIONAL,
        '{"inputs": {"carrier": ["UA", "B6"], "delay": [null, 1], "note": null}}',
        {
            "delay": F32([NAN, 1]),
            "carrier": _texts(b"UA", b"B6"),
            "day": I64([MIN, MIN]),
            "note": _texts(b"", b""),
        },
    ),
    (
        OPTIONAL,
        '{"instances": [{"carrier": ["UA"], "delay": [null], "day": [1]}]}',
        {
            "delay": F32([[NAN]]),
            "carrier": np.array([[b"UA"]], object),
            "day": I64([[1]]),
            "note": _texts(b""),
        },
    ),
    (
        signature([optional("a"), optional("b")]),
        '{"instances": [{}, {}]}',
        {"a": F32([NAN, NAN]), "b": F32([NAN, NAN])},
    ),
]


@pytest.mark.parametrize(("one", "body", "expected"), ACCEPTED, ids=[body[:60] for _, body, _ in ACCEPTED])
def test_bodies_become_the_tensors_of_tensorflow_serving(one, body, expected):
    found = _codec(one).decode(body.encode())
    assert found.inputs.keys() == expected.keys()
    for name, values in expected.items():
        _same(found.inputs[name], values)
    assert found.row_format is ("instances" in json.loads(body.lstrip("\ufeff")))


REFUSED = [
    # json_tensor.cc, ParseJson
    (ONE, "", "JSON Parse error: The document is empty"),
    (ONE, " \n", "JSON Parse error: The document is empty"),
    (ONE, "instances = [1, 2]", "JSON Parse error: Expecting value at offset: 0"),
    (ONE, "[1]", "JSON Value: [1] Is not object"),
    (ONE, "null", "JSON Value: null Is not object"),
    # Stricter than kParseStopWhenDoneFlag
    (ONE, '{"instances": [1]} {}', "JSON Parse error: Extra data at offset: 19"),
    # rapidjson: kParseErrorNumberTooBig
    (ONE, '{"instances": [1e400]}', "JSON Parse error: Number too big to be stored in double: 1e400"),
    (ONE, '{"instances": [NaN, 1e400]}', "JSON Parse error: Number too big to be stored in double: 1e400"),
    (ONE, '{"instances": [%s]}' % ("9" * 5000), "JSON Parse error: Number too big to be stored in double: 9999"),
    (
        ONE,
        '{"instances": [%s]}' % ("9" * 400),
        "JSON Parse error: Number too big to be stored in double: 9999",
    ),
    # rapidjson: kParseErrorStringUnicodeSurrogateInvalid
    (TEXT, '{"instances": ["\\ud800"]}', "JSON Parse error: a \\u escape is half of a surrogate pair"),
    # Stricter than TF Serving, which appends both values to the tensor (AddInstanceItem), or takes the first
    (ONE, '{"instances": [{"x": 1, "x": 2}]}', 'JSON Parse error: an object has the key "x" twice'),
    (ONE, '{"instances": [1], "instances": [2]}', 'JSON Parse error: an object has the key "instances" twice'),
    (TEXT, '{"inputs": {"text": ["a:b"], "text": ["c"]}}', 'JSON Parse error: an object has the key "text" twice'),
    (TEXT, '{"inputs": {"text": ["\\u003a"], "\\u0074ext": ["c"]}}', 'an object has the key "text" twice'),
    (ONE, '{"instances": [NaN], "instances": [2]}', 'JSON Parse error: an object has the key "instances" twice'),
    # json_tensor.cc, FillPredictRequestFromJson
    (ONE, "{}", "Missing 'inputs' or 'instances' key"),
    (ONE, '{"instances": [1], "inputs": [1]}', "expecting only one of 'inputs' or 'instances' keys to exist"),
    (ONE, '{"instances": 1}', "Expecting 'instances' to be an list/array"),
    (ONE, '{"instances": []}', "No values in 'instances' array"),
    # json_tensor.cc, FormatSignatureError
    (ONE, '{"signature_name": 5, "instances": [1]}', "'signature_name' key must be a string value."),
    # http_rest_api_handler.cc, GetInfoMap
    (ONE, '{"signature_name": "a", "instances": [1]}', 'Serving signature name: "a" not found in signature def'),
    # json_tensor.cc, FillTensorMapFromInstancesList
    (MANY, '{"instances": [1, 2]}', "instances is a plain list, but expecting list of objects"),
    (MANY, '{"instances": [{"delay": 1, "carrier": "a", "day": 1}, 2]}', "Expecting object but got list at item 1"),
    (ONE, '{"instances": [1, {"x": 1}]}', "Expecting value/list but got object at item 1 of input list"),
    (
        MANY,
        '{"instances": [{"delay": 1, "carrier": "a"}]}',
        'Failed to process element: 0 of \'instances\' list. JSON object: {"delay":1,"carrier":"a"} keys must be '
        "equal to: carrier,day,delay; missing: day",
    ),
    (
        MANY,
        '{"instances": [{"delay": 1, "carrier": "a", "day": 1, "other": 2}]}',
        "Failed to process element: 0 key: other of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: other",
    ),
    # json_tensor.cc, TypeError: the input and the row are named
    (
        MANY,
        '{"instances": [{"delay": 1, "carrier": "a", "day": 1}, {"delay": "x", "carrier": "a", "day": 1}]}',
        "Failed to process element: 1 key: delay of 'instances' list. Error: INVALID_ARGUMENT: "
        'JSON Value: "x" Type: String is not of expected type: float',
    ),
    (ONE, '{"instances": [true]}', "JSON Value: true Type: True is not of expected type: float"),
    (ONE, '{"instances": [null]}', "JSON Value: null Type: Null is not of expected type: float"),
    (ONE, '{"instances": [{"x": {"y": 1}}]}', 'JSON Value: {"y":1} Type: Object is not of expected type: float'),
    (typed("INT64"), '{"instances": [1.0]}', "JSON Value: 1.0 Type: Number is not of expected type: int64"),
    (typed("INT64"), '{"instances": [NaN]}', "JSON Value: NaN Type: Number is not of expected type: int64"),
    (typed("INT64"), '{"instances": [true]}', "JSON Value: true Type: True is not of expected type: int64"),
    (typed("INT64"), '{"instances": [9223372036854775808]}', "JSON Value: 9223372036854775808 Type: Number"),
    (
        typed("INT32"),
        '{"instances": [2147483648]}',
        "JSON Value: 2147483648 Type: Number is not of expected type: int32",
    ),
    # Stricter than TF Serving, which wraps
    (typed("UINT8"), '{"instances": [1, 300, -1]}', "JSON Value: 300 Type: Number is not of expected type: uint8"),
    (typed("BOOL"), '{"instances": [1]}', "JSON Value: 1 Type: Number is not of expected type: bool"),
    (TEXT, '{"instances": [1]}', "JSON Value: 1 Type: Number is not of expected type: string"),
    (TEXT, '{"inputs": [null]}', "input text: JSON Value: null Type: Null is not of expected type: string"),
    # json_tensor.cc, JsonDecodeBase64Object
    (TEXT, '{"instances": [{"b64": "*"}]}', "Unable to base64 decode"),
    (TEXT, '{"instances": [{"text": {"b64": 5}}]}', 'JSON Value: {"b64":5} not formatted correctly for base64 data'),
    # json_tensor_test.cc, SingleUnnamedTensorErrors: rows of another size or shape, ragged rows
    (
        ONE,
        '{"instances": [[1, 2], [3]]}',
        "element: 1 key: x of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
    ),
    (ONE, '{"instances": [[[1], [2]], [3, 4]]}', "Expecting shape [2,1] but got: [2]"),
    (ONE, '{"instances": [[1, [2]]]}', "Encountered list at unexpected level: 1 expected < 1"),
    (ONE, '{"instances": [[[1], 2]]}', "JSON Value: 2 found at incorrect level: 2"),
    (ONE, '{"inputs": [[1, 2], [3]]}', "input x: Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    # json_tensor.cc, FillTensorMapFromInputsMap
    (
        MANY,
        '{"inputs": [1]}',
        "inputs is a plain value/list, but expecting an object as multiple input tensors required",
    ),
    (MANY, '{"inputs": {"delay": [1], "carrier": ["a"]}}', "Missing named input: day in 'inputs' object."),
    (MANY, '{"inputs": {"delay": [1], "carrier": ["a"], "day": null}}', "input day: JSON Value: null Type: Null"),
    # Checked here; TF Serving leaves the shape to the model
    (typed("FLOAT", (-1, 3)), '{"instances": [[1, 2]]}', "input x: the shape is [1, 2]; the signature expects [-1, 3]"),
    (typed("FLOAT", (-1,)), '{"instances": [[1]]}', "input x: the shape is [1, 1]; the signature expects [-1]"),
    # Beyond TF Serving: what cannot be left out
    (OPTIONAL, '{"instances": [{"delay": 1}]}', "missing: carrier"),
    (
        OPTIONAL,
        '{"instances": [{"carrier": null}]}',
        "key: carrier of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: null",
    ),
    (signature([optional("a"), optional("b")]), '{"inputs": {}}', "inputs a, b can be left out only if"),
]


@pytest.mark.parametrize(("one", "body", "message"), REFUSED, ids=[body[:60] for _, body, _ in REFUSED])
def test_wrong_bodies_get_one_clear_400(one, body, message):
    with pytest.raises(ServingError) as refused:
        _codec(one).decode(body.encode())
    assert refused.value.http_status == 400
    assert message in refused.value.message
    assert json.loads(refused.value.body()) == {"error": refused.value.message}
    assert "\n" not in refused.value.message


def test_a_body_that_is_not_utf8():
    with pytest.raises(ServingError, match="the body is not UTF-8 at offset: 16") as refused:
        _codec(TEXT).decode(b'{"instances": ["\xff"]}')
    assert refused.value.http_status == 400


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [17, 70, 900, 2_000, 100_000])
@pytest.mark.parametrize("number", ["1", "NaN"])
def test_deep_nesting(opening, depth, number):
    closing = "]" if opening == "[" else "}"
    body = '{"instances": ' + opening * depth + number + closing * depth + "}"
    with pytest.raises(ServingError) as refused:
        _codec(ONE).decode(body.encode())
    assert refused.value.http_status == 400


def test_limits():
    with pytest.raises(ServingError, match="the request has 3 rows; the server accepts at most 2"):
        _codec(ONE, rows=2).decode(b'{"instances": [1, 2, 3]}')
    with pytest.raises(ServingError, match="the request has 3 rows; the server accepts at most 2"):
        _codec(ONE, rows=2).decode(b'{"inputs": [1, 2, 3]}')
    with pytest.raises(ServingError, match="lists are nested deeper than 2"):
        _codec(ONE, depth=2).decode(b'{"inputs": [[[1]]]}')
    with pytest.raises(ServingError, match="a string of 5 bytes is longer than 4"):
        _codec(TEXT, text_bytes=4).decode(b'{"instances": ["ok", "abcde"]}')
    with pytest.raises(ServingError, match="a string of 6 bytes is longer than 4"):
        _codec(TEXT, text_bytes=4).decode(b'{"instances": [{"b64": "YWJjZGVm"}]}')


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize(("text", "fits"), [("a" * 40, True), ("ü" * 20, True), ("a" * 41, False), ("😀" * 11, False)])
def test_the_limit_of_a_string_is_in_bytes(rows, text, fits):
    texts = ["b"] * 20 + [text]
    values = [{"text": one} for one in texts] if rows else {"text": texts}
    body = json.dumps({"instances" if rows else "inputs": values}, ensure_ascii=False).encode()
    codec = _codec(TEXT, text_bytes=40)
    if fits:
        assert codec.decode(body).inputs["text"].tolist() == [one.encode() for one in texts]
    else:
        with pytest.raises(ServingError, match="bytes is longer than 40"):
            codec.decode(body)


def test_a_type_that_json_cannot_represent_is_not_implemented():
    # json_tensor.cc, AddValueToTensor, default
    with pytest.raises(ServingError, match="Conversion of JSON Value: 1 to type: complex64") as refused:
        _codec(typed("COMPLEX64")).decode(b'{"instances": [1]}')
    assert refused.value.http_status == 501


@pytest.mark.parametrize(
    ("body", "rows"),
    [('{"instances": [1, 2]}', 2), ('{"inputs": [1, 2, 3]}', 3), ('{"inputs": 1}', None)],
)
def test_the_number_of_rows(body, rows):
    assert _codec(ONE).decode(body.encode()).rows == rows


def test_columns_of_different_lengths_have_no_number_of_rows():
    body = b'{"inputs": {"delay": [1, 2], "carrier": ["UA"], "day": [1]}}'
    assert _codec(MANY).decode(body).rows is None


def test_requests_are_batched_row_after_row():
    codec = _codec(OPTIONAL)
    bodies = [
        '{"instances": [{"carrier": "UA", "delay": 1}, {"carrier": "AA"}]}',
        '{"inputs": {"carrier": ["B6", "DL"], "delay": [null, 3], "day": [4, 5], "note": ["a", "b"]}}',
        '{"instances": [{"carrier": "WN", "note": null}]}',
    ]
    requests = [codec.decode(body.encode()) for body in bodies]
    assert {request.batch_key for request in requests} == {"serving_default"}
    found = batched(requests)
    for name, values in found.items():
        _same(values, np.concatenate([request.inputs[name] for request in requests]))
    _same(found["delay"], F32([1, NAN, NAN, 3, NAN]))
    _same(found["note"], _texts(b"", b"", b"a", b"b", b""))
    assert batched(requests[:1]) is requests[0].inputs


def test_tensors_are_batched_with_those_of_their_shape():
    codec = _codec(ONE)
    bodies = ("[[1, 2]]", "[[3, 4], [5, 6]]", "[[1], [2]]", "[1]")
    pair, pairs, single, scalar = [codec.decode(f'{{"instances": {body}}}'.encode()) for body in bodies]
    assert len({one.batch_key for one in (pair, single, scalar)}) == 3
    assert pair.batch_key == pairs.batch_key
    _same(batched([pair, pairs])["x"], F32([[1, 2], [3, 4], [5, 6]]))
    assert codec.decode(b'{"inputs": 1}').batch_key is None


def test_many_rows_equal_the_same_rows_one_by_one():
    rows = [{"delay": n / 7, "carrier": f"c{n}", "day": n} for n in range(100)]
    codec = _codec(MANY)
    whole = codec.decode(json.dumps({"instances": rows}).encode()).inputs
    single = [codec.decode(json.dumps({"instances": [row]}).encode()).inputs for row in rows]
    for name, values in whole.items():
        assert values.tolist() == [one[name][0] for one in single]
        assert values.flags.c_contiguous
