from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitor.windows.feature_columns import column_type, example_column, logged_column

LOWEST = -(2**63)


@pytest.mark.parametrize(
    ("values", "alias", "found"),
    [
        (pa.array([1.0, np.nan, 2.6], pa.float32()), "int64", [1, None, 3]),
        (pa.array([1, LOWEST, None], pa.int64()), "int64", [1, None, None]),
        (pa.array([0.1, np.nan], pa.float32()), "float64", [float(np.float32(0.1)), None]),
        (pa.array([0.1], pa.float64()), "float64", [float(np.float32(0.1))]),
        (pa.array([b"EWR", b"", None, b"\xff"], pa.binary()), "string", ["EWR", None, None, "\\xff"]),
        (pa.array(["7", "seven"]), "int64", [7, None]),
        (pa.array([True, False]), "bool", [1, 0]),
        (pa.array(["true", "0", "?"]), "bool", [1, 0, None]),
        (pa.array(["1970-01-03", "", "1969-12-31T23:00", "no"]), "date", [2, None, -1, None]),
        (pa.array(["1970-01-01T00:00:01", "1970-01-01 01:00:00+01:00"]), "timestamp", [1_000_000, 0]),
        (pa.array(["a;b", "", None]), "list:string", [["a", "b"], None, None]),
        (pa.array(["1;2"]), "list:int64", [[1, 2]]),
        (pa.array([[1.0, 2.0], []], pa.list_(pa.float32())), "list:float64", [[1.0, 2.0], None]),
        (pa.array([[1.0, 2.0]], pa.list_(pa.float32())), "float64", [None]),
        (pa.nulls(2), "string", [None, None]),
        (pa.array([5], pa.int64()), "string", ["5"]),
    ],
)
def test_logged_values_have_the_type_of_the_schema_and_missing_ones_are_null(values: pa.Array, alias: str, found: Any):
    column = logged_column(values, alias)
    assert column.to_pylist() == found
    assert column.type == column_type(alias)


def test_logged_values_and_examples_of_the_same_rows_are_equal():
    logged = logged_column(pa.array([0.1, 3.0, np.nan], pa.float32()), "float64")
    stored = example_column(pa.array([0.1, 3.0, None], pa.float32()), "float64")
    assert logged.equals(stored)
    texts = pa.array([b"JFK", None, b"caf\xc3\xa9"], pa.large_binary())
    assert example_column(texts, "string").to_pylist() == ["JFK", None, "café"]
    lists = pa.array([[b"a"], None, [b"b", b"c"]], pa.large_list(pa.large_binary()))
    assert example_column(lists, "list:string").to_pylist() == [["a"], None, ["b", "c"]]
    assert example_column(pa.array([3, None]), "date").to_pylist() == [3, None]
