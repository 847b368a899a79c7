"""The first requests of a loaded model, before it answers a client's; imports TensorFlow.

TensorFlow optimises the graph of a signature when it is first called, and allocates memory on the first calls of each
batch size. Requests that the Trainer recorded, rows of the train split, exercise lookup tables and branches as real
requests do. The format is TensorFlow Serving's: assets.extra/tf_serving_warmup_requests, a TFRecord file of at most
1,000 PredictionLog (saved_model_warmup_util.h).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import input_pb2, prediction_log_pb2

from components.shared.serving.serving_contract import SERVING_DEFAULT
from components.shared.serving.serving_contract import WARMUP_REQUESTS as WARMUP_REQUESTS
from serving.errors import ServingError
from serving.models.loaded_model import LoadedModel
from serving.models.signatures import PREDICT, Signature, TensorSpec

MAX_REQUESTS = 1000
"""TensorFlow Serving refuses a file with more (WarmupConsts::kMaxNumRecords)."""
EXAMPLES = "inputs"
"""Name of the input of a classify or regress signature."""

Request = tuple[str, dict[str, np.ndarray]]
"""Name of a signature, and its inputs."""


@dataclass(frozen=True)
class WarmedUp:
    """What a warm-up has run.

    Attributes:
      recorded: Number of recorded requests.
      batches: Batch sizes that serving_default was called with, in rows.
    """

    recorded: int
    batches: tuple[int, ...]


def warm_up(model: LoadedModel, batches: Sequence[int] = (1,)) -> WarmedUp:
    """Runs the recorded requests, then serving_default with each batch size.

    Without recorded requests for a signature, rows with made-up values are sent: 0, "" and False, or the
    SignatureDef's defaults. The model may refuse those, which is not an error.

    Args:
      model: The loaded model.
      batches: Batch sizes that the server will send, in rows.

    Raises:
      ServingError: The model refuses a recorded request.
      ValueError: The file of recorded requests is invalid; the message says why.
    """
    recorded = list(recorded_requests(model.folder))
    for name, inputs in recorded:
        model.run(name, inputs)
    rows = _joined([inputs for name, inputs in recorded if name == SERVING_DEFAULT])
    for signature in model.signatures.values():
        if signature.name not in {name for name, _ in recorded}:
            _try(model, signature, made_up(signature, 1))
    default = model.signatures.get(SERVING_DEFAULT)
    if default is None or default.method != PREDICT:
        return WarmedUp(len(recorded), ())
    for size in batches:
        if rows is None:
            _try(model, default, made_up(default, size))
        else:
            model.run(SERVING_DEFAULT, {key: column[np.arange(size) % len(column)] for key, column in rows.items()})
    return WarmedUp(len(recorded), tuple(batches))


def recorded_requests(folder: Path) -> Iterator[Request]:
    """Yields the recorded requests of a SavedModel; none if it has no file of them.

    Predict, classify and regress requests are read; others, such as those of TensorFlow Serving's sessions, are skipped
    because this server does not answer them.

    Raises:
      ValueError: The file is not a TFRecord file of PredictionLog, or holds more than MAX_REQUESTS.
    """
    path = folder / WARMUP_REQUESTS
    if not path.is_file():
        return
    try:
        for number, record in enumerate(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()):
            if number == MAX_REQUESTS:
                raise ValueError(f"{path}: holds more than {MAX_REQUESTS} requests")
            request = _request(prediction_log_pb2.PredictionLog.FromString(record))
            if request is not None:
                yield request
    except (tf.errors.OpError, DecodeError) as exc:
        raise ValueError(f"{path}: is not a TFRecord file of PredictionLog ({str(exc).splitlines()[0]})") from exc


def made_up(signature: Signature, rows: int) -> dict[str, np.ndarray]:
    """Returns inputs of a signature with N rows: its defaults, and 0, "" and False for inputs without one."""
    return {name: _made_up(spec, rows) for name, spec in signature.inputs.items()}


def _made_up(spec: TensorSpec, rows: int) -> np.ndarray:
    default = None if spec.default is None else np.asarray(spec.default)
    if default is not None and default.ndim and len(default) == 1:
        return np.repeat(default, rows, axis=0)
    inner = (spec.shape or (-1,))[1:]
    empty: Any = b"" if spec.dtype == "STRING" else 0
    return np.full((rows, *(max(size, 1) for size in inner)), empty, spec.numpy_dtype)


def _try(model: LoadedModel, signature: Signature, inputs: Mapping[str, np.ndarray]) -> None:
    with suppress(ServingError):  # made-up values need not be legal; the graph is optimised all the same
        model.run(signature.name, inputs)


def _request(log: prediction_log_pb2.PredictionLog) -> Request | None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
    elif kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        inputs = {EXAMPLES: np.array(_examples(request.input), object)}
    else:
        return None
    return request.model_spec.signature_name or SERVING_DEFAULT, inputs


def _examples(given: input_pb2.Input) -> list[bytes]:
    """The serialized tf.Examples of a classify or regress request; a context's features are added to each."""
    if given.WhichOneof("kind") != "example_list_with_context":
        return [example.SerializeToString() for example in given.example_list.examples]
    context = given.example_list_with_context.context.SerializeToString()
    return [context + example.SerializeToString() for example in given.example_list_with_context.examples]


def _joined(requests: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray] | None:
    """The rows of requests with equal inputs, one below the other; None if there are none or they differ in shape."""
    if not requests or any(request.keys() != requests[0].keys() for request in requests):
        return None
    try:
        return {name: np.concatenate([request[name] for request in requests]) for name in requests[0]}
    except ValueError:
        return None
