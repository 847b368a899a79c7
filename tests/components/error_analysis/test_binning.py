import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.error_analysis.binning import CategoricalColumn, cut, cuts_of

NAN = float("nan")


def sliced(name, column, **settings):
    """Name of each row's slice."""
    made = cut(name, column, **{"bins": 2, "categories": 2, "least": 2, **settings})
    return [made.slices[code] for code in made.codes_of(column)[0]]


def test_numbers_by_quantiles():
    values = np.array([*range(20), NAN], float)
    found = sliced("temp", values)
    assert found == [*["temp < 10"] * 10, *["temp >= 10"] * 10, "temp missing"]
    assert sliced("temp", values, bins=4)[7] == "temp in [5, 10)"


def test_numbers_of_few_values_have_a_slice_each():
    assert sliced("hour", np.array([6.0, 7.0, 6.0, NAN])) == ["hour=6", "hour=7", "hour=6", "hour missing"]
    assert sliced("year", np.array([1234567.0, 1234568.0])) == ["year=1234567", "year=1234568"]


@pytest.mark.parametrize("values", [[], [NAN, NAN]])
def test_all_missing(values):
    assert sliced("x", np.array(values, float)) == ["x missing"] * len(values)
    made = cut("x", np.array(values, float), 5, 2, 1)
    assert [made.slices[code] for code in made.codes_of(np.array([1.0, NAN]))[0]] == ["x known", "x missing"]


def test_frequent_categories():
    column = CategoricalColumn(np.array([0, 0, 1, 1, 1, 2, -1]), ("AA", "UA", "rare"))
    assert sliced("c", column) == [*["c=AA"] * 2, *["c=UA"] * 3, "c other", "c missing"]
    assert sliced("c", column, categories=1)[0] == "c other"


def test_categories_keep_their_codes_in_another_split():
    made = cut("c", CategoricalColumn(np.array([0, 0, 1]), ("AA", "UA")), 5, 2, 1)
    codes, _ = made.codes_of(CategoricalColumn(np.array([0, 1, 2, -1]), ("UA", "new", "AA")))
    assert [made.slices[code] for code in codes] == ["c=UA", "c other", "c=AA", "c missing"]


@given(arrays(float, st.integers(0, 60), elements=st.floats(-1e3, 1e3) | st.just(NAN)), st.integers(2, 7))
def test_finer_bins_lie_within_slices(values, bins):
    made = cut("x", values, bins, 5, 1)
    coarse, fine = made.codes_of(values)
    assert np.all((coarse >= 0) & (coarse < len(made.slices)))
    for code in np.unique(fine):
        assert len(np.unique(coarse[fine == code])) == 1
    assert len(set(made.slices)) == len(made.slices)


@pytest.mark.parametrize("column", [np.array([1.0, NAN, 3.0]), CategoricalColumn(np.array([0, -1, 0]), ("AA",))])
def test_missing_values_have_a_partition_of_their_own(column):
    values, missing = cuts_of("x", column, 2, 2, 1)
    coarse, fine = missing.codes_of(column)
    assert [missing.slices[code] for code in coarse] == ["x known", "x missing", "x known"]
    assert coarse.tolist() == fine.tolist()
    assert values.slices[values.unlooked] == "x missing"  # not tested twice
    assert len(cuts_of("x", np.array([1.0, 2.0]), 2, 2, 1)) == 1
