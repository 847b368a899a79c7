"""Loads the graph of matrices of a transform graph, see transform/matrices.py; for training and serving."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft

from components.shared.examples.example_reading import first_values
from components.shared.features.cell_texts import texts_of
from components.shared.features.dense_columns import MISSING
from components.shared.images.pixels import PIXELS

FOLDER = "matrices"


class Matrices(tf.Module):
    """The SavedModel and the order of its columns; a tf.Module, so that a model that holds it saves it, too."""

    def __init__(
        self,
        loaded: Any,
        label: str,
        categorical: Sequence[str],
        numeric: Sequence[str],
        cyclical: Sequence[str],
        large: Mapping[str, str],
        text: Sequence[str] = (),
        image: Sequence[str] = (),
    ) -> None:
        """Stores the fields of columns.json.

        Args:
          loaded: The SavedModel.
          label: Name of the label column.
          categorical: Categorical columns.
          numeric: Numeric columns.
          cyclical: Cyclical columns.
          large: Large integer column -> type in which it is served.
          text: Text columns.
          image: Image columns.
        """
        super().__init__()
        self.loaded, self.label = loaded, label
        # Tuples, because tf.Module wraps lists in order to track their elements.
        self.categorical, self.large, self.encoded = tuple(categorical), tuple(large), (*text, *image)
        self.images = tuple(image)
        self.numeric, self.cyclical = (tuple(one for one in some if one not in large) for some in (numeric, cyclical))
        self._served = tuple(large.values())

    @property
    def takes_texts(self) -> bool:
        """Whether `features` has an input for texts; graphs of older versions lack it."""
        return hasattr(self.loaded, "prose")

    @property
    def served_types(self) -> dict[str, tf.DType]:
        """Large integer column -> type of its input in a served model."""
        return {name: tf.as_dtype(kind) for name, kind in zip(self.large, self._served, strict=True)}

    def transformed(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Computes the matrices for a batch of list columns, without the label."""
        found = {}
        if self.categorical:
            found["categorical"] = self._ids(batch)
        if self.numeric or self.cyclical or self.large or self.encoded:
            values, turning = (_numbers(batch, names) for names in (self.numeric, self.cyclical))
            if self.encoded:
                values = np.concatenate([values, *self._encoded(batch)], axis=1)
            scaled = self.loaded.scaled(values, turning, _integers(batch, self.large))
            found |= {name: matrix.numpy() for name, matrix in scaled.items()}
        for at, name in enumerate(self.images):
            cells = first_values(batch, name)
            images = [value or b"" for value in cells.to_pylist()]
            found[f"{PIXELS}{at}"] = self.loaded.pixels[at](tf.constant(images, tf.string)).numpy()
        return found

    def labels(self, batch: pa.RecordBatch) -> np.ndarray:
        """Computes the label encoded for training, see preprocessing.label."""
        (kind,) = (spec.dtype for spec in self.loaded.label.input_signature)
        cells = first_values(batch, self.label)
        if pa.types.is_null(cells.type):
            raw = np.full(batch.num_rows, MISSING[kind], object if kind == tf.string else kind.as_numpy_dtype)
        else:
            filled = cells.fill_null(b"" if kind == tf.string else MISSING[kind])
            raw = filled.to_numpy(zero_copy_only=False)
        labels: np.ndarray = self.loaded.label(tf.constant(raw, kind)).numpy()
        return labels

    def _encoded(self, batch: pa.RecordBatch) -> list[np.ndarray]:
        """Columns computed from texts and images, float32 [N, .] each; the graph processes distinct values only."""
        found = []
        for name, numbers in zip(self.encoded, self.loaded.prose, strict=True):
            cells = first_values(batch, name)
            coded = None if pa.types.is_null(cells.type) else cells.dictionary_encode()
            known = [] if coded is None else coded.dictionary.to_pylist()
            encoded = numbers(tf.constant([*known, b""], tf.string)).numpy()  # the missing value is last
            if coded is None:
                found.append(np.repeat(encoded, batch.num_rows, axis=0))
            else:
                found.append(encoded[coded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)])
        return found

    def _ids(self, batch: pa.RecordBatch) -> np.ndarray:
        """Ids of all cells, int32 [N, C]; the graph processes the distinct values of each column only."""
        codes: list[np.ndarray] = []
        tokens: list[bytes] = []
        column: list[int] = []
        for position, name in enumerate(self.categorical):
            cells = first_values(batch, name)
            found = None if pa.types.is_null(cells.type) else cells.dictionary_encode()
            known = [] if found is None else texts_of(found.dictionary)
            start = len(tokens)
            tokens += [*known, b""]  # the missing value is last
            column += [position] * (len(known) + 1)
            if found is None:
                codes.append(np.full(batch.num_rows, start))
            else:
                codes.append(start + found.indices.fill_null(len(known)).to_numpy(zero_copy_only=False))
        ids = self.loaded.ids(tf.constant(tokens, tf.string), tf.constant(column, tf.int64)).numpy().astype(np.int32)
        return np.column_stack([ids[one] for one in codes])


def _numbers(batch: pa.RecordBatch, names: Sequence[str]) -> np.ndarray:
    """Columns as float32 [N, len(names)]; NaN where missing."""
    found = np.full((batch.num_rows, len(names)), np.nan, np.float32)
    for position, name in enumerate(names):
        cells = first_values(batch, name)
        if not pa.types.is_null(cells.type):
            there = cells.is_valid().to_numpy(zero_copy_only=False)
            numbers = cells.drop_null().to_numpy(zero_copy_only=False)
            if numbers.dtype.kind == "i":
                numbers = np.where(numbers == MISSING[tf.int64], np.nan, numbers)
            found[there, position] = numbers
    found[~np.isfinite(found)] = np.nan
    return found


def _integers(batch: pa.RecordBatch, names: Sequence[str]) -> np.ndarray:
    """Columns as int64 [N, len(names)]; the smallest int64 where missing."""
    found = np.full((batch.num_rows, len(names)), MISSING[tf.int64], np.int64)
    for position, name in enumerate(names):
        cells = first_values(batch, name)
        if not pa.types.is_null(cells.type):
            found[:, position] = cells.fill_null(MISSING[tf.int64]).to_numpy(zero_copy_only=False)
    return found


def load_matrices(transform: tft.TFTransformOutput) -> Matrices | None:
    """Loads the graph of matrices; None if the transform graph has none, because TFX's own executor wrote it."""
    folder = f"{transform.transform_savedmodel_dir.rstrip('/').rpartition('/')[0]}/{FOLDER}"
    if not tf.io.gfile.exists(f"{folder}/columns.json"):
        return None
    with tf.io.gfile.GFile(f"{folder}/columns.json") as file:
        columns = json.loads(file.read())
    return Matrices(tf.saved_model.load(folder), **columns)
