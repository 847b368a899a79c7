"""Whatever a client sends is read, or refused with a 4xx; no other exception leaves the codecs."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import ServingError
from serving.rest.examples_api import ExamplesCodec
from serving.rest.limits import Limits
from serving.rest.open_inference import InferCodec
from serving.rest.paths import Call
from serving.rest.predict import PredictCodec
from tests.serving.rest.signatures import CLASSES, MANY, ONE, OPTIONAL, TEXT, signature

EVERY_TYPE = signature(
    [
        ("x", "FLOAT", None),
        ("d", "DOUBLE", (-1,)),
        ("h", "HALF", (-1,)),
        ("i", "INT32", (-1, 1)),
        ("u", "UINT64", (-1,)),
        ("b", "BOOL", (-1, 2)),
        ("s", "STRING", None),
    ]
)
SIGNATURES = {
    "serving_default": OPTIONAL,
    "one": signature(ONE.inputs.values(), name="one"),
    "many": signature(MANY.inputs.values(), name="many"),
    "text": signature(TEXT.inputs.values(), name="text"),
    "classes": CLASSES,
    "every_type": signature(EVERY_TYPE.inputs.values(), name="every_type"),
}
LIMITS = Limits(rows=50, depth=4, text_bytes=200)
PREDICT = PredictCodec(SIGNATURES, LIMITS)
INFER = InferCodec(SIGNATURES, LIMITS)
EXAMPLES = ExamplesCodec({"serving_default": CLASSES}, LIMITS)

INPUTS = sorted({name for one in SIGNATURES.values() for name in one.inputs})
KEYS = st.sampled_from([*INPUTS, "b64", "name", "shape", "datatype", "data", "parameters"]) | st.text(max_size=3)
NUMBERS = (
    st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([2**63, -(2**63), 2**64, 10**400])
)
SCALARS = (
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.sampled_from(["FP32", "BYTES", "INT64", "YQ==", "*"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TYPED = {
    "delay": ("FP32", st.none() | st.floats() | st.integers(-(2**64), 2**64)),
    "carrier": ("BYTES", st.text(max_size=8)),
    "day": ("INT64", st.none() | st.integers(-(2**63), 2**63 - 1)),
    "note": ("BYTES", st.none() | st.text(max_size=8)),
}
"""Inputs of OPTIONAL -> datatype, and values that are right."""


@st.composite
def mostly(draw, right):
    """Values of `right`, and one time in eight something else."""
    return draw(VALUES) if draw(st.integers(0, 7)) == 5 else draw(right)


RIGHT_ROWS = st.fixed_dictionaries(
    {"carrier": TYPED["carrier"][1]}, optional={name: TYPED[name][1] for name in ("delay", "day", "note")}
)
MIXED_ROWS = st.lists(
    st.fixed_dictionaries({}, optional={name: mostly(values) for name, (_, values) in TYPED.items()}) | RIGHT_ROWS,
    min_size=1,
    max_size=4,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(INPUTS), VALUES, max_size=8) | VALUES, max_size=4)
NAMES = st.sampled_from([*SIGNATURES, "", "unknown"]) | VALUES
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "signature_name": mostly(st.just("")) | NAMES,
        "instances": MIXED_ROWS | ROWS | VALUES,
        "inputs": ROWS | st.dictionaries(st.sampled_from(INPUTS), VALUES) | VALUES,
        "examples": ROWS,
        "context": VALUES,
        "outputs": VALUES,
        "id": VALUES,
        "parameters": st.fixed_dictionaries({}, optional={"signature_name": NAMES}) | VALUES,
    },
)


@st.composite
def tensor_lists(draw):
    """Inputs of the Open Inference Protocol, N rows each; some have a wrong member."""
    rows = draw(st.integers(0, 3))
    tensors = []
    for name, (datatype, values) in TYPED.items():
        if name == "carrier" or draw(st.booleans()):
            data = draw(st.lists(values, min_size=rows, max_size=rows))
            one = {"name": name, "shape": [rows], "datatype": datatype, "data": data}
            if draw(st.integers(0, 7)) == 5:
                one[draw(st.sampled_from(["name", "shape", "datatype", "data", "parameters"]))] = draw(VALUES)
            tensors.append(one)
    return tensors


WORDS = r"""{ } [ ] " : , \ \u d800 NaN -Infinity 1e - . {"instances":[ "inputs": "x": ]} null 9999999999999999999999"""
PIECES = st.lists(
    st.sampled_from([*WORDS.encode().split(), b"\xff", b"\xef\xbb\xbf", b"\x00", b" "]) | st.binary(max_size=3),
    max_size=30,
).map(b"".join)


def _status(read, body):
    """200, or the status of the refusal, whose body must be JSON."""
    try:
        read(body)
    except ServingError as refused:
        assert list(json.loads(refused.body())) == ["error"]  # noqa: PT017
        return refused.http_status
    return 200


READERS = {
    "predict": PREDICT.decode,
    "infer": INFER.decode,
    "classify": lambda body: EXAMPLES.decode(body, Call.CLASSIFY),
}
each = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


@each
@given(body=st.binary(max_size=80) | PIECES)
@settings(deadline=None)
def test_any_bytes(read, body):
    assert _status(read, body) in (200, 400)


HOSTILE = {
    "escapes": b'{"instances": [' + b'"\\"' * 40_000,
    "lists": b'{"instances": [' + b"[" * 100_000,
    "objects": b'{"a":' * 100_000,
    "pairs of brackets": b'{"instances": [NaN,' + b"[],{}," * 50_000 + b"1]}",
    "a long fraction beside a repeated key": b'{"instances": [1], "instances": [0.' + b"1" * 5_000 + b"]}",
    "a long integer": b'{"instances": [-' + b"9" * 5_000 + b"]}",
    "deep lists beside a repeated key": b'{"a": 1, "a": ' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "deep lists beside a colon in a text": b'{"instances": [1], "b": ":\\"", "a": '
    + b"[" * 1_000
    + b"]" * 1_000
    + b"}",
}


@each
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies(read, name):
    assert _status(read, HOSTILE[name]) in (200, 400)


@each
@given(document=DOCUMENTS | VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json(read, document):
    assert _status(read, json.dumps(document).encode()) in (200, 400)


@given(tensor_lists(), mostly(st.just("")))
@settings(max_examples=300, deadline=None)
def test_any_tensors_of_the_open_inference_protocol(tensors, name):
    body = {"inputs": tensors, "parameters": {"signature_name": name}}
    assert _status(INFER.decode, json.dumps(body).encode()) in (200, 400)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.sampled_from(INPUTS))
@settings(deadline=None)
def test_a_key_that_is_twice_in_an_object_is_always_refused(row, key):
    text = json.dumps({**row, key: 1})
    twice = text[:-1] + f", {json.dumps(key)}: 2}}"
    for body in (f'{{"instances": [{twice}]}}', f'{{"inputs": {twice}}}'):
        with pytest.raises(ServingError) as refused:
            PREDICT.decode(body.encode())
        assert re.search("twice|too deep|too big|too many digits", refused.value.message)


@given(MIXED_ROWS)
@settings(max_examples=300, deadline=None)
def test_rows_and_columns_agree(rows):
    """The same values as `instances` and as `inputs` are both refused, or give the same arrays."""
    rows = [{**dict.fromkeys(TYPED), **row} for row in rows]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    try:
        by_row = PREDICT.decode(json.dumps({"instances": rows}).encode()).inputs
    except ServingError:
        with pytest.raises(ServingError):
            PREDICT.decode(json.dumps({"inputs": columns}).encode())
        return
    by_column = PREDICT.decode(json.dumps({"inputs": columns}).encode()).inputs
    for name, values in by_row.items():
        assert values.dtype == by_column[name].dtype
        assert repr(values.tolist()) == repr(by_column[name].tolist())
