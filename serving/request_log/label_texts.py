"""Labels and class names of the log as texts, so that a label equals a class whatever types they were logged as."""

import pyarrow as pa


def label_texts(values: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Values as texts; a whole number has no decimal point, bytes that are not UTF-8 are escapes, null is None."""
    return [None if value is None else label_text(value) for value in values.to_pylist()]


def label_text(value: object) -> str:
    """One value, see `label_texts`."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
