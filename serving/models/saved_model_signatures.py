"""Reads the signatures of a SavedModel from its protocol buffers; imports TensorFlow."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.models.signatures import PREDICT, Signature, TensorSpec

INIT_OP = "__saved_model_init_op"
"""A SignatureDef that names the operation that fills lookup tables; it is no signature of the model."""


def signatures_of(meta_graph: meta_graph_pb2.MetaGraphDef) -> dict[str, Signature]:
    """Returns the signatures by name, without INIT_OP.

    Args:
      meta_graph: The graph of the SavedModel with the tag `serve`.
    """
    return {
        name: Signature(
            name,
            one.method_name or PREDICT,
            {key: _spec(key, info, one.defaults) for key, info in sorted(one.inputs.items())},
            {key: _spec(key, info, {}) for key, info in sorted(one.outputs.items())},
        )
        for name, one in sorted(meta_graph.signature_def.items())
        if name != INIT_OP
    }


def signature_defs_json(meta_graph: meta_graph_pb2.MetaGraphDef) -> dict[str, Any]:
    """Returns name -> SignatureDef in the JSON mapping of protocol buffers, as TensorFlow Serving's metadata shows it.

    Field names are those of the proto, and fields with their default value are present (json_tensor.cc and
    http_rest_api_handler.cc: `preserve_proto_field_names` and `always_print_primitive_fields`).
    """
    return {
        name: MessageToDict(one, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        for name, one in sorted(meta_graph.signature_def.items())
    }


def tensor_names(infos: Mapping[str, Any]) -> dict[str, str]:
    """Returns key -> name of the tensor in the graph, of a signature's inputs or outputs.

    Raises:
      ValueError: A tensor is sparse or composite, which the JSON of a request cannot hold.
    """
    for key, info in infos.items():
        if info.WhichOneof("encoding") != "name":
            raise ValueError(f"{key}: is not a dense tensor")
    return {key: info.name for key, info in sorted(infos.items())}


def _spec(key: str, info: Any, defaults: Mapping[str, Any]) -> TensorSpec:
    shape = None if info.tensor_shape.unknown_rank else tuple(int(one.size) for one in info.tensor_shape.dim)
    default = tf.make_ndarray(defaults[key]) if key in defaults else None
    dtype = types_pb2.DataType.Name(info.dtype).removeprefix("DT_")
    return TensorSpec(key, dtype, shape, default is not None, default)
