"""Embeds the images of a split of tf.Examples, batch by batch, for steps that run before Transform."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.examples.example_reading import example_batches, first_values
from components.shared.images.image_column import BLOCK_IMAGES, ImageColumn
from components.shared.images.image_model_fitting import ImageSettings, learn
from components.shared.progress import report_progress

QUANTILES = 2
"""Buckets of the quantiles, which are not used here."""


@dataclass(frozen=True, eq=False)
class EmbeddedImages:
    """The images of N rows.

    Attributes:
      numbers: Float32 [N, D], NaN where missing; the first column has variance 1.
      digests: SHA-256 of the encoded images, hexadecimal [N]; None where missing.
    """

    numbers: np.ndarray
    digests: list[str | None]


def embed_images(split_uri: str, column: str, table: Mapping[str, Any] | None = None) -> EmbeddedImages:
    """Embeds an image column of a split.

    The principal components are fitted on evenly spaced rows of the split. Memory is bounded by these images and by
    the result.

    Args:
      split_uri: Folder of gzip TFRecords, as ArrowExampleGen writes them.
      column: The image column.
      table: Section [image] of pipeline.toml.
    """
    settings = ImageSettings.of(table)
    digests = [
        None if value is None else hashlib.sha256(value).hexdigest()
        for batch in example_batches(split_uri, [column])
        for value in _values(batch, column)
    ]
    there = [row for row, one in enumerate(digests) if one is not None]
    if not there:
        return EmbeddedImages(np.zeros((len(digests), 0), np.float32), digests)
    spaced = np.unique(np.linspace(0, len(there) - 1, min(len(there), settings.max_fit_rows)).astype(int))
    model = learn(column, _chosen(split_uri, column, {there[at] for at in spaced}), QUANTILES, settings)
    return EmbeddedImages(_projected(split_uri, column, ImageColumn(model), len(digests)), digests)


def _chosen(split_uri: str, column: str, rows: set[int]) -> list[bytes]:
    found, row = [], 0
    for batch in example_batches(split_uri, [column]):
        for value in _values(batch, column):
            if row in rows and value is not None:
                found.append(value)
            row += 1
    return found


def _projected(split_uri: str, column: str, embed: ImageColumn, rows: int) -> np.ndarray:
    import tensorflow as tf

    computed = tf.function(embed.__call__, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    found, at = np.full((rows, len(embed.columns)), np.nan, np.float32), 0
    for batch in example_batches(split_uri, [column]):
        values = _values(batch, column)
        for start in range(0, len(values), BLOCK_IMAGES):
            some = [value or b"" for value in values[start : start + BLOCK_IMAGES]]
            found[at : at + len(some)] = computed(tf.constant(some, tf.string)).numpy()
            at += len(some)
            report_progress(f"images {column}", at, rows)
    report_progress("")
    return found


def _values(batch: pa.RecordBatch, column: str) -> list[bytes | None]:
    """The images of a batch; None where a row has none."""
    return [value or None for value in first_values(batch, column).to_pylist()]
