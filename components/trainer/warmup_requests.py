"""Writes assets.extra/tf_serving_warmup_requests of a SavedModel: rows of the train split as requests.

TensorFlow Serving and Plumbline's server send them to a version before it answers others, so that the graph is
optimised and the memory allocated. Format: a TFRecord file of PredictionLog, one request of serving_default with one
row each. The same examples give the same file.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from components.shared.examples.columnar_copy import read_copy
from components.shared.examples.example_reading import first_values
from components.shared.features.calendar_parts import DATE
from components.shared.features.dense_columns import MISSING
from components.shared.features.derived_features import sent
from components.shared.serving.serving_contract import SERVING_DEFAULT, WARMUP_REQUESTS
from components.trainer.raw_inputs import SentAsText
from components.trainer.signatures import input_names
from components.trainer.training_columns import BATCH_ROWS, RecordBatchFactory, batch_options, expand

MAX_ROWS = 1000
"""TensorFlow Serving refuses a file of more requests."""
_VALUES = {tf.float32: "float_val", tf.float64: "double_val", tf.int64: "int64_val", tf.string: "string_val"}
"""Field of a TensorProto that holds the values of a type."""
_YEARS = (np.datetime64("0001-01-01"), np.datetime64("9999-12-31"))
"""Dates that ISO 8601 writes with four digits of the year, as a request has to."""


def write_warmup_requests(
    folder: str,
    patterns: Sequence[str],
    record_batches: RecordBatchFactory,
    schema: schema_pb2.Schema,
    tables: Mapping[str, Any],
) -> int:
    """Writes the file, unless the SavedModel has one or its serving_default has other inputs than the features.

    Args:
      folder: Folder of the SavedModel.
      patterns: Patterns of the example files.
      record_batches: Opens them as record batches.
      schema: Schema of the examples.
      tables: Sections `features` and `training`, as in training.run_fn; `training.warmup_rows` is the number of rows,
        fewer if the first batches of the files have fewer.

    Returns:
      Number of requests that were written.
    """
    features, count = tables["features"], min(int(tables["training"].get("warmup_rows", 0)), MAX_ROWS)
    path = f"{folder}/{WARMUP_REQUESTS}"
    names = sent(features)
    inputs = dict(zip(input_names(names), names, strict=True))
    types = _input_types(folder)
    if count == 0 or tf.io.gfile.exists(path):
        return 0
    if types.keys() != inputs.keys() or not set(types.values()) <= MISSING.keys():
        return 0  # the signature of a user's run_fn, whose inputs have another meaning
    texts = SentAsText.of(features)
    requests = []
    for batch in _some_rows(expand(patterns), record_batches, schema, count):
        columns = {name: sent_cells(batch, column, types[name], texts) for name, column in inputs.items()}
        requests += [{name: cells[at : at + 1] for name, cells in columns.items()} for at in range(batch.num_rows)]
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.TFRecordWriter(path) as writer:
        for request in requests:
            writer.write(_log(request, types).SerializeToString(deterministic=True))
    return len(requests)


def _input_types(folder: str) -> dict[str, tf.DType]:
    """Input of serving_default -> its type."""
    saved = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(f"{folder}/saved_model.pb", "rb") as file:
        saved.ParseFromString(file.read())
    graph: meta_graph_pb2.MetaGraphDef = saved.meta_graphs[0]
    if SERVING_DEFAULT not in graph.signature_def:
        return {}
    return {name: tf.as_dtype(info.dtype) for name, info in graph.signature_def[SERVING_DEFAULT].inputs.items()}


def _some_rows(
    files: Sequence[str], record_batches: RecordBatchFactory, schema: schema_pb2.Schema, count: int
) -> Iterator[pa.RecordBatch]:
    """Yields `count` rows: spread evenly over the first batch of the newest file, then of the one before it, ..."""
    for file in reversed(files):
        copied = read_copy(file, BATCH_ROWS)
        batches = record_batches([file], batch_options(), schema) if copied is None else copied
        batch = next(iter(batches), None)
        if batch is None or not batch.num_rows:
            continue
        taken = min(count, batch.num_rows)
        places = np.arange(taken) * batch.num_rows // taken
        yield batch.take(pa.array(places))
        count -= taken
        if not count:
            return


def sent_cells(batch: pa.RecordBatch, name: str, dtype: tf.DType, texts: SentAsText) -> np.ndarray:
    """A column as a request sends it, [N], with missing values encoded as in signatures.py."""
    if name in texts.lists:
        return _list_texts(batch, name, texts.lists[name])
    cells = first_values(batch, name)
    if name in texts.moments:
        return _moment_texts(cells, texts.moments[name])
    if dtype == tf.string:
        return np.array([b"" if cell is None else _item(cell) for cell in cells.to_pylist()], object)
    if not (pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)):
        return np.full(batch.num_rows, MISSING[dtype], dtype.as_numpy_dtype)
    filled = [MISSING[dtype] if cell is None else cell for cell in cells.to_pylist()]
    return np.array(filled, dtype.as_numpy_dtype)


def _moment_texts(cells: pa.Array, unit: str) -> np.ndarray:
    """Days or microseconds as ISO 8601; "" where missing or outside of the years 1 to 9999."""
    found = []
    for cell in cells.to_pylist():
        moment = np.datetime64("NaT") if cell is None else np.datetime64(cell, "D" if unit == DATE else "us")
        legal = bool(_YEARS[0] <= moment) and bool(moment.astype("datetime64[D]") <= _YEARS[1])
        found.append((str(moment) + ("" if unit == DATE else "Z")).encode() if legal else b"")
    return np.array(found, object)


def _list_texts(batch: pa.RecordBatch, name: str, separator: str) -> np.ndarray:
    """Lists as one text each."""
    index = batch.schema.get_field_index(name)
    lists = [None] * batch.num_rows if index < 0 else batch.column(index).to_pylist()
    return np.array([separator.encode().join(_item(one) for one in items or ()) for items in lists], object)


def _item(item: Any) -> bytes:
    return item if isinstance(item, bytes) else str(item).encode()


def value_tensor(cells: np.ndarray, dtype: tf.DType) -> tensor_pb2.TensorProto:
    """Returns tf.make_tensor_proto(cells, dtype) for one value, [1], without its checks, which cost 0.1 ms each."""
    found = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    found.tensor_shape.dim.add(size=1)
    getattr(found, _VALUES[dtype]).append(cells[0])
    return found


def _log(request: Mapping[str, np.ndarray], types: Mapping[str, tf.DType]) -> prediction_log_pb2.PredictionLog:
    spec = model_pb2.ModelSpec(signature_name=SERVING_DEFAULT)
    inputs = {name: value_tensor(cells, types[name]) for name, cells in request.items()}
    predict = predict_pb2.PredictRequest(model_spec=spec, inputs=inputs)
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=predict))
