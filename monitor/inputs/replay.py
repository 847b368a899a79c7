"""Training-serving skew: logged raw rows are sent through the model of their version again.

The SavedModel holds the transform, so equal outputs prove that what was served is what the version computes from these
raw values, with the same transform; different ones that inputs were logged or converted differently, or that another
model answered.
"""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from components.shared.serving.serving_contract import SERVING_DEFAULT
from monitor.inputs.settings import InputSettings
from monitor.measurement import Measurement
from serving.errors import ServingError
from serving.request_log.records import FEATURE, OUTPUT

if TYPE_CHECKING:
    from serving.models.loaded_model import LoadedModel

SUBJECT = "(outputs)"
_ESCAPE = re.compile(r"\\x[0-9A-F]{2}")
_KEPT = 2
"""Models that are kept in memory."""


class Replayer:
    """Loads the versions of a registry and computes their outputs again. Imports TensorFlow when it is first used."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry, self._name = registry, name
        self._models: dict[int, LoadedModel] = {}

    def model(self, version: int) -> "LoadedModel":
        """Returns a loaded version.

        Raises:
          PlumblineError: The version is gone or damaged.
          ValueError: It is no SavedModel that TensorFlow can load.
        """
        from serving.models.loaded_model import LoadedModel

        if version not in self._models:
            with tempfile.TemporaryDirectory(prefix="plumbline-replay-") as folder:
                self._registry.fetch(version, Path(folder) / str(version))
                try:
                    loaded = LoadedModel(Path(folder) / str(version), self._name, version)
                except OSError as exc:
                    raise PlumblineError(f"{self._registry.where}: version {version} cannot be loaded ({exc})") from exc
            while len(self._models) >= _KEPT:
                self._models.pop(next(iter(self._models))).close()
            self._models[version] = loaded
        return self._models[version]

    def close(self) -> None:
        """Releases the models."""
        while self._models:
            self._models.popitem()[1].close()


def check_replay(
    rows: pa.Table, version: int, replayer: Replayer, settings: InputSettings
) -> tuple[list[Measurement], str]:
    """Replays logged rows of a version.

    Args:
      rows: Columns feature_<column> and output_<name> as they were logged.
      version: The version.
      replayer: Loads it.
      settings: Tolerance: outputs a and b differ if |a - b| > tolerance * max(1, |b|).

    Returns:
      The share of rows whose outputs differ; [] and why, if they could not be replayed.
    """
    try:
        model = replayer.model(version)
    except (PlumblineError, ValueError) as exc:
        return [], f"replay is left out: {exc}"
    signature = model.signatures.get(SERVING_DEFAULT)
    if signature is None:
        return [], f"replay is left out: version {version} has no signature {SERVING_DEFAULT}"
    columns = {name: FEATURE + model.about.column(name) for name in signature.inputs}
    usable = _usable(rows, list(columns.values()), [OUTPUT + name for name in signature.outputs])
    rows = rows.filter(pa.array(usable))
    if not len(rows):
        return [], ""
    inputs = {}
    for name, spec in signature.inputs.items():
        if columns[name] in rows.column_names:
            inputs[name] = _input(rows[columns[name]].combine_chunks(), spec)
        elif not spec.optional:
            return [], f"replay is left out: {columns[name]} is not in the request log, and the model needs it"
    try:
        found = model.run(SERVING_DEFAULT, inputs)
    except ServingError as exc:
        return [], f"replay is left out: version {version} refuses logged rows ({exc.message})"
    wrong, largest, worst = np.zeros(len(rows), bool), 0.0, ""
    for name, values in found.items():
        if OUTPUT + name not in rows.column_names:
            continue
        differ, most = _differ(rows[OUTPUT + name], values, settings.replay_tolerance)
        wrong |= differ
        if most > largest or (differ.any() and not worst):
            largest, worst = max(most, largest), name
    count = int(wrong.sum())
    detail = f"{len(rows):,} logged rows replayed through version {version}: "
    detail += f"{count:,} differ, most in {worst} (by {largest:.3g})" if count else "all outputs are as logged"
    moderate, severe = settings.effects["transform_skew"]
    return [
        Measurement(
            kind="transform_skew",
            subject=SUBJECT,
            measure="share",
            value=count / len(rows),
            effect=count / len(rows),
            moderate=moderate,
            severe=severe,
            rows=len(rows),
            detail=detail,
            reference="setting",
            reference_value=0.0,
            version=version,
            at=worst or None,
        )
    ], ""


def _usable(rows: pa.Table, features: list[str], outputs: list[str]) -> np.ndarray:
    """Rows with some input and some output of the signature, all of whose texts were logged as they are shown."""
    some_input, some_output = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    shown = np.ones(len(rows), bool)
    for name in features:
        if name in rows.column_names:
            values = rows[name].combine_chunks()
            some_input |= np.asarray(values.is_valid())
            if pa.types.is_string(values.type):
                shown &= np.array([text is None or not _ESCAPE.search(text) for text in values.to_pylist()], bool)
    for name in outputs:
        if name in rows.column_names:
            some_output |= np.asarray(rows[name].is_valid())
    return some_input & some_output & shown


def _input(values: pa.Array, spec: Any) -> np.ndarray:
    default = None if spec.default is None else np.asarray(spec.default).reshape(-1)[0]
    listed = [default if value is None else value for value in values.to_pylist()]
    if spec.dtype == "STRING":
        texts = np.empty(len(listed), object)
        texts[:] = [b"" if one is None else one.encode() if isinstance(one, str) else one for one in listed]
        return texts
    missing = np.nan if np.issubdtype(spec.numpy_dtype, np.floating) else 0
    return np.array([missing if one is None else one for one in listed], spec.numpy_dtype)


def _differ(logged: pa.ChunkedArray, computed: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
    """Which rows differ, and the largest difference of numbers; rows without a logged value do not."""
    flat = computed.reshape(len(computed), -1)
    values = logged.combine_chunks()
    there = np.asarray(values.is_valid())
    lengths: np.ndarray = np.ones(len(values), np.int64)
    if pa.types.is_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    comparable = there & (lengths == flat.shape[1])
    wrong = there & ~comparable
    chosen = values.filter(pa.array(comparable))
    items = chosen.flatten() if pa.types.is_list(chosen.type) else chosen
    if flat.dtype.kind not in "fiub":
        texts = np.array([_text(one) for one in items.to_pylist()], object).reshape(-1, flat.shape[1])
        again = np.array([_text(one) for one in flat[comparable].ravel()], object).reshape(-1, flat.shape[1])
        wrong[comparable] = (texts != again).any(axis=1)
        return wrong, 0.0
    numbers = items.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(-1, flat.shape[1])
    again = flat[comparable].astype(np.float64)
    difference = np.abs(numbers - again)
    far = (difference > tolerance * np.maximum(1.0, np.abs(again))) | np.isnan(difference)
    wrong[comparable] = far.any(axis=1)
    return wrong, float(np.nanmax(difference, initial=0.0))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
