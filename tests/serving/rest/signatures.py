"""Signatures that the tests of the REST layer share."""

import numpy as np

from serving.models.signatures import CLASSIFY, PREDICT, REGRESS, Signature, TensorSpec


def signature(inputs=(), outputs=(), name="serving_default", method=PREDICT):
    """A signature of (name, dtype, shape) tuples, or TensorSpecs."""
    return Signature(name, method, _specs(inputs), _specs(outputs))


def _specs(tensors):
    specs = [one if isinstance(one, TensorSpec) else TensorSpec(*one) for one in tensors]
    return {one.name: one for one in specs}


def optional(name, dtype="FLOAT", shape=None):
    """An optional input with the missing value of the Trainer as default, shape [1]."""
    defaults = {"FLOAT": np.array([np.nan], np.float32), "STRING": np.array([b""], object)}
    default = defaults.get(dtype, np.array([np.iinfo(np.int64).min]))
    return TensorSpec(name, dtype, shape, optional=True, default=default)


ONE = signature([("x", "FLOAT", None)], [("y", "FLOAT", None)])
MANY = signature(
    [("delay", "FLOAT", None), ("carrier", "STRING", None), ("day", "INT64", None)],
    [("probability", "FLOAT", (-1,)), ("class", "INT64", (-1,)), ("model_version", "STRING", (-1,))],
)
OPTIONAL = signature(
    [optional("delay"), ("carrier", "STRING", None), optional("day", "INT64"), optional("note", "STRING")],
    [("probability", "FLOAT", (-1,))],
)
TEXT = signature([("text", "STRING", None)], [("embedding", "FLOAT", (-1, 2))])
CLASSES = signature(
    [("inputs", "STRING", (-1,))],
    [("classes", "STRING", (-1, -1)), ("scores", "FLOAT", (-1, -1))],
    name="serving_default",
    method=CLASSIFY,
)
VALUES = signature([("inputs", "STRING", (-1,))], [("outputs", "FLOAT", (-1, 1))], name="values", method=REGRESS)
