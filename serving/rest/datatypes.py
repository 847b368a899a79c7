"""Names of types: TensorFlow's <-> those of the Open Inference Protocol."""

DATATYPES = {
    "BOOL": "BOOL",
    "UINT8": "UINT8",
    "UINT16": "UINT16",
    "UINT32": "UINT32",
    "UINT64": "UINT64",
    "INT8": "INT8",
    "INT16": "INT16",
    "INT32": "INT32",
    "INT64": "INT64",
    "HALF": "FP16",
    "FLOAT": "FP32",
    "DOUBLE": "FP64",
    "STRING": "BYTES",
}
"""TensorFlow's name without `DT_` -> the protocol's name."""

NUMPY_DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "object": "BYTES",
}
"""NumPy's name -> the protocol's name; arrays of strings have the type object."""


def datatype(dtype: str) -> str:
    """Returns the protocol's name of a TensorFlow type; the type's own name if the protocol has none."""
    return DATATYPES.get(dtype, dtype)
