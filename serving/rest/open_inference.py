"""Open Inference Protocol v2 over REST, with tensors in JSON (kserve/open-inference-protocol, inference_rest.md).

    POST .../infer {"id": "...", "inputs": [{"name", "shape", "datatype", "data"}, ...], "outputs": [{"name"}, ...]}
    -> {"model_name", "model_version", "id", "outputs": [{"name", "shape", "datatype", "data"}, ...]}

`data` of a request may be flat, in row-major order, or nested; of an answer it is flat. The datatype must be the one of
the signature. What the protocol leaves open is as follows: the parameter `signature_name` of a request selects a
signature, default serving_default; an input of datatype BYTES with the parameter `content_type` "base64" has base64 as
data, and so has an output whose values are not all UTF-8 (as in MLServer); NaN, Infinity and -Infinity are tokens as in
json_writer.py; an optional input may be left out, and null in it is a missing value, see predict.py. The binary
extension of Triton is refused.
"""

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.errors import ServingError, invalid
from serving.models.signatures import Signature, TensorSpec
from serving.rest.datatypes import NUMPY_DATATYPES, datatype
from serving.rest.json_reader import read_object, shown
from serving.rest.json_writer import dumps
from serving.rest.limits import Limits
from serving.rest.predict import check_rows, common_rows, named_signature, with_defaults
from serving.rest.tensors import fitted, tensor

PLATFORM = "tensorflow_savedmodel"
_BINARY = "the binary tensor extension is not supported: send the tensors as JSON in `data`, without {}"


@dataclass(frozen=True)
class InferRequest:
    """A request as arrays.

    Attributes:
      signature: Name of the signature.
      inputs: Array of each input, as `LoadedModel.run` takes them.
      rows: The first dimension of all inputs, None if they differ, see PredictRequest.
      id: Identifier that the answer repeats; None if the request has none.
      outputs: Names of the outputs that are asked for, in this order; () for all.
    """

    signature: str
    inputs: dict[str, np.ndarray]
    rows: int | None
    id: str | None = None
    outputs: tuple[str, ...] = ()


class InferCodec:
    """Reads and writes the inference requests of one loaded model. Thread-safe."""

    def __init__(self, signatures: Mapping[str, Signature], limits: Limits | None = None) -> None:
        """Takes the signatures of the model by name, and the limits of a request."""
        self._signatures = signatures
        self._limits = limits or Limits()

    def decode(self, body: bytes, content_length_header: str | None = None) -> InferRequest:
        """Reads the body of a request.

        Args:
          body: JSON.
          content_length_header: Value of the header Inference-Header-Content-Length, which says that binary data
            follow the JSON; None if the request has no such header.

        Raises:
          ServingError: 400: the body is not as described above, or it has binary data; 501: an input has a type that
            JSON cannot represent.
        """
        if content_length_header is not None:
            raise invalid(_BINARY.format("the header Inference-Header-Content-Length"))
        document = read_object(body)
        parameters = _parameters(document, "the request")
        if parameters.get("binary_data_output"):
            raise invalid(_BINARY.format("the parameter binary_data_output"))
        signature = named_signature(parameters, self._signatures)
        identifier = document.get("id")
        if identifier is not None and type(identifier) is not str:
            raise invalid(f"id: a string is expected, not {shown(identifier)}")
        arrays: dict[str, np.ndarray] = {}
        for one in _objects(document, "inputs", required=True):
            name = _name(one, "inputs")
            if name in arrays:
                raise invalid(f"input {name} is sent twice")
            if name not in signature.inputs:
                raise invalid(f"input {name}: the signature {signature.name} has no such input")
            try:
                arrays[name] = self._input(one, signature.inputs[name])
            except ServingError as exc:
                raise ServingError(exc.status, f"input {name}: {exc.message.removeprefix(f'input {name}: ')}") from exc
        lacking = [name for name, spec in signature.inputs.items() if name not in arrays and not spec.optional]
        if lacking:
            raise invalid(f"input {lacking[0]} is missing")
        with_defaults(arrays, signature, self._limits)
        rows = common_rows(arrays)
        check_rows(rows or 0, self._limits)
        return InferRequest(signature.name, arrays, rows, identifier, _outputs(document, signature))

    def _input(self, sent: dict[str, Any], spec: TensorSpec) -> np.ndarray:
        parameters = _parameters(sent, "the input")
        if "binary_data_size" in parameters:
            raise invalid(_BINARY.format("the parameter binary_data_size"))
        if sent.get("datatype") != datatype(spec.dtype):
            raise invalid(f"the datatype is {shown(sent.get('datatype'))}; the model expects {datatype(spec.dtype)}")
        shape = _shape(sent.get("shape"), self._limits)
        data = sent.get("data")
        if type(data) is not list:
            raise invalid("`data` is missing, or not a list")
        if spec.dtype == "STRING" and parameters.get("content_type") == "base64":
            data = _as_base64(data, self._limits.depth)
        values = tensor(data, spec, self._limits)
        flat = values.ndim == 1 and values.size == math.prod(shape)
        if not flat and values.shape != shape:
            raise invalid(f"`data` has the shape {list(values.shape)}; `shape` is {list(shape)}")
        try:
            values = values.reshape(shape)
        except ValueError:  # the sizes beside a 0 are beyond what NumPy can index
            raise invalid(f"`shape` is {list(shape)}, which is too large") from None
        return fitted(spec.name, values, spec)[0]

    def encode(self, request: InferRequest, outputs: Mapping[str, np.ndarray], model: str, version: int) -> bytes:
        """Writes the answer.

        Args:
          request: The request.
          outputs: What `LoadedModel.run` returned.
          model: Name of the model.
          version: Version that answered.

        Raises:
          ServingError: 400: an output has a type that the protocol cannot represent.
        """
        answer: dict[str, Any] = {"model_name": model, "model_version": str(version)}
        if request.id is not None:
            answer["id"] = request.id
        answer["outputs"] = [_output(name, outputs[name]) for name in request.outputs or outputs]
        return dumps(answer)


def encode_server(name: str, version: str) -> bytes:
    """Writes the answer to GET /v2."""
    return dumps({"name": name, "version": version, "extensions": []})


def encode_live(live: bool) -> bytes:
    """Writes the answer to GET /v2/health/live; the status code is 200 if live, else 503."""
    return dumps({"live": live})


def encode_ready(ready: bool) -> bytes:
    """Writes the answer to GET /v2/health/ready: `live` as the protocol has it, and `ready` as clients expect it."""
    return dumps({"live": True, "ready": ready})


def encode_model_ready(model: str, ready: bool) -> bytes:
    """Writes the answer to GET /v2/models/MODEL/ready."""
    return dumps({"name": model, "ready": ready})


def encode_model(model: str, versions: Iterable[int], signature: Signature) -> bytes:
    """Writes the answer to GET /v2/models/MODEL: versions that can be asked for, inputs and outputs.

    The protocol has no way to say that an input may be left out; the parameter `optional` of an input does.
    The shape is [-1] if the rank is unknown.
    """
    return dumps(
        {
            "name": model,
            "versions": [str(version) for version in versions],
            "platform": PLATFORM,
            "inputs": [_described(name, spec) for name, spec in signature.inputs.items()],
            "outputs": [_described(name, spec) for name, spec in signature.outputs.items()],
        }
    )


def _described(name: str, spec: TensorSpec) -> dict[str, Any]:
    described = {"name": name, "datatype": datatype(spec.dtype), "shape": [-1] if spec.shape is None else spec.shape}
    return {**described, "parameters": {"optional": True}} if spec.optional else described


def _output(name: str, values: np.ndarray) -> dict[str, Any]:
    kind = NUMPY_DATATYPES.get("object" if values.dtype.kind in "SU" else str(values.dtype))
    if kind is None:
        raise invalid(f"output {name}: the protocol has no datatype for {values.dtype}")
    head = {"name": name, "shape": values.shape, "datatype": kind}
    if kind != "BYTES":
        return {**head, "data": values.reshape(-1)}
    flat = [value.encode() if isinstance(value, str) else value for value in values.reshape(-1).tolist()]
    try:
        return {**head, "data": [value.decode() for value in flat]}
    except UnicodeDecodeError:
        encoded = [base64.b64encode(value).decode() for value in flat]
        return {**head, "parameters": {"content_type": "base64"}, "data": encoded}


def _outputs(document: dict[str, Any], signature: Signature) -> tuple[str, ...]:
    names = []
    for one in _objects(document, "outputs", required=False):
        name = _name(one, "outputs")
        if name not in signature.outputs:
            raise invalid(f"output {name}: the signature {signature.name} has no such output")
        if _parameters(one, f"output {name}").get("binary_data"):
            raise invalid(_BINARY.format("the parameter binary_data"))
        names.append(name)
    return tuple(dict.fromkeys(names))


def _objects(document: dict[str, Any], key: str, required: bool) -> list[dict[str, Any]]:
    values = document.get(key)
    if values is None and not required:
        return []
    if type(values) is not list or any(type(one) is not dict for one in values) or (required and not values):
        raise invalid(f"{key}: a list of objects is expected{', with an input at least' if required else ''}")
    return values


def _name(sent: dict[str, Any], where: str) -> str:
    name = sent.get("name")
    if type(name) is not str:
        raise invalid(f"{where}: each needs a `name`, a string; one has {shown(name)}")
    return name


def _parameters(sent: dict[str, Any], where: str) -> dict[str, Any]:
    parameters = sent.get("parameters")
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        raise invalid(f"parameters of {where}: an object is expected, not {shown(parameters)}")
    return parameters


def _shape(shape: Any, limits: Limits) -> tuple[int, ...]:
    if type(shape) is not list or any(type(size) is not int or not 0 <= size < 2**63 for size in shape):
        raise invalid(f"`shape` must be a list of whole numbers, not {shown(shape)}")
    if len(shape) > limits.depth:
        raise invalid(f"`shape` has {len(shape)} dimensions; at most {limits.depth} are accepted")
    return tuple(shape)


def _as_base64(data: Any, depth: int) -> Any:
    """The data with {"b64": text} for each text, as `tensor` reads it; what is nested deeper, `tensor` refuses."""
    if type(data) is list and depth >= 0:
        return [_as_base64(value, depth - 1) for value in data]
    return {"b64": data} if type(data) is str else data
