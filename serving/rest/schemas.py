"""JSON Schemas of requests and answers, from the signatures of a model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.models.signatures import Signature, TensorSpec
from serving.rest.datatypes import datatype
from serving.rest.predict import DEFAULT_SIGNATURE
from serving.rest.tensors import missing_value

Schema = dict[str, Any]

BASE64: Schema = {
    "type": "object",
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "required": ["b64"],
    "additionalProperties": False,
}
_NULL: Schema = {"type": "null"}
_FORMATS = {"FLOAT": "float", "DOUBLE": "double", "HALF": "float"}
_MISSING = "May be left out or null: a missing value."


def predict_request(signatures: Mapping[str, Signature]) -> Schema:
    """Returns the schema of the body of :predict; one alternative per signature and format."""
    return _any([form for one in signatures.values() for form in (_row_request(one), _column_request(one))])


def predict_answer(signatures: Mapping[str, Signature]) -> Schema:
    """Returns the schema of the answer to :predict."""
    return _any([form for one in signatures.values() for form in _answers(one)])


def examples_request(signatures: Mapping[str, Signature]) -> Schema:
    """Returns the schema of the body of :classify and :regress."""
    value = {"anyOf": [{"type": ["number", "string", "boolean"]}, BASE64]}
    features = {"type": "object", "additionalProperties": {"anyOf": [value, {"type": "array", "items": value}]}}
    name: Schema = {"type": "string", "enum": list(signatures)}
    return {
        "type": "object",
        "properties": {
            "signature_name": name,
            "context": {**features, "description": "Features that all examples share."},
            "examples": {"type": "array", "minItems": 1, "items": features},
        },
        "required": ["examples"] if DEFAULT_SIGNATURE in signatures else ["examples", "signature_name"],
    }


def infer_request(signature: Signature) -> Schema:
    """Returns the schema of the body of an inference request of the Open Inference Protocol."""
    identifier: Schema = {"type": "string", "description": "Repeated in the answer."}
    return {
        "type": "object",
        "properties": {
            "id": identifier,
            "parameters": {"type": "object"},
            "inputs": {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [_infer_tensor(name, spec) for name, spec in signature.inputs.items()]},
            },
            "outputs": {"type": "array", "items": _named(list(signature.outputs))},
        },
        "required": ["inputs"],
    }


def infer_answer(signature: Signature) -> Schema:
    """Returns the schema of the answer to an inference request of the Open Inference Protocol."""
    outputs = [_infer_tensor(name, spec) for name, spec in signature.outputs.items()]
    return {
        "type": "object",
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": {"anyOf": outputs}},
        },
        "required": ["model_name", "model_version", "outputs"],
    }


def row(signature: Signature) -> Schema:
    """Returns the schema of one row: an object with an input per key, and no other key."""
    return {
        "type": "object",
        "properties": {name: _element(spec) for name, spec in signature.inputs.items()},
        "required": [name for name, spec in signature.inputs.items() if not _may_lack(spec)],
        "additionalProperties": False,
    }


def _row_request(signature: Signature) -> Schema:
    items = row(signature)
    if len(signature.inputs) == 1:
        items = {"anyOf": [items, _element(next(iter(signature.inputs.values())))]}
    return _request(signature, "instances", {"type": "array", "minItems": 1, "items": items})


def _column_request(signature: Signature) -> Schema:
    columns: Schema = {
        "type": "object",
        "properties": {name: _column(spec) for name, spec in signature.inputs.items()},
        "required": [name for name, spec in signature.inputs.items() if not _may_lack(spec)],
    }
    if len(signature.inputs) == 1:
        columns = {"anyOf": [columns, _column(next(iter(signature.inputs.values())))]}
    return _request(signature, "inputs", columns)


def _request(signature: Signature, key: str, value: Schema) -> Schema:
    named = [] if signature.name == DEFAULT_SIGNATURE else ["signature_name"]
    other = "inputs" if key == "instances" else "instances"
    return {
        "type": "object",
        "properties": {"signature_name": {"const": signature.name}, key: value, other: False},
        "required": [key, *named],
    }


def _answers(signature: Signature) -> list[Schema]:
    rows = {name: _element(spec, sent=False) for name, spec in signature.outputs.items()}
    columns = {name: _column(spec, sent=False) for name, spec in signature.outputs.items()}
    if len(signature.outputs) == 1:
        one, column = next(iter(rows.values())), next(iter(columns.values()))
    else:
        one, column = _object(rows), _object(columns)
    return [_object({"predictions": {"type": "array", "items": one}}), _object({"outputs": column})]


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _element(spec: TensorSpec, sent: bool = True) -> Schema:
    """One row of a tensor: its value without the first dimension. A scalar or a list if the rank is unknown."""
    value = _value(spec, sent)
    if spec.shape is None:
        element = {"anyOf": [value, {"type": "array", "items": value}]}
    else:
        element = _nested(value, spec.shape[1:])
    return {**element, "description": _MISSING} if sent and _may_lack(spec) else element


def _column(spec: TensorSpec, sent: bool = True) -> Schema:
    if spec.shape == ():
        return _value(spec, sent)
    return {"type": "array", "items": _element(spec, sent)}


def _nested(value: Schema, shape: tuple[int, ...]) -> Schema:
    schema = value
    for size in reversed(shape):
        bounds = {} if size < 0 else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **bounds}
        if size == 1 and value is schema["items"]:
            schema = {"anyOf": [value, schema]}  # see `fitted` in tensors.py
    return schema


def _value(spec: TensorSpec, sent: bool) -> Schema:
    if spec.dtype == "STRING":
        text = {"type": "string"}
        value: Schema = {"anyOf": [text, BASE64]}
    elif spec.dtype == "BOOL":
        value = {"type": "boolean"}
    elif spec.dtype in _FORMATS:
        value = {"type": "number", "format": _FORMATS[spec.dtype]}
    elif "INT" in spec.dtype:
        bounds = np.iinfo(spec.dtype.lower())
        value = {"type": "integer", "minimum": int(bounds.min), "maximum": int(bounds.max)}
    else:
        value = {"not": {}, "description": f"{spec.dtype} cannot be represented in JSON."}
    return {"anyOf": [value, _NULL]} if sent and _may_lack(spec) else value


def _may_lack(spec: TensorSpec) -> bool:
    return missing_value(spec) is not None


def _named(names: list[str]) -> Schema:
    return {"type": "object", "properties": {"name": {"enum": names}}, "required": ["name"]}


def _infer_tensor(name: str, spec: TensorSpec) -> Schema:
    size: Schema = {"type": "integer", "minimum": 0}
    return {
        "type": "object",
        "properties": {
            "name": {"const": name},
            "shape": {"type": "array", "items": size},
            "datatype": {"const": datatype(spec.dtype)},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
        "required": ["name", "shape", "datatype", "data"],
    }


def _any(forms: list[Schema]) -> Schema:
    return forms[0] if len(forms) == 1 else {"anyOf": forms}
