"""A SavedModel in memory, called through its signatures; imports TensorFlow.

The model is loaded into a session of its own, as TensorFlow Serving does, and each signature becomes a callable of the
session that computes in the thread of its caller. One call of a flights model (23 inputs, 1 row) then takes a quarter
of the time of a call of `tf.saved_model.load(...).signatures[...]`, which makes a Python object of each tensor. The
outputs are equal to the last bit (tests/serving/models/test_loaded_model.py).
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from components.shared.images.decoding import image_problem
from serving.errors import ServingError, Status, invalid
from serving.models.saved_model_signatures import signature_defs_json, signatures_of, tensor_names
from serving.models.signatures import ServedInputs, Signature, served_inputs

TAG = "serve"
IN_CALLERS_THREAD = -1
"""RunOptions.inter_op_thread_pool: operations run in the thread that calls the session, not in a pool of threads."""

_threads: int | None = None


def configure_threads(number: int) -> None:
    """Sets the threads of TensorFlow's operations in this process; call it before the first model is loaded.

    Args:
      number: Threads within an operation, and of operations beside each other. 1 is best where several processes or
        threads answer requests.
    """
    global _threads
    _threads = number
    tf.config.threading.set_intra_op_parallelism_threads(number)
    tf.config.threading.set_inter_op_parallelism_threads(number)


class LoadedModel:
    """One version of a model. Its methods may be called by several threads at a time.

    Attributes:
      name: Name of the model.
      version: Its number in the registry.
      folder: The folder that it was loaded from.
      signatures: Signature name -> inputs and outputs.
      about: The columns behind the inputs of serving_default.
    """

    def __init__(self, folder: Path, name: str, version: int) -> None:
        """Loads a SavedModel.

        Raises:
          OSError: A file cannot be read.
          ValueError: The folder holds no SavedModel with the tag `serve`, or a file beside it is invalid.
          tf.errors.OpError: TensorFlow cannot load the graph or its variables.
        """
        self.name, self.version, self.folder = name, version, folder
        self.about: ServedInputs = served_inputs(folder)
        self._lock = Lock()
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=self._graph, config=_session_config())
        try:
            with _quiet():
                meta_graph = tf.compat.v1.saved_model.loader.load(self._session, [TAG], str(folder))
            self._definitions = dict(meta_graph.signature_def)
            self.signatures: Mapping[str, Signature] = signatures_of(meta_graph)
            self._described = signature_defs_json(meta_graph)
        except RuntimeError as exc:  # "MetaGraphDef associated with tags ... could not be found"
            self.close()
            raise ValueError(f"{folder}: {str(exc).splitlines()[0]}") from exc
        except BaseException:
            self.close()
            raise
        self._callables: dict[str, Callable[..., list[np.ndarray]]] = {}

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Computes the outputs of a signature; other threads run meanwhile.

        Args:
          signature: Name of the signature.
          inputs: Input name -> array of the input's type, N rows each. Strings are arrays of type object with elements
            of type bytes. An optional input may be missing: each row then has the SignatureDef's default.

        Returns:
          Output name -> array; strings as arrays of type object with elements of type bytes.

        Raises:
          ServingError: The signature does not exist, an input is unknown or missing, has the wrong type, or is refused
            by the model; then the message is the model's own.
        """
        about = self.signatures.get(signature)
        if about is None:
            raise invalid(f'Serving signature name: "{signature}" not found in signature def')
        call = self._callables.get(signature) or self._callable(signature)
        fed = _arguments(about, inputs)
        try:
            return dict(zip(about.outputs, call(*fed), strict=True))
        except tf.errors.OpError as exc:
            raise self._broken_image(inputs) or _refused(exc) from exc

    def _broken_image(self, inputs: Mapping[str, np.ndarray]) -> ServingError | None:
        """The error for the first image that the graph cannot decode; None if all can be.

        TensorFlow's message names neither the input nor the row. Images are checked after a failure only.
        """
        for name, column in self.about.inputs.items():
            if self.about.kinds.get(column) != "image" or name not in inputs:
                continue
            for row, value in enumerate(np.asarray(inputs[name], object).reshape(-1).tolist()):
                if value and (problem := image_problem(value)):
                    return invalid(f"{name}, row {row}: {problem}")
        return None

    def prepare(self, signature: str) -> None:
        """Optimises the graph of a signature, so that the first call of `run` does not."""
        self._callable(signature)

    def signature_defs_json(self) -> dict[str, Any]:
        """Returns name -> SignatureDef as JSON for a metadata request, see saved_model_signatures.py."""
        return self._described

    def close(self) -> None:
        """Releases the memory. No call may be running."""
        self._callables = {}
        self._session.close()

    def _callable(self, signature: str) -> Callable[..., list[np.ndarray]]:
        with self._lock:
            if signature not in self._callables:
                definition = self._definitions[signature]
                try:
                    feeds, fetches = tensor_names(definition.inputs), tensor_names(definition.outputs)
                except ValueError as exc:
                    raise invalid(f'Serving signature "{signature}": {exc}') from exc
                self._callables[signature] = _session_callable(self._session, feeds, fetches)
            return self._callables[signature]


def _session_config() -> tf.compat.v1.ConfigProto:
    threads = _threads or 0  # 0: TensorFlow chooses
    return tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)


def _session_callable(
    session: tf.compat.v1.Session, feeds: Mapping[str, str], fetches: Mapping[str, str]
) -> Callable[..., list[np.ndarray]]:
    """Returns a function of the feeds' arrays, in their order, that returns the fetches' arrays in theirs."""
    options = config_pb2.CallableOptions()
    options.feed.extend(feeds.values())
    options.fetch.extend(fetches.values())
    options.run_options.inter_op_thread_pool = IN_CALLERS_THREAD
    # Not in TensorFlow's public interface, but three times as fast as the public one below (1 row: 0.34 and 1.2 ms).
    make = getattr(session, "_make_callable_from_options", None)
    if make is not None:
        found: Callable[..., list[np.ndarray]] = make(options)
        return found
    return public_callable(session, feeds, fetches)


def public_callable(
    session: tf.compat.v1.Session, feeds: Mapping[str, str], fetches: Mapping[str, str]
) -> Callable[..., list[np.ndarray]]:
    """The same by TensorFlow's public interface, for a TensorFlow that has no other."""
    graph = session.graph
    found: Callable[..., list[np.ndarray]] = session.make_callable(
        [graph.get_tensor_by_name(name) for name in fetches.values()],
        [graph.get_tensor_by_name(name) for name in feeds.values()],
    )
    return found


def _arguments(signature: Signature, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    if unknown := inputs.keys() - signature.inputs.keys():
        raise invalid(f"{min(unknown)}: is not an input of signature {signature.name}")
    given = {}
    for name, spec in signature.inputs.items():
        if name in inputs:
            try:
                given[name] = np.asarray(inputs[name], spec.numpy_dtype)
            except (ValueError, TypeError) as exc:
                raise invalid(f"{name}: is not of type {spec.dtype} ({exc})") from exc
        elif not spec.optional:
            raise invalid(f"{name}: is missing; signature {signature.name} requires it")
    if len(given) < len(signature.inputs):
        rows = next((len(column) for column in given.values() if column.ndim), 1)
        given |= {
            name: _repeated(np.asarray(spec.default), rows)
            for name, spec in signature.inputs.items()
            if name not in given
        }
    return [given[name] for name in signature.inputs]


def _repeated(default: np.ndarray, rows: int) -> np.ndarray:
    """A default with shape [1, ...] for each of N rows; any other default as it is."""
    return np.repeat(default, rows, axis=0) if default.ndim and len(default) == 1 else default


def _refused(exc: tf.errors.OpError) -> ServingError:
    """The error of TensorFlow without the names of nodes: `assertion failed: [x: not a date]` -> `x: not a date`."""
    lines = str(exc.message).strip().splitlines() or [type(exc).__name__]
    line = lines[0].strip()
    if line.startswith("assertion failed:"):
        line = _unescaped(line.removeprefix("assertion failed:").strip())
        line = line[1:-1] if line.startswith("[") and line.endswith("]") else line
    status = Status.__members__.get(_CODES.get(exc.error_code, ""), Status.UNKNOWN)
    return ServingError(status, line)


def _unescaped(line: str) -> str:
    """Reverts TensorFlow's escapes of quotes and backslashes; those of line ends stay, since a message is one line."""
    return re.sub(r"""\\(["'\\])""", r"\1", line)


_CODES = {
    number: name for name, number in vars(tf.errors).items() if isinstance(number, int) and not name.startswith("_")
}


class _WithoutDeprecation(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "deprecat" not in record.getMessage() and "Restoring parameters" not in record.getMessage()


@contextmanager
def _quiet() -> Iterator[None]:
    """Omits two log lines per load: that the loader of sessions is deprecated, and where variables are read from."""
    logger, without = tf.get_logger(), _WithoutDeprecation()
    logger.addFilter(without)
    try:
        yield
    finally:
        logger.removeFilter(without)
