import numpy as np
import pandas as pd
import pyarrow as pa

from components.drift_validator.sketches.single_values import single_values

NAN = float("nan")


def test_numbers_and_texts_with_gaps():
    table = pa.table({"x": [1, None, 3], "f": [0.5, NAN, None], "t": ["b", None, "a"], "y": [True, False, None]})
    found = single_values(table)
    assert list(found.columns) == ["x", "f", "t", "y"]
    np.testing.assert_array_equal(found["x"], [1.0, NAN, 3.0])
    np.testing.assert_array_equal(found["f"], [0.5, NAN, NAN])
    np.testing.assert_array_equal(found["y"], [1.0, 0.0, NAN])
    assert found["t"].isna().tolist() == [False, True, False]
    assert found["t"].dropna().tolist() == ["b", "a"]
    assert found["t"].cat.categories.tolist() == ["a", "b"]


def test_categorical_numbers():
    found = single_values(pa.table({"code": [7, None, 10, 7], "y": [True, False, None, True]}), ["code", "y"])
    assert found["code"].cat.categories.tolist() == ["10", "7"]
    assert found["code"].isna().tolist() == [False, True, False, False]
    assert found["code"].dropna().tolist() == ["7", "10", "7"]
    assert found["y"].cat.categories.tolist() == ["0", "1"]


def test_lists_of_at_most_one_value():
    table = pa.table({"one": [["a"], [], None], "several": [["a", "b"], ["c"], []], "inner": [["a", None], [None], []]})
    found = single_values(table)
    assert list(found.columns) == ["one", "inner"]  # a null within a list is missing
    for name in found:
        assert found[name].notna().tolist() == [True, False, False]


def test_nested_columns_are_left_out():
    table = pa.table({"s": [{"a": 1}], "l": [[[1]]], "x": [1]})
    assert list(single_values(table).columns) == ["x"]


def test_number_of_rows_is_kept_without_columns():
    assert single_values(pa.table({"s": [{"a": 1}] * 3})).shape == (3, 0)
    empty = single_values(pa.table({"x": pa.array([], pa.int64()), "t": pa.array([], pa.string())}))
    assert empty.shape == (0, 2)
    assert single_values(pa.table({})).shape == (0, 0)


def test_all_missing():
    table = pa.table(
        {"t": pa.array([None, None], pa.string()), "x": pa.array([None, None], pa.float64()), "n": pa.nulls(2)}
    )
    found = single_values(table, ["x"])
    assert found.isna().all().all()
    assert isinstance(found["t"].dtype, pd.CategoricalDtype)


def test_chunks_dictionaries_and_infinities():
    words = pa.chunked_array([pa.array(["ü", "日"]).dictionary_encode(), pa.array(["日", "a"]).dictionary_encode()])
    numbers = pa.chunked_array([[np.inf, 1.0], [-np.inf, NAN]])
    found = single_values(pa.table({"w": words, "x": numbers}))
    assert found["w"].tolist() == ["ü", "日", "日", "a"]
    np.testing.assert_array_equal(found["x"], [np.inf, 1.0, -np.inf, NAN])


def test_invalid_bytes_have_a_name():
    found = single_values(pa.table({"b": [b"a\xff", b"a", b"a\\xff"]}))
    # Two different byte strings may have one name; they are then one category, not an error.
    assert found["b"].tolist() == ["a\\xff", "a", "a\\xff"]
    assert found["b"].cat.categories.tolist() == ["a", "a\\xff"]
