"""Adapts rows to a champion that was trained before the schema changed, or explains why they cannot be compared."""

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.serving.serving_contract import ModelOutput, SavedModel

_TYPES = {"int64": pa.int64(), "float": pa.float32()}
_MISMATCH = re.compile(r"Key: (.+?), Index: \d+\.\s+Data types don't match\. Expected type: (\w+)", re.S)


class NotComparable(Exception):
    """A model cannot predict the rows; the message says why."""


class Adapted:
    """A model with integer and float columns converted to the type that it was trained on.

    Attributes:
      converted: Columns that are converted and their types: integers to floats, floats rounded to integers.
    """

    def __init__(self, model: SavedModel) -> None:
        self.model = model
        self.converted: dict[str, pa.DataType] = {}

    @property
    def threshold(self) -> float:
        """Decision threshold of the model."""
        return self.model.threshold

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the model."""
        return self.model.classes

    def predict(self, records: np.ndarray) -> ModelOutput:
        """Predicts serialized examples, bytes [N].

        Raises:
          NotComparable: A column has a type that cannot be converted, or the model rejects the rows.
        """
        import tensorflow as tf

        while True:
            try:
                return self.model.predict(_with_types(records, self.converted))
            except tf.errors.InvalidArgumentError as exc:
                found = _MISMATCH.search(str(exc))
                name, kind = (found[1], _TYPES.get(found[2] or "")) if found else ("", None)
                if kind is None or name in self.converted:
                    raise NotComparable(_reason(str(exc), name)) from exc
                self.converted[name] = kind

    def lacking(self, records: np.ndarray) -> list[str]:
        """Returns inputs of the model without a column in these rows; [] if the model does not name its inputs."""
        from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

        wanted = self.model.inputs()
        names = ExamplesToRecordBatchDecoder().DecodeBatch(records.tolist()).schema.names
        there = {_plain(name) for name in names}
        return [name for name in wanted if _plain(name) not in there and _plain(_unnumbered(name)) not in there]


def _with_types(records: np.ndarray, types: Mapping[str, pa.DataType]) -> np.ndarray:
    """Converts number columns of the examples; raises NotComparable for text columns."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

    if not types:
        return records
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(records.tolist())
    columns = list(batch.columns)
    for name, type_ in types.items():
        place = batch.schema.get_field_index(name)
        if place >= 0 and not pa.types.is_null(columns[place].type):
            columns[place] = _as(columns[place], type_, name)
    changed = pa.RecordBatch.from_arrays(columns, batch.schema.names)
    return np.array(RecordBatchToExamplesEncoder().encode(changed), object)


def _as(column: pa.Array, type_: pa.DataType, name: str) -> pa.Array:
    values, lengths = column.flatten(), pc.fill_null(pc.list_value_length(column), 0)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise NotComparable(f"it was trained on '{name}' as a number, which holds texts now")
    if pa.types.is_integer(type_) and pa.types.is_floating(values.type):
        values = pc.round(values.cast(pa.float64()))
        usable = pc.and_(pc.is_finite(values), pc.less(pc.abs(values), 2.0**63))
        values = pc.if_else(usable, values, pa.scalar(-(2.0**63)))  # the smallest int64 means missing
    offsets = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))]).astype(np.int32)
    mask = column.is_null() if column.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets), values.cast(type_, safe=False), mask=mask)


def _reason(error: str, name: str) -> str:
    if name:
        return f"it was trained on '{name}' as another type than the rows have now"
    return f"it cannot read these rows ({' '.join(error.split())[:200]})"


def _plain(name: str) -> str:
    """Normalises a column name as input_names of signatures.py does, ignoring case."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).lower()
    return plain.removeprefix("arg_").rstrip("_")


def _unnumbered(name: str) -> str:
    return re.sub(r"_\d+$", "", name)
