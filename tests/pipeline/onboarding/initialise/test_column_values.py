import numpy as np
import pyarrow as pa
import pytest

from pipeline.onboarding.initialise.column_values import Values, short, value_counts, values_of


@pytest.mark.parametrize(
    ("column", "alias", "codes", "distinct"),
    [
        (["b", "a", None, "b"], "string", [0, 1, -1, 0], ["b", "a"]),
        ([3, 3, None, 1], "int64", [0, 0, -1, 1], [3, 1]),
        ([2.5, float("nan"), 0.5, None], "float64", [0, -1, 1, -1], [2.5, 0.5]),
        ([[1, 2], None, []], "list:int64", [0, -1, 0], ["list"]),
    ],
)
def test_values_are_numbered_as_they_appear(column, alias, codes, distinct):
    found = values_of(pa.chunked_array([pa.array(column)]), "x", alias)
    assert found.codes.tolist() == codes
    assert found.distinct.tolist() == distinct
    assert found.known == sum(code >= 0 for code in codes)


def test_chunks_are_one_column():
    found = values_of(pa.chunked_array([["a", "b"], ["b", "c"]]), "x", "string")
    assert found.codes.tolist() == [0, 1, 1, 2]


def test_numbers_are_nan_where_missing():
    found = Values("x", "int64", np.array([1, -1, 0]), np.array([7, 9]))
    np.testing.assert_array_equal(found.numbers, [9.0, np.nan, 7.0])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pickupZip_code", ["pickup", "zip", "code"]),
        ("PassengerId", ["passenger", "id"]),
        ("HTTPStatus2", ["http", "status", "2"]),
        ("", []),
    ],
)
def test_words_of_a_name(name, words):
    assert Values(name, "string", np.array([]), np.array([])).words == words


def test_value_counts_leave_out_what_is_missing():
    assert value_counts(pa.table({"x": ["a", "b", None, "a"]}), "x") == {"a": 2, "b": 1}


def test_how_values_are_shown():
    assert short("a" * 30) == repr("a" * 30)
    assert short("a" * 31) == repr("a" * 27 + "...")
    assert short(5) == "'5'"
