"""Rows of the request log in the columns and types of the schema."""

import pyarrow as pa

from pipeline.labels.span_file import converted


def test_what_a_request_left_out_is_missing():
    """The log has the default of the signature, as the model saw it: an empty text, or NaN."""
    batch = pa.RecordBatch.from_pydict(
        {
            "feature_engine": pa.array([b"Turbo-fan", b""], pa.binary()),
            "feature_seats": pa.array([b"", b"4"], pa.binary()),
            "feature_temp": pa.array([float("nan"), 50.0]),
        }
    )
    types = {"engine": pa.string(), "seats": pa.int64(), "temp": pa.float64()}
    found = converted(batch, {name: f"feature_{name}" for name in types}, types, (), "log")
    assert found.to_pydict() == {"engine": ["Turbo-fan", None], "seats": [None, 4], "temp": [None, 50.0]}
