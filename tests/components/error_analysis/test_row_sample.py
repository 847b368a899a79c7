import numpy as np
import pyarrow as pa
import pytest

from components.error_analysis.row_sample import _lengths, feature_columns, read_feature_columns, sample_rows
from tests.components.served_models import write_split


def test_columns_of_all_types():
    cells = {
        "c": pa.array([b"a", None, b"\xff", b"b", b"a"]),
        "g": pa.array([None, None, None, 7, 8]),
        "none": pa.nulls(5),
        "n": pa.array([1, None, 3, 0.5, None]),
        "absent": pa.nulls(5),
    }
    found = feature_columns(cells, ["c", "g", "none"], ["n", "absent"])
    texts = {name: [(*found[name].names, None)[code] for code in found[name].codes] for name in ("c", "g", "none")}
    assert texts == {
        "c": ["a", None, "\ufffd", "b", "a"],
        "g": [None, None, None, "7", "8"],
        "none": [None] * 5,
    }
    np.testing.assert_array_equal(found["n"], [1, np.nan, 3, 0.5, np.nan])
    assert np.isnan(found["absent"]).all()


def test_many_rows_are_sampled():
    assert sample_rows(5, 5, seed=0).tolist() == [0, 1, 2, 3, 4]
    rows = sample_rows(2000, 500, seed=3)
    assert len(rows) == 500
    assert (np.diff(rows) > 0).all()
    assert 800 < rows.mean() < 1200
    assert sample_rows(0, 10, seed=0).tolist() == []


@pytest.mark.slow
def test_only_the_given_rows_are_read(tmp_path):
    numbers = [float(row) for row in range(20_000)]
    split = write_split(tmp_path / "eval", ["EWR", "JFK"] * 10_000, numbers, [None] * 20_000)
    places = np.array([0, 5, 8191, 8192, 19_999])
    found = read_feature_columns(split, ["origin"], ["n"], places)
    assert found["n"].tolist() == places.tolist()
    assert [found["origin"].names[code] for code in found["origin"].codes] == ["EWR", "JFK", "JFK", "EWR", "JFK"]
    nothing = read_feature_columns(split, ["origin"], ["n"], np.array([], int))
    assert (len(nothing["origin"].codes), len(nothing["n"])) == (0, 0)


def test_texts_are_represented_by_their_length():
    cells = pa.array([b"four", "äöü".encode(), b"", None, b"\xff\xfe"])
    np.testing.assert_array_equal(_lengths(cells), [4, 3, np.nan, np.nan, 2])
    np.testing.assert_array_equal(_lengths(pa.nulls(2)), [np.nan, np.nan])
