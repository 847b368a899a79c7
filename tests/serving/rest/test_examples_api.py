"""Golden cases of :classify and :regress; comments as in test_predict_golden.py."""

import json

import numpy as np
import pytest

from serving.errors import ServingError
from serving.rest.examples_api import ExamplesCodec
from serving.rest.limits import Limits
from serving.rest.paths import Call
from tests.serving.rest.signatures import CLASSES, ONE, VALUES, signature

F32 = np.float32
SIGNATURES = {"serving_default": CLASSES, "values": VALUES, "predict": ONE}


@pytest.fixture(scope="module")
def codec():
    return ExamplesCodec(SIGNATURES)


def _features(serialized):
    from tensorflow.core.example.example_pb2 import Example

    features = Example.FromString(serialized).features.feature
    return {
        name: (one.WhichOneof("kind"), list(getattr(one, one.WhichOneof("kind") or "", _Empty).value))
        for name, one in features.items()
    }


class _Empty:
    value = ()


def test_features_have_the_kinds_of_tensorflow_serving(codec):
    # json_tensor_test.cc, RequestNoContext; json_tensor.cc, AddValueToFeature
    body = """{"examples": [
        {"names": ["foo", "bar"], "ratio": 0.5, "ages": [2, 3, -9223372036854775808], "image": {"b64": "AP8="},
         "flags": [true, false, 7], "floats": [1.0, NaN, -Infinity, 1e300]},
        {"empty": [], "exponent": 1e2}]}"""
    request = codec.decode(body.encode(), Call.CLASSIFY)
    assert request.rows == 2
    assert request.signature == "serving_default"
    first, second = map(_features, request.inputs["inputs"])
    floats = first.pop("floats")
    assert floats[0] == "float_list"
    np.testing.assert_array_equal(floats[1], [1, np.nan, -np.inf, np.inf])
    assert first == {
        "names": ("bytes_list", [b"foo", b"bar"]),
        "ratio": ("float_list", [0.5]),
        "ages": ("int64_list", [2, 3, -(2**63)]),
        "image": ("bytes_list", [b"\x00\xff"]),
        "flags": ("int64_list", [1, 0, 7]),
    }
    assert second == {"empty": (None, []), "exponent": ("float_list", [100.0])}


def test_the_context_is_part_of_every_example(codec):
    # servables/tensorflow/util.cc, InputToSerializedExampleTensor: context and example are concatenated
    body = b'{"context": {"query": "pizza", "n": 1}, "examples": [{"cuisine": "a"}, {"cuisine": "b", "n": 2}]}'
    first, second = map(_features, codec.decode(body, Call.CLASSIFY).inputs["inputs"])
    assert first == {"query": ("bytes_list", [b"pizza"]), "n": ("int64_list", [1]), "cuisine": ("bytes_list", [b"a"])}
    assert second["n"] == ("int64_list", [2])
    assert second["query"] == ("bytes_list", [b"pizza"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        # json_tensor_test.cc, ClassifyRegressRequestTest, JsonErrors
        ('{"signature_name": 5, "examples": [{}]}', "'signature_name' key must be a string value."),
        ('{"context": [1], "examples": [{}]}', "Example must be JSON object but got JSON Array"),
        ('{"examples": {}}', "Expecting 'examples' value to be an list/array"),
        ('{"examples": [7]}', "Example must be JSON object but got JSON Number"),
        ('{"examples": [{"a": [1, null]}]}', "Feature: a has element with unexpected JSON type: Null"),
        ('{"examples": [{"a": null}]}', "Feature: a has element with unexpected JSON type: Null"),
        ('{"examples": [{"a": [1, "x"]}]}', "Unexpected element type in feature: a expecting type: int64"),
        ('{"examples": [{"a": [1, 1.5]}]}', "Unexpected element type in feature: a expecting type: int64"),
        ('{"examples": [{"a": [1.5, 1]}]}', "Unexpected element type in feature: a expecting type: float"),
        ('{"examples": [{"a": ["x", 1]}]}', "Unexpected element type in feature: a expecting type: bytes"),
        ('{"examples": [{"a": {"b": 1}}]}', "Feature: a has element with unexpected JSON type: Object"),
        ('{"examples": [{"a": [[1]]}]}', "Feature: a has element with unexpected JSON type: Array"),
        ('{"examples": [{"a": 18446744073709551615}]}', "Feature: a has uint64_t element. Only int64_t is supported."),
        ('{"examples": [{"a": {"b64": "*"}}]}', "Unable to base64 decode"),
        # json_tensor.cc, FillClassifyRegressRequestFromJson
        ("{}", "key 'examples' is expected and was not found"),
        ('{"examples": []}', "'examples' value is an empty array"),
        # classifier.cc, GetClassificationSignatureDef, PreProcessClassification
        ('{"signature_name": "a", "examples": [{}]}', "No signature was found with the name: a"),
        ('{"signature_name": "predict", "examples": [{}]}', "No classification inputs found in SignatureDef"),
        ('{"signature_name": "values", "examples": [{}]}', 'contain at least one of "classes" or "scores"'),
        ('{"examples": [{}, {}, {}]}', "the request has 3 rows; the server accepts at most 2"),
        ('{"examples": [{"a": "12345"}]}', "Feature: a has a string longer than 4 bytes"),
    ],
)
def test_wrong_bodies(body, message):
    with pytest.raises(ServingError) as refused:
        ExamplesCodec(SIGNATURES, Limits(rows=2, text_bytes=4)).decode(body.encode(), Call.CLASSIFY)
    assert refused.value.http_status == 400
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("one", "message"),
    [
        # regressor.cc, PreProcessRegression
        (signature([("a", "STRING", None), ("b", "STRING", None)]), "Expected one input Tensor."),
        (signature([("a", "STRING", None)]), "No regression inputs found"),
        (signature([("inputs", "STRING", None)]), "Expected one output Tensor."),
        (signature([("inputs", "STRING", None)], [("y", "FLOAT", None)]), "No regression outputs found"),
    ],
)
def test_signatures_that_do_not_regress(one, message):
    with pytest.raises(ServingError, match=message) as refused:
        ExamplesCodec({"serving_default": one}).decode(b'{"examples": [{}]}', Call.REGRESS)
    assert refused.value.http_status == 400


CLASS_NAMES = np.array([[b"a", b"b"], [b"a", b"c"]], object)
SCORES = F32([[0.2, 0.8], [1, np.nan]])


@pytest.mark.parametrize(
    ("call", "outputs", "text"),
    [
        # json_tensor_test.cc, JsonFromClassificationResult: the key is `results`, other than api_rest.md says
        (
            Call.CLASSIFY,
            {"classes": CLASS_NAMES, "scores": SCORES},
            '{"results":[[["a",0.2],["b",0.8]],[["a",1.0],["c",NaN]]]}',
        ),
        # classifier.cc, PostProcessClassificationResult: without classes "", without scores 0
        (Call.CLASSIFY, {"scores": F32([[0.5], [0.25]])}, '{"results":[[["",0.5]],[["",0.25]]]}'),
        (Call.CLASSIFY, {"classes": CLASS_NAMES[:, :1]}, '{"results":[[["a",0.0]],[["a",0.0]]]}'),
        # json_tensor_test.cc, JsonFromRegressionResult, ...WithNonFinite
        (Call.REGRESS, {"outputs": F32([0.2, -np.inf])}, '{"results":[0.2,-Infinity]}'),
        (Call.REGRESS, {"outputs": F32([[0.2], [1]])}, '{"results":[0.2,1.0]}'),
    ],
)
def test_answers(codec, call, outputs, text):
    name = "serving_default" if call is Call.CLASSIFY else "values"
    body = json.dumps({"signature_name": name, "examples": [{}, {}]})
    assert codec.encode(codec.decode(body.encode(), call), outputs).decode() == text


@pytest.mark.parametrize(
    ("call", "outputs", "message"),
    [
        (Call.CLASSIFY, {"scores": F32([1])}, r"Expected Tensor shape: \[batch_size num_classes\] but got \[1\]"),
        (Call.CLASSIFY, {"scores": F32([[1], [2]])}, "Expected scores output batch size of 1. Got: 2"),
        (Call.CLASSIFY, {"scores": np.float64([[1]])}, "Expected scores Tensor of DT_FLOAT. Got: float64"),
        (Call.CLASSIFY, {"classes": F32([[1]])}, "Expected classes Tensor of DT_STRING. Got: float32"),
        (Call.CLASSIFY, {"classes": CLASS_NAMES[:1], "scores": F32([[1]])}, "should match in dim_size"),
        (Call.REGRESS, {"outputs": F32([[1, 2]])}, r"either \[batch_size\] or \[batch_size, 1\] but got \[1, 2\]"),
        (Call.REGRESS, {"outputs": F32([1, 2])}, "Input batch size did not match output batch size: 1 vs. 2"),
        (Call.REGRESS, {"outputs": np.float64([1])}, "Expected output Tensor of DT_FLOAT"),
    ],
)
def test_outputs_of_another_shape_or_type(codec, call, outputs, message):
    name = "serving_default" if call is Call.CLASSIFY else "values"
    request = codec.decode(json.dumps({"signature_name": name, "examples": [{}]}).encode(), call)
    with pytest.raises(ServingError, match=message) as refused:
        codec.encode(request, outputs)
    assert refused.value.http_status == 400
