"""POST /v1/models/MODEL:classify and :regress: tf.Examples in JSON -> serialized tf.Examples -> classes or values.

    {"signature_name": "...", "context": {feature: value or list}, "examples": [{feature: value or list}, ...]}
    {"results": [[["label", score], ...], ...]}     classify; the documentation of TF Serving says `result`
    {"results": [value, ...]}                       regress

A number with a decimal point or exponent, NaN and Infinity make a float list, other numbers, true and false an int64
list, strings and {"b64": "..."} a bytes list (util/json_tensor.cc, AddValueToFeature). Features of `context` are put
before those of each example; if an example has the same feature, its value is used.

The signature has one input `inputs`, string [N], and the outputs `classes` string [N, K] and `scores` float32 [N, K],
one of which may be missing, or `outputs` float32 [N] or [N, 1] (servables/tensorflow/classifier.cc, regressor.cc).
The method name of the signature is not compared, as in TF Serving without --enable_signature_method_name_check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from serving.errors import invalid
from serving.models.signatures import Signature
from serving.rest.json_reader import read_object, shown
from serving.rest.json_writer import dumps
from serving.rest.limits import Limits
from serving.rest.paths import Call
from serving.rest.predict import DEFAULT_SIGNATURE, check_rows
from serving.rest.tensors import decode_base64, is_base64

_KINDS = {bool: "int64", int: "int64", float: "float", str: "bytes", dict: "bytes"}
_NAMES = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
_INT64 = np.iinfo(np.int64)


@dataclass(frozen=True)
class ExamplesRequest:
    """A request as arrays.

    Attributes:
      call: Call.CLASSIFY or Call.REGRESS.
      signature: Name of the signature.
      inputs: {"inputs": object array [N] of serialized tf.Examples}, as `LoadedModel.run` takes them.
      rows: N.
    """

    call: Call
    signature: str
    inputs: dict[str, np.ndarray]
    rows: int


class ExamplesCodec:
    """Reads and writes the classify and regress requests of one loaded model. Thread-safe."""

    def __init__(self, signatures: Mapping[str, Signature], limits: Limits | None = None) -> None:
        """Takes the signatures of the model by name, and the limits of a request."""
        self._signatures = signatures
        self._limits = limits or Limits()

    def decode(self, body: bytes, call: Call) -> ExamplesRequest:
        """Reads the body of a request. The first call imports TensorFlow's protos.

        Raises:
          ServingError: 400: the body is not as described above, or the signature is not one for `call`.
        """
        document = read_object(body)
        name = document.get("signature_name", "")
        if type(name) is not str:
            raise invalid(
                f"JSON Value: {shown(document)} not formatted correctly. 'signature_name' key must be a string value."
            )
        context = self._serialized(document["context"]) if "context" in document else b""
        examples = document.get("examples")
        if "examples" not in document:
            raise invalid(
                f"JSON Value: {shown(document)} When method is classify, key 'examples' is expected and was not found"
            )
        if type(examples) is not list:
            raise invalid(f"JSON Value: {shown(document)} Expecting 'examples' value to be an list/array")
        if not examples:
            raise invalid(f"JSON Value: {shown(document)} 'examples' value is an empty array")
        check_rows(len(examples), self._limits)
        inputs = np.array([context + self._serialized(example) for example in examples], object)
        signature = self._signature(name or DEFAULT_SIGNATURE, call)
        return ExamplesRequest(call, signature, {"inputs": inputs}, len(examples))

    def encode(self, request: ExamplesRequest, outputs: Mapping[str, np.ndarray]) -> bytes:
        """Writes the answer.

        Args:
          request: The request.
          outputs: What `LoadedModel.run` returned for the signature.

        Raises:
          ServingError: 400, as TF Serving: the outputs do not have the shapes and types of `call`.
        """
        if request.call is Call.REGRESS:
            return dumps({"results": _regressions(outputs["outputs"], request.rows)})
        return dumps({"results": _classifications(outputs.get("classes"), outputs.get("scores"), request.rows)})

    def _signature(self, name: str, call: Call) -> str:
        signature = self._signatures.get(name)
        if signature is None:
            raise invalid(f"No signature was found with the name: {name}")
        kind = "classification" if call is Call.CLASSIFY else "regression"
        if len(signature.inputs) != 1:
            raise invalid("Expected one input Tensor.")
        if "inputs" not in signature.inputs or signature.inputs["inputs"].dtype != "STRING":
            raise invalid(f"No {kind} inputs found in SignatureDef: {name}, which needs an input 'inputs' of strings")
        if call is Call.REGRESS:
            if len(signature.outputs) != 1:
                raise invalid("Expected one output Tensor.")
            if "outputs" not in signature.outputs:
                raise invalid(f"No regression outputs found in SignatureDef: {name}")
        elif len(signature.outputs) not in (1, 2):
            raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
        elif not {"classes", "scores"} & set(signature.outputs):
            raise invalid(
                'Expected classification signature outputs to contain at least one of "classes" or "scores". '
                f"Signature was: {name}"
            )
        return name

    def _serialized(self, value: Any) -> bytes:
        if type(value) is not dict:
            kind = _NAMES.get(type(value), str(value) if type(value) is bool else "Number")
            raise invalid(f"Example must be JSON object but got JSON {kind}")
        example = _example_class()()
        for name, content in value.items():
            feature = example.features.feature[name]
            values = content if type(content) is list else [content]
            kinds = [_kind(name, one) for one in values]
            wrong = next((kind for kind in kinds if kind != kinds[0]), None)
            if wrong is not None:
                raise invalid(f"Unexpected element type in feature: {name} expecting type: {kinds[0]}")
            if kinds:
                _add(feature, name, kinds[0], values, self._limits.text_bytes)
        return example.SerializeToString(deterministic=True)


@cache
def _example_class() -> Any:
    from tensorflow.core.example.example_pb2 import Example  # imports TensorFlow, seconds

    return Example


def _kind(name: str, value: Any) -> str:
    kind = _KINDS.get(type(value))
    if kind is None or (type(value) is dict and not is_base64(value)):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {_NAMES[type(value)]}")
    return kind


def _add(feature: Any, name: str, kind: str, values: list[Any], longest: int) -> None:
    if kind == "float":
        with np.errstate(over="ignore"):  # beyond float32: infinite, as the cast of TF Serving
            feature.float_list.value.extend(np.array(values, np.float64).astype(np.float32).tolist())
    elif kind == "int64":
        numbers = [int(value) for value in values]
        if max(numbers) > _INT64.max or min(numbers) < _INT64.min:
            raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        feature.int64_list.value.extend(numbers)
    else:
        texts = [value.encode() if type(value) is str else decode_base64(value["b64"]) for value in values]
        if max(map(len, texts)) > longest:
            raise invalid(f"Feature: {name} has a string longer than {longest:,} bytes, the most that is accepted")
        feature.bytes_list.value.extend(texts)


def _classifications(classes: np.ndarray | None, scores: np.ndarray | None, rows: int) -> list[list[list[Any]]]:
    for what, values, kinds in (("classes", classes, "OSU"), ("scores", scores, "f")):
        if values is None:
            continue
        if values.ndim != 2:
            raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {list(values.shape)}")
        if values.dtype.kind not in kinds or (kinds == "f" and values.dtype != np.float32):
            needed = "DT_STRING" if what == "classes" else "DT_FLOAT"
            raise invalid(f"Expected {what} Tensor of {needed}. Got: {values.dtype}")
        if len(values) != rows:
            raise invalid(f"Expected {what} output batch size of {rows}. Got: {len(values)}")
    known = classes if classes is not None else scores
    if known is None:
        raise invalid("Cannot convert empty ClassificationResults to JSON")
    if scores is not None and known.shape != scores.shape:
        raise invalid(
            f"Tensors class and score should match in dim_size(1). Got {known.shape[1]} vs. {scores.shape[1]}"
        )
    labels = [[""] * known.shape[1]] * rows if classes is None else classes.tolist()
    numbers = np.zeros(known.shape, np.float32) if scores is None else scores
    return [
        [[_label(label), score] for label, score in zip(row, list(values), strict=True)]
        for row, values in zip(labels, numbers, strict=True)
    ]


def _label(label: str | bytes) -> str:
    return label.decode(errors="replace") if isinstance(label, bytes) else label


def _regressions(values: np.ndarray, rows: int) -> np.ndarray:
    if not (values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)):
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {list(values.shape)}"
        )
    if len(values) != rows:
        raise invalid(f"Input batch size did not match output batch size: {rows} vs. {len(values)}")
    if values.dtype != np.float32:
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {values.dtype}")
    return values.reshape(-1)
