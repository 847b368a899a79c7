"""One real row for a model, as a client would send it in JSON."""

import base64
from typing import Any

import numpy as np

from components.shared.images.decoding import GREY_IMAGE, image_format
from serving.models.loaded_model import LoadedModel
from serving.models.warmup import made_up, recorded_requests

DEFAULT = "serving_default"
MAX_BYTES = 8192
"""Maximum size of an image in the `curl` line, which a terminal has to hold."""


def example_row(model: LoadedModel) -> dict[str, Any]:
    """Returns the first recorded row of serving_default, a row of the train split; made-up values without one.

    Missing values of optional inputs are left out.
    """
    signature = model.signatures.get(DEFAULT) or next(iter(model.signatures.values()))
    recorded = next((inputs for name, inputs in recorded_requests(model.folder) if name == signature.name), None)
    inputs = made_up(signature, 1) if recorded is None else recorded
    row = {name: _value(column[0]) for name, column in inputs.items()}
    optional = {name for name, spec in signature.inputs.items() if spec.optional}
    return {name: value for name, value in row.items() if name not in optional or not _missing(value)}


def _value(value: Any) -> Any:
    value = np.asarray(value)
    found = value.reshape(-1)[0] if value.size == 1 else value.tolist()
    found = found.item() if isinstance(found, np.generic) else found
    if isinstance(found, bytes):
        return _bytes(found)
    if isinstance(found, float) and value.dtype == np.float32:
        return float(str(np.float32(found)))  # 0.1, not 0.10000000149011612
    return found


def _bytes(value: bytes) -> Any:
    """Text, or {"b64": ...} for other bytes such as images; a large image is replaced by a grey one."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        some = GREY_IMAGE if len(value) > MAX_BYTES and image_format(value) else value
        return {"b64": base64.b64encode(some).decode()}


def _missing(value: Any) -> bool:
    return value == "" or value == np.iinfo(np.int64).min or (isinstance(value, float) and value != value)
