import numpy as np
import pyarrow as pa

from components.evaluator.eval_config import eval_config, slice_keys
from components.evaluator.slicing import groups_of, slices_of

COLUMNS = {
    "origin": pa.array([b"EWR", b"JFK, NY", "flüge".encode(), None, b"EWR"]),
    "engines": pa.array([1, 2, 2, 2, None]),
    "none": pa.nulls(5, pa.string()),
}


def test_slices_by_value_and_by_cross():
    found = {one.name: one.rows.tolist() for one in slices_of(COLUMNS, [["origin"], ["origin", "engines"], ["none"]])}
    assert found == {
        "origin=EWR": [0, 4],
        "origin=JFK, NY": [1],
        "origin=flüge": [2],
        "origin=EWR, engines=1": [0],
        "origin=JFK, NY, engines=2": [1],
        "origin=flüge, engines=2": [2],
    }


def test_keys_keep_the_type_of_the_value():
    assert [one.key for one in slices_of(COLUMNS, [["engines"]])] == [(("engines", 1),), (("engines", 2),)]


def test_groups_include_missing_values():
    found = groups_of(COLUMNS, "origin")
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "EWR": [0, 4],
        "JFK, NY": [1],
        "flüge": [2],
        "(missing)": [3],
    }


def test_no_rows():
    assert slices_of({"a": pa.array([], pa.string())}, [["a"]]) == []


def test_each_row_is_in_at_most_one_slice():
    random = np.random.default_rng(0)
    columns = {name: pa.array(random.integers(0, 4, 200)) for name in "ab"}
    rows = np.concatenate([one.rows for one in slices_of(columns, [["a", "b"]])])
    assert sorted(rows) == list(range(200))


def test_slice_keys():
    assert slice_keys(eval_config("binary", (("a",), ("a", "b")))) == [["a"], ["a", "b"]]
    assert slice_keys('{"slicingSpecs": [{}, {"featureKeys": ["a"]}]}') == [["a"]]
    assert slice_keys("{}") == slice_keys("") == slice_keys("[]") == []
