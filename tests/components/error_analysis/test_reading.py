import numpy as np
import pyarrow as pa
import pytest

from components.error_analysis.reading import keep_rows, take_rows


def batch(**columns):
    return pa.RecordBatch.from_pydict(columns)


BATCHES = [
    batch(c=pa.array([[b"a"], [], [b"\xff"]]), n=pa.array([[1], None, [3]]), none=pa.nulls(3)),
    batch(c=pa.array([[b"b", b"z"], [b"a"]]), n=pa.array([[0.5], []]), g=pa.array([[7], [8]])),
]


def test_columns_of_all_kinds():
    kept = keep_rows(BATCHES, ["c", "g", "none"], ["n", "absent"], 100, seed=0)
    assert [(*kept.columns["c"].names, None)[code] for code in kept.columns["c"].codes] == [
        "a",
        None,
        "\ufffd",
        "b",
        "a",
    ]
    assert [(*kept.columns["g"].names, None)[code] for code in kept.columns["g"].codes] == [None, None, None, "7", "8"]
    assert kept.columns["none"].codes.tolist() == [-1] * 5
    np.testing.assert_array_equal(kept.columns["n"], [1, np.nan, 3, 0.5, np.nan])
    assert np.isnan(kept.columns["absent"]).all()
    assert kept.places.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [2, 100])
def test_of_many_rows_a_random_part_is_kept_and_answered(size):
    batches = [batch(n=pa.array([[float(at)] for at in range(start, start + size)])) for start in range(0, 2000, size)]

    def answer(rows):
        assert rows.num_rows  # a model need not answer to nothing
        return {"twice": 2 * np.array([cells[0] for cells in rows.column(0).to_pylist()])}

    kept = keep_rows(batches, [], ["n"], 500, 3, answer)
    assert 150 < len(kept.places) <= 500
    assert kept.columns["n"].tolist() == kept.places.tolist()  # each row's number is its place
    assert kept.answers["twice"].tolist() == (2 * kept.places).tolist()
    assert (np.diff(kept.places) > 0).all()
    assert 800 < kept.places.mean() < 1200
    found = take_rows(batches, kept.places)
    assert [cells[0] for cells in found.column("n").to_pylist()] == kept.places.tolist()


def test_no_rows():
    kept = keep_rows([], ["c"], ["n"], 10, 0)
    assert (len(kept.columns["c"].codes), len(kept.columns["n"]), len(kept.places)) == (0, 0, 0)
    assert kept.answers == {}
