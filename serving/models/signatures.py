"""Signatures of a SavedModel, and what is known about the columns behind their inputs; without TensorFlow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from components.shared.serving.serving_contract import SERVING_INPUTS as SERVING_INPUTS

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

_NUMPY = {
    "FLOAT": np.float32,
    "DOUBLE": np.float64,
    "HALF": np.float16,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "BOOL": np.bool_,
    "COMPLEX64": np.complex64,
    "COMPLEX128": np.complex128,
    "STRING": np.object_,
}


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a signature.

    Attributes:
      name: Key in the SignatureDef, such as `dep_delay`.
      dtype: TensorFlow's name of the type without `DT_`: FLOAT, DOUBLE, INT64, INT32, STRING, BOOL, ...
      shape: Sizes of the dimensions, -1 where unknown; None if the rank is unknown.
      optional: Whether the SignatureDef has a default, so that a request may leave the input out.
      default: The default as an array, such as `[nan]` with shape [1]: one value for all rows; None without a default.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    optional: bool = False
    default: Any = None

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The array type of `LoadedModel.run`; object, with elements of type bytes, for STRING.

        Raises:
          KeyError: NumPy has no such type, for instance for RESOURCE or BFLOAT16.
        """
        return np.dtype(_NUMPY[self.dtype])


@dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
      name: Key in the MetaGraphDef, such as `serving_default`.
      method: `tensorflow/serving/predict`, `.../classify` or `.../regress`.
      inputs: Input name -> its type.
      outputs: Output name -> its type.
    """

    name: str
    method: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ServedInputs:
    """The columns behind the inputs of serving_default.

    Attributes:
      inputs: Input name -> column name: `sepal_length__cm_` -> `sepal length (cm)`. Empty for a SavedModel of another
        origin, whose columns have the names of the inputs, see `column`.
      kinds: Column -> numeric, integer_category, categorical, text, date, timestamp or list.
      domains: Column -> domain in the schema: {"min": a, "max": b}, either of which may be missing, or
        {"values": [text, ...]}. A column without a domain is missing.
      task: binary, multiclass or regression; "" if unknown.
      label: Name of the label column; "" if unknown.
      positive: Value of the label that is the positive class of a binary task; "" if the labels are 0 and 1.
    """

    inputs: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    kinds: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    domains: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _NOTHING)
    task: str = ""
    label: str = ""
    positive: str = ""

    def column(self, name: str) -> str:
        """Returns the column name of an input."""
        return self.inputs.get(name, name)


def served_inputs(model: Path) -> ServedInputs:
    """Reads SERVING_INPUTS from the folder of a SavedModel; empty ServedInputs if the file does not exist.

    Raises:
      ValueError: The file is not as the Trainer writes it; the message names it.
    """
    path = model / SERVING_INPUTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        inputs, kinds, domains = (dict(content.get(name, {})) for name in ("inputs", "kinds", "domains"))
        task, label, positive = (str(content.get(name, "")) for name in ("task", "label", "positive"))
        return ServedInputs(inputs, kinds, domains, task, label, positive)
    except FileNotFoundError:
        return ServedInputs()
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise ValueError(f"{path}: cannot be read ({exc})") from exc
