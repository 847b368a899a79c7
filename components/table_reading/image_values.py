"""Recognises columns of encoded images in files with types (Parquet, Arrow, TFRecord, databases)."""

import hashlib

import pyarrow as pa

from components.shared.images.decoding import image_format


def holds_images(column: pa.Array) -> bool:
    """Whether a column is binary and its first value that is not null is an encoded image."""
    kind = column.type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)):
        return False
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    return bool(valid.any()) and image_format(column[int(valid.argmax())].as_py()) != ""


def without_images(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Replaces encoded images by their SHA-256, so that a sample of rows stays small and copies stay equal."""
    for place, name in enumerate(batch.schema.names):
        if holds_images(batch.column(place)):
            digests = [
                None if value is None else hashlib.sha256(value).digest() for value in batch.column(place).to_pylist()
            ]
            batch = batch.set_column(place, name, pa.array(digests, pa.binary()))
    return batch
