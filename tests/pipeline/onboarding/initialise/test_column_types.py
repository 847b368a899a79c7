import numpy as np
import pyarrow as pa
import pytest

from pipeline.onboarding.initialise.column_types import column_of
from pipeline.onboarding.initialise.column_values import values_of

N = 200
WORDS = [a + b for a in ("ga", "lo", "mi", "ne", "ru") for b in ("bert", "stein", "ville", "son", "ley")]
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.normal(size=N)
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def column(values, name="x", alias=None):
    values = pa.chunked_array([pa.array(values)])
    return column_of(values_of(values, name, alias or ALIAS.get(values.type, "list:int64")), len(values))


def cycle(values, size=N):
    """Values over and over, in an order that says nothing about the label."""
    return np.random.default_rng(1).permutation(np.resize(values, size)).tolist()


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", cycle(["a", "b", "c"]), "categorical"),
        ("x", cycle([0, 1]), "categorical"),
        ("x", cycle(range(7)), "numeric"),
        ("zip_code", cycle([10001, 10002, 94110]), "categorical"),
        ("x", NOISE * 2, "numeric"),
        ("patient_id", RANDOM.permutation(np.arange(N)) * 7, "id"),
        ("PassengerId", np.arange(N) + 1, "id"),
        ("x", np.arange(N) + 1, "id"),  # the row number
        ("x", [f"A{number:04}" for number in range(N)], "id"),
        ("customerId", cycle(range(100)), "id"),  # two rows each
        ("store_id", cycle(range(5)), "categorical"),
        ("x", [f"{first} {last}" for first in ("Ada", "Bo", "Cy", "Di") for last in WORDS], "text"),
        ("x", [f"{first} {last}" for first in ("عمر", "ليلى", "سعيد", "نور") for last in WORDS], "text"),
        ("x", [f"they wrote {number} words about it at length" for number in range(N)], "text"),
        ("x", [f"{1 + number % 12}/{1 + number % 28}/2014" for number in range(N)], "date"),
        ("created_ts", 1_400_000_000 + np.arange(N)[::-1] * 977, "date"),
        ("x", 20240100 + RANDOM.integers(1, 29, N), "date"),
    ],
)
def test_kinds(name, values, kind):
    found = column(values, name)
    assert (found.kind, found.suspicious) == (kind, "")


@pytest.mark.parametrize(
    ("name", "values", "period"),
    [
        ("hour", cycle(range(24)), 24),
        ("start_hour", cycle(range(6, 24)), 24),
        ("hours", cycle(range(24)), 0),  # a duration
        ("hour", cycle(range(6)), 0),
        ("minute", cycle([0, 15, 30, 45]), 60),
        ("dayOfWeek", cycle(range(1, 8)), 7),
        ("day", cycle(range(7)), 7),
        ("day", cycle(range(1, 32)), 0),  # of the month
        ("month", cycle(range(1, 13)), 12),
        ("day_of_year", cycle(range(1, 367)), 365.25),
        ("wind_dir", cycle(range(0, 361, 10)), 360),
        ("bearing", np.linspace(0, 359.5, N), 360),
        ("direction", cycle(range(4)), 0),
    ],
)
def test_cyclical_only_where_name_and_range_say_so(name, values, period):
    assert column(values, name).period == period


def test_dates_lists_and_truth_values_by_type():
    kinds = {alias: column(cycle([0, 1]), alias=alias).kind for alias in ("date", "timestamp", "bool")}
    assert kinds == {"date": "date", "timestamp": "date", "bool": "categorical"}
    assert column([[1, 2]] * N).kind == "list"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["same"] * N, "is 'same' in every row"),
        (pa.nulls(N, pa.string()), "has no value in any row"),
        ([5] + [None] * 299, "has a value in 1 of 300 rows"),
        ([f"name {i // 2}" for i in range(N // 2)] + [f"n {i}" for i in range(N // 2)], "near-unique: 75%"),
        (RANDOM.permutation(5000) * 3, "near-unique: a distinct integer"),
    ],
)
def test_columns_that_say_nothing_are_no_features_and_say_why(values, reason):
    found = column(values)
    assert found.suspicious.startswith(reason)
    assert not found.is_feature


def test_what_is_counted():
    found = column(["a", "b", None, "b"])
    assert (found.name, found.type, found.missing, found.distinct) == ("x", "string", 0.25, 2)
