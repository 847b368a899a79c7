"""The OpenAPI document: its structure, and its schemas against bodies that the codecs accept and refuse.

jsonschema comes with Altair. openapi-spec-validator 0.9.0 accepts the document, too; it is not installed for the tests.
"""

import json

import jsonschema
import numpy as np
import pytest

from serving.errors import ServingError
from serving.rest.openapi import openapi_document
from serving.rest.paths import parse_path
from serving.rest.predict import PredictCodec
from tests.serving.rest.signatures import CLASSES, MANY, ONE, OPTIONAL, TEXT, VALUES, signature

OPERATIONS = ("/healthz", "/readyz", "/metrics", "/openapi.json")
MODELS = {
    "flights": {"serving_default": MANY, "values": VALUES},
    "my model/ü": {"serving_default": OPTIONAL},
    "my model/u": {"serving_default": CLASSES},
    "text": {"serving_default": TEXT},
    "empty": {},
}


@pytest.fixture(scope="module")
def document():
    return openapi_document(MODELS, "0.1.0", bearer=True)


def _schema(document, name):
    return {**document, "$ref": f"#/components/schemas/{name}"}


def _accepts(document, name, body):
    return jsonschema.Draft202012Validator(_schema(document, name)).is_valid(body)


def test_it_is_json(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["openapi"].startswith("3.1")


def test_every_path_is_one_that_the_server_answers(document):
    calls = {}
    for path, operations in document["paths"].items():
        if path in OPERATIONS:  # answered before the APIs, see test_server.py
            continue
        for method in operations:
            sent = path.replace("{version}", "3").replace("{label}", "live")
            calls[path] = parse_path(method.upper(), sent)
    assert calls["/v1/models/my%20model%2F%C3%BC:predict"].model == "my model/ü"
    assert calls["/v1/models/flights/labels/{label}:predict"].label == "live"
    assert "/v1/models/flights:regress" in calls
    assert "/v1/models/flights:classify" not in calls
    assert "/v1/models/my%20model%2Fu:classify" in calls
    assert "/v1/models/empty" in calls
    assert "/v1/models/empty:predict" not in calls


def test_operations_have_different_names_and_every_reference_exists(document):
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    for part in json.dumps(document).split('"$ref": "')[1:]:
        reference = part.split('"')[0]
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
    for path, one in document["paths"].items():
        declared = {parameter["name"] for operation in one.values() for parameter in operation["parameters"]}
        in_path = {name for name in ("version", "label") if f"{{{name}}}" in path}
        assert declared == in_path | ({"explain"} if path.endswith(":predict") else set())


def test_schemas_are_valid(document):
    for name in document["components"]["schemas"]:
        jsonschema.Draft202012Validator.check_schema(_schema(document, name))


def test_without_a_token_no_security_is_declared():
    document = openapi_document(MODELS, "0.1.0")
    assert "security" not in document
    assert not [path for path, one in document["paths"].items() if "401" in next(iter(one.values()))["responses"]]


def test_status_codes_that_a_path_can_answer(document):
    paths = document["paths"]
    predict = paths["/v1/models/flights:predict"]["post"]["responses"]
    assert set(predict) == {"200", "400", "401", "404", "413", "429", "503", "504"}
    assert set(paths["/v1/models/flights"]["get"]["responses"]) == {"200", "400", "401", "404", "503"}
    probe = paths["/readyz"]["get"]
    assert set(probe["responses"]) == {"200", "503"} and probe["security"] == []
    assert "security" not in paths["/metrics"]["get"]


BODIES = [
    (MANY, {"instances": [{"delay": 1.5, "carrier": "UA", "day": 3}]}, True),
    (MANY, {"instances": [{"delay": [1.5], "carrier": [{"b64": "YQ=="}], "day": [3]}]}, True),
    (MANY, {"inputs": {"delay": [1], "carrier": ["UA"], "day": [3], "other": 1}}, True),
    (MANY, {"signature_name": "serving_default", "inputs": {"delay": [1], "carrier": ["UA"], "day": [3]}}, True),
    (MANY, {"instances": [{"delay": 1.5, "carrier": "UA"}]}, False),
    (MANY, {"instances": [{"delay": 1.5, "carrier": "UA", "day": 3, "other": 1}]}, False),
    (MANY, {"instances": [{"delay": None, "carrier": "UA", "day": 3}]}, False),
    (MANY, {"instances": [{"delay": "1", "carrier": "UA", "day": 3}]}, False),
    (MANY, {"instances": [{"delay": 1, "carrier": "UA", "day": 3.5}]}, False),
    (MANY, {"instances": [{"delay": 1, "carrier": "UA", "day": 2**63}]}, False),
    (MANY, {"instances": []}, False),
    (MANY, {"instances": [1]}, False),
    (MANY, {"instances": [], "inputs": {}}, False),
    (MANY, {}, False),
    (MANY, {"signature_name": "values", "instances": [{"delay": 1.5, "carrier": "UA", "day": 3}]}, False),
    (OPTIONAL, {"instances": [{"carrier": "UA"}]}, True),
    (OPTIONAL, {"instances": [{"carrier": "UA", "delay": None, "day": None}]}, True),
    (OPTIONAL, {"instances": [{"delay": 1}]}, False),
    (ONE, {"instances": [1, 2.5]}, True),
    (ONE, {"instances": [{"x": 1}]}, True),
    (ONE, {"instances": [True]}, False),
    (TEXT, {"inputs": ["a"]}, True),
    (TEXT, {"inputs": [1]}, False),
    (signature([("x", "FLOAT", (-1, 2))]), {"instances": [[1, 2]]}, True),
    (signature([("x", "FLOAT", (-1, 2))]), {"instances": [[1, 2, 3]]}, False),
    (signature([("x", "FLOAT", (-1, 1))]), {"instances": [1]}, True),
    (signature([("x", "BOOL", (-1,))]), {"instances": [1]}, False),
]


@pytest.mark.parametrize(("one", "body", "accepted"), BODIES, ids=[str(body)[:70] for _, body, _ in BODIES])
def test_the_schema_accepts_what_the_server_accepts(one, body, accepted):
    one = signature(one.inputs.values(), list(one.outputs.values()) or [("y", "FLOAT", None)])
    document = openapi_document({"m": {"serving_default": one}}, "1")
    assert _accepts(document, "m.0.PredictRequest", body) is accepted
    try:
        PredictCodec({"serving_default": one}).decode(json.dumps(body).encode())
        decoded = True
    except ServingError:
        decoded = False
    assert decoded is accepted


def test_the_schema_accepts_answers(document):
    codec = PredictCodec({"serving_default": MANY})
    outputs = {
        "probability": np.float32([0.5]),
        "class": np.int64([1]),
        "model_version": np.array([b"7"], object),
    }
    for body in (
        {"instances": [{"delay": 1, "carrier": "a", "day": 1}]},
        {"inputs": {"delay": [1], "carrier": ["a"], "day": [1]}},
    ):
        answer = codec.encode(codec.decode(json.dumps(body).encode()), outputs)
        assert _accepts(document, "flights.0.PredictAnswer", json.loads(answer))
    assert not _accepts(document, "flights.0.PredictAnswer", {"predictions": [{"probability": "x"}]})


def test_the_schema_of_the_open_inference_protocol(document):
    delay = {"name": "delay", "shape": [1], "datatype": "FP32", "data": [1]}
    assert _accepts(document, "flights.0.InferRequest", {"id": "a", "inputs": [delay]})
    assert not _accepts(document, "flights.0.InferRequest", {"inputs": [{**delay, "datatype": "FP64"}]})
    assert not _accepts(document, "flights.0.InferRequest", {"inputs": []})
    answer = {"model_name": "flights", "model_version": "1", "outputs": [{**delay, "name": "probability"}]}
    assert _accepts(document, "flights.0.InferAnswer", answer)
