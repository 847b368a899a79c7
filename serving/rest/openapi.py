"""The OpenAPI 3.1 document of the loaded models: all paths of the server, with schemas from the signatures.

OpenAPI describes JSON, which has no NaN and Infinity. Both are accepted in requests, and written in answers whose
numbers are not finite, see json_writer.py.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from serving.models.signatures import Signature
from serving.request_keys import MAX_FEATURES
from serving.rest import schemas
from serving.rest.predict import DEFAULT_SIGNATURE

Document = dict[str, Any]

_ERRORS = {
    "400": "The request is wrong; the message says where.",
    "404": "No such model or version.",
    "503": "The model or the server is not ready.",
}
_PREDICTION_ERRORS = {
    "413": "The body is larger than the server accepts.",
    "429": "Too many requests at once.",
    "504": "The answer took too long.",
}
_UNAUTHENTICATED = {"401": "The bearer token is missing or wrong."}
_WITHOUT_TOKEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
_EXPLAIN = {
    "name": "explain",
    "in": "query",
    "required": False,
    "description": "Number of features whose contribution to each prediction is returned, too.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_FEATURES},
}
_VERSION = {
    "name": "version",
    "in": "path",
    "required": True,
    "description": "A version of the model that is loaded.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
}
_LABEL = {
    "name": "label",
    "in": "path",
    "required": True,
    "description": "A label of the registry, such as live or canary.",
    "schema": {"type": "string", "minLength": 1},
}
_ERROR_SCHEMA = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_OBJECT = {"type": "object"}


def openapi_document(models: Mapping[str, Mapping[str, Signature]], version: str, bearer: bool = False) -> Document:
    """Returns the document.

    Args:
      models: Model name -> its signatures by name, of the version that answers by default.
      version: Version of the server.
      bearer: Whether requests need a bearer token.
    """
    document: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Plumbline model server",
            "version": version,
            "description": "TensorFlow Serving's REST API and the Open Inference Protocol v2.",
        },
        "paths": _server_paths(),
        "components": {"schemas": {"Error": _ERROR_SCHEMA}},
    }
    for number, (model, signatures) in enumerate(models.items()):
        # Names of components allow fewer characters than names of models do; the number keeps them apart.
        prefix = f"{re.sub(r'[^A-Za-z0-9._-]', '_', model)}.{number}"
        named = _model_schemas(signatures)
        document["components"]["schemas"].update({f"{prefix}.{name}": one for name, one in named.items()})
        document["paths"].update(_model_paths(model, prefix, named))
    if bearer:
        _require_token(document)
    return document


def _require_token(document: Document) -> None:
    """Declares the bearer token, for all paths but those of a kubelet's probes."""
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"bearer": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path in _WITHOUT_TOKEN:
                operation["security"] = []
            else:
                operation["responses"] |= _errors(_UNAUTHENTICATED)


def _model_schemas(signatures: Mapping[str, Signature]) -> dict[str, schemas.Schema]:
    """Schemas of a model by name; those of calls that no signature supports are missing."""
    usable = {name: one for name, one in signatures.items() if one.inputs and one.outputs}
    found = {}
    if usable:
        found["PredictRequest"] = schemas.predict_request(usable)
        found["PredictAnswer"] = schemas.predict_answer(usable)
    if DEFAULT_SIGNATURE in usable:
        found["InferRequest"] = schemas.infer_request(usable[DEFAULT_SIGNATURE])
        found["InferAnswer"] = schemas.infer_answer(usable[DEFAULT_SIGNATURE])
    examples = {name: one for name, one in usable.items() if list(one.inputs) == ["inputs"]}
    classifying = {name: one for name, one in examples.items() if {"classes", "scores"} & set(one.outputs)}
    regressing = {name: one for name, one in examples.items() if list(one.outputs) == ["outputs"]}
    if classifying:
        found["ClassifyRequest"] = schemas.examples_request(classifying)
    if regressing:
        found["RegressRequest"] = schemas.examples_request(regressing)
    return found


def _model_paths(model: str, prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    one = quote(model, safe="")
    paths: dict[str, Any] = {}
    for suffix, parameters in (("", []), ("/versions/{version}", [_VERSION]), ("/labels/{label}", [_LABEL])):
        base = f"/v1/models/{one}{suffix}"
        which = parameters[0]["name"] if parameters else "default"
        paths[base] = _get(f"{prefix}.status.{which}", f"States of the versions of {model}", parameters)
        metadata = _get(f"{prefix}.metadata.{which}", f"Signatures of {model}", parameters)
        paths[f"{base}/metadata"] = metadata
        for verb in ("Predict", "Classify", "Regress"):
            if f"{verb}Request" in named:
                answer = f"{prefix}.PredictAnswer" if verb == "Predict" else None
                name = f"{prefix}.{verb.lower()}.{which}"
                asked = [*parameters, _EXPLAIN] if verb == "Predict" else parameters
                paths[f"{base}:{verb.lower()}"] = _post(name, f"{prefix}.{verb}Request", answer, asked)
    for suffix, parameters in (("", []), ("/versions/{version}", [_VERSION])):
        base = f"/v2/models/{one}{suffix}"
        which = parameters[0]["name"] if parameters else "default"
        paths[base] = _get(f"{prefix}.v2.metadata.{which}", f"Inputs and outputs of {model}", parameters)
        paths[f"{base}/ready"] = _get(f"{prefix}.v2.ready.{which}", f"Whether {model} is ready", parameters)
        if "InferRequest" in named:
            name = f"{prefix}.v2.infer.{which}"
            paths[f"{base}/infer"] = _post(name, f"{prefix}.InferRequest", f"{prefix}.InferAnswer", parameters)
    return paths


def _server_paths() -> dict[str, Any]:
    return {
        "/healthz": _get_text("healthz", "Whether the process runs", {}),
        "/readyz": _get_text("readyz", "Whether every model can answer", {"503": "Not ready."}),
        "/metrics": _get_text("metrics", "Metrics in the text format of Prometheus", {}),
        "/openapi.json": _get("openapi", "This document", []),
        "/v2": _get("v2.server", "Name and version of the server", []),
        "/v2/health/live": _get("v2.live", "Whether the server runs", []),
        "/v2/health/ready": _get("v2.ready", "Whether every model can answer", []),
    }


def _get(name: str, summary: str, parameters: list[Any]) -> dict[str, Any]:
    answers = _responses(_OBJECT)
    return {"get": {"operationId": name, "summary": summary, "parameters": parameters, "responses": answers}}


def _post(name: str, request: str, answer: str | None, parameters: list[Any]) -> dict[str, Any]:
    body = {"required": True, "content": _json(_reference(request))}
    answers = _responses(_OBJECT if answer is None else _reference(answer)) | _errors(_PREDICTION_ERRORS)
    return {
        "post": {"operationId": name, "parameters": parameters, "requestBody": body, "responses": answers},
    }


def _get_text(name: str, summary: str, other: Mapping[str, str]) -> dict[str, Any]:
    """A path that answers in plain text, also with the status codes of `other`."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    answers = {"200": "The answer.", **other}
    responses = {code: {"description": text, "content": content} for code, text in answers.items()}
    return {"get": {"operationId": name, "summary": summary, "parameters": [], "responses": responses}}


def _responses(schema: Any) -> dict[str, Any]:
    return {"200": {"description": "The answer.", "content": _json(schema)}, **_errors(_ERRORS)}


def _errors(texts: Mapping[str, str]) -> dict[str, Any]:
    return {code: {"description": text, "content": _json(_reference("Error"))} for code, text in texts.items()}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
