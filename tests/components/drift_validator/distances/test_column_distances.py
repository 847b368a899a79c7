import numpy as np
import pytest

from components.drift_validator.distances.column_distances import as_texts, measure_column
from components.drift_validator.sketches.categories import hash_categories
from components.drift_validator.sketches.sketch import ColumnSketch
from tests.components.drift_validator.distributions import categories, column, numbers

TEXT = column(categories({"a": 6, "b": 3}), missing=1)
NUMBER = column(numbers([1, 2, 2, 3.5]), missing=1)
NESTED = ColumnSketch("x", 10, 0, None)


def names(one: ColumnSketch, other: ColumnSketch, **options) -> list[str]:
    return [measured.measure for measured in measure_column(one, other, **options)]


def by_name(one: ColumnSketch, other: ColumnSketch) -> dict:
    return {measured.measure: measured for measured in measure_column(one, other, jensen_shannon=True)}


def test_measures_are_in_the_order_of_the_registry():
    three = column(categories({"a": 3, "b": 2, "c": 1}))
    assert names(three, three) == ["chebyshev", "total_variation", "missing", "unseen", "vanished"]
    assert names(TEXT, TEXT) == [
        "chebyshev",
        "missing",
        "unseen",
        "vanished",
    ]  # total_variation equals chebyshev for two values
    assert names(NUMBER, NUMBER) == ["kolmogorov_smirnov", "missing", "out_of_range", "range_lost", "decimals"]
    assert names(TEXT, TEXT, jensen_shannon=True)[1] == "jensen_shannon"
    assert names(NUMBER, NUMBER, jensen_shannon=True)[1] == "jensen_shannon"
    assert names(NESTED, NESTED) == names(NESTED, TEXT) == ["missing"]


@pytest.mark.parametrize("same", [TEXT, NUMBER, NESTED])
def test_identical_columns_have_distance_0(same):
    for measured in measure_column(same, same, jensen_shannon=True):
        assert (measured.distance, measured.p_value) in {(0.0, 1.0), (0.0, None)}
        assert measured.detail == ""


def test_numbers_against_texts_compare_as_texts():
    found = by_name(column(numbers([1, 2, 2, 0.5])), column(categories({"1": 1, "2": 2, "0.5": 1})))
    assert found["chebyshev"].distance == 0.0
    assert as_texts(numbers([10, 9, np.inf])).values.to_pylist() == ["10", "9", "inf"]


@pytest.mark.parametrize("some", [TEXT, NUMBER])
@pytest.mark.parametrize("empty", [numbers([]), categories({}), None])
def test_a_side_without_values(some, empty):
    nothing = ColumnSketch("x", 10, 10, empty)
    for one, other in ((some, nothing), (nothing, some)):
        found = by_name(one, other)
        main = next(iter(found.values()))
        assert main.distance == (pytest.approx(2 / 3) if some is TEXT else 1.0)
        assert main.p_value == 1.0
        assert found["missing"].distance == pytest.approx(0.9 if some is TEXT else 0.8)
        assert found["missing"].p_value < 0.05
        assert "jensen_shannon" not in found


def test_without_rows_p_values_are_1():
    for measured in measure_column(TEXT, ColumnSketch("x", 0, 0, categories({}))):
        assert measured.p_value == 1.0
        assert measured.critical(0.05) == 1.0
    assert names(ColumnSketch("x", 0, 0, None), ColumnSketch("x", 0, 0, None)) == ["missing"]


def test_hash_buckets_have_no_names():
    many = column(hash_categories(categories({"a": 5, "b": 4})))
    found = by_name(TEXT, many)
    assert list(found) == ["chebyshev", "jensen_shannon", "missing"]
    assert found["chebyshev"].distance == pytest.approx(6 / 9 - 5 / 9)
    assert found["chebyshev"].at is None


def test_the_number_of_values_in_a_row():
    """Two tags per row against one, with equal distributions of tags."""
    single = column(categories({"x": 100, "y": 100}))
    double = column(categories({"x": 100, "y": 100}), lengths=numbers([2] * 100))
    found = by_name(single, double)
    assert found["chebyshev"].distance == 0.0
    assert (found["length"].distance, found["length"].at) == (1.0, 1.0)
    assert found["length"].detail == "values in a row at most 1: was 100.0%, is 0.0%"
    assert found["length"].p_value < 1e-9


def test_values_of_one_list_are_not_independent():
    """Each row has the same value ten times: the effective sample size is 30 rows, not 300 values."""
    sides = [column(categories({"x": x * 10, "y": (30 - x) * 10}), lengths=numbers([10] * 30)) for x in (12, 18)]
    alone = [column(categories({"x": x, "y": 30 - x})) for x in (12, 18)]
    assert by_name(*sides)["chebyshev"].p_value == pytest.approx(by_name(*alone)["chebyshev"].p_value)


def test_the_length_of_texts_where_there_are_many():
    short = column(categories({f"{row:05d}": 1 for row in range(500)}))
    padded = column(categories({f"{row:05d} ": 1 for row in range(500, 1000)}))
    found = by_name(short, padded)
    assert found["chebyshev"].p_value == 1.0
    assert found["text_length"].distance == 1.0
    assert found["text_length"].detail == "characters at most 5: was 100.0%, is 0.0%"
    assert found["text_length"].p_value < 1e-9
