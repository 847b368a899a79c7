"""From record batches to Table: values, missing values, types, slices, limits."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.drift_validator.sketches.categories import BUCKETS, hash_categories
from components.drift_validator.sketches.common_resolution import comparable
from components.drift_validator.sketches.dataset_sketch import sketch_batches
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts, TableSketch
from components.shared.errors import InputError

NAN, INF = float("nan"), float("inf")


def column(*arrays, kind: str | None = None, **options) -> ColumnSketch:
    batches = [pa.record_batch({"x": array}) for array in arrays]
    return sketch_batches(batches, kinds={"x": kind} if kind else {}, **options).table.columns["x"]


def plain(distribution: CategoryCounts | NumberCounts | None) -> dict | None:
    if distribution is None:
        return None
    values = distribution.values
    values = values.to_pylist() if isinstance(distribution, CategoryCounts) else values.tolist()
    return dict(zip(values, distribution.counts.tolist(), strict=True))


def test_numbers():
    found = column([1, None, 3], [0.0, -0.0, NAN, INF, -INF])
    assert plain(found.distribution) == {-INF: 1, 0.0: 2, 1.0: 1, 3.0: 1, INF: 1}
    assert not np.signbit(found.distribution.values[1])
    assert (found.rows, found.missing, found.lengths) == (8, 2, None)


def test_text_is_sorted_by_bytes():
    found = column(["é", "b", None, ""], ["\U0001f600", "b", "\uffee"])
    assert list(plain(found.distribution).items()) == [("", 1), ("b", 2), ("é", 1), ("\uffee", 1), ("\U0001f600", 1)]
    assert found.missing == 1


def test_bytes_are_decoded_and_invalid_ones_escaped():
    assert plain(column(pa.array([b"a", b"\xffa", "é".encode()])).distribution) == {"a": 1, "\\xffa": 1, "é": 1}


def test_dictionaries():
    one, other = (pa.DictionaryArray.from_arrays([0, 1, 1, None], names) for names in (["a", "b"], ["b", "unused"]))
    assert plain(column(one).distribution) == {"a": 1, "b": 2}
    assert plain(column(one, other.slice(0, 1)).distribution) == {"a": 1, "b": 3}
    assert plain(column(pa.array([5, 5, None]).dictionary_encode()).distribution) == {5.0: 2}


def test_lists():
    found = column(pa.array([[1.0, 2.0], [], None, [3.0], [None, NAN], [1.0, NAN]]))
    assert plain(found.distribution) == {1.0: 2, 2.0: 1, 3.0: 1}
    assert (found.rows, found.missing) == (6, 3)
    assert plain(found.lengths) == {1.0: 2, 2.0: 1}


def test_lists_of_one_have_no_lengths():
    assert column(pa.array([["a"], [], ["b"]])).lengths is None
    assert plain(column(pa.array([["a"], ["b"]]), pa.array([["a", "b", "b"]])).lengths) == {1.0: 2, 3.0: 1}


def test_kinds():
    assert plain(column([7, 7, -1], kind="categorical").distribution) == {"-1": 1, "7": 2}
    assert plain(column([2**53 + 1], kind="categorical").distribution) == {str(2**53 + 1): 1}
    floats = [1.0, -0.0, 0.1, 1e300, INF, NAN]
    assert plain(column(floats, kind="categorical").distribution) == {"0": 1, "0.1": 1, "1": 1, "1e+300": 1, "inf": 1}
    assert plain(column([True, False, None]).distribution) == {"0": 1, "1": 1}
    assert plain(column([True, False, None], kind="numeric").distribution) == {0.0: 1, 1.0: 1}
    assert plain(column(["a"], kind="numeric").distribution) == {"a": 1}


def test_numbers_then_text():
    assert plain(column([1, 2, 2], ["2", "n/a"]).distribution) == {"1": 1, "2": 3, "n/a": 1}


def test_time():
    moment = datetime.datetime(1970, 1, 2, 0, 0, 1, 500_000)
    for unit in ("ms", "us", "ns"):
        assert plain(column(pa.array([moment], pa.timestamp(unit))).distribution) == {86_401.5: 1}
    assert plain(column(pa.array([datetime.date(1970, 1, 3)])).distribution) == {172_800.0: 1}
    assert plain(column(pa.array([datetime.time(1, 0, 1)])).distribution) == {3601.0: 1}
    assert plain(column(pa.array([1500], pa.duration("ms"))).distribution) == {1.5: 1}


def test_nested_types_have_no_distribution():
    for value in ([[1]], {"a": 1}):
        found = column(pa.array([value, None]))
        assert (found.rows, found.missing, found.distribution) == (2, 0, None)


def test_columns_without_values():
    found = column(pa.nulls(2), pa.array([None], pa.float64()))
    assert (found.rows, found.missing, plain(found.distribution)) == (3, 3, {})
    assert isinstance(column(pa.nulls(2), kind="categorical").distribution, CategoryCounts)
    assert isinstance(column(pa.nulls(2)).distribution, NumberCounts)
    assert plain(column(pa.nulls(2), ["a"]).distribution) == {"a": 1}


def test_columns_that_some_batches_lack():
    table = sketch_batches([pa.record_batch({"a": [1, 2]}), pa.record_batch({"b": ["x"]})]).table
    assert list(table.columns) == ["a", "b"]
    assert [(found.rows, found.missing) for found in table.columns.values()] == [(3, 1), (3, 2)]


def test_nothing():
    assert (sketch_batches([]).table.rows, sketch_batches([]).table.columns) == (0, {})
    table = sketch_batches([pa.record_batch({"x": pa.array([], pa.int64())})], slices=[["x"]]).table
    assert (table.rows, table.repeated, table.slices) == (0, 0.0, {})
    assert (table.columns["x"].rows, plain(table.columns["x"].distribution)) == (0, {})


def test_repeated_rows():
    batches = [pa.record_batch({"a": [1, 1, 2], "b": [None, NAN, 1.0]}), pa.record_batch({"a": [2], "b": [1.0]})]
    assert sketch_batches(batches).table.repeated == 0.5
    assert sketch_batches(batches, count_repeated=False).table.repeated is None


FLIGHTS = pa.record_batch(
    {
        "origin": ["EWR", "JFK", "EWR", None, "EWR"],
        "carrier": ["UA", "UA", "AA", "AA", "UA"],
        "delay": [1.0, 2.0, None, 4.0, 5.0],
    }
)


def test_slices():
    table = sketch_batches([FLIGHTS.slice(0, 2), FLIGHTS.slice(2)], slices=[["origin"], ["origin", "carrier"]]).table
    assert {name: found.rows for name, found in table.slices.items()} == {
        "origin=EWR": 3,
        "origin=(missing)": 1,
        "origin=JFK": 1,
        "origin=EWR, carrier=UA": 2,
        "origin=(missing), carrier=AA": 1,
        "origin=EWR, carrier=AA": 1,
        "origin=JFK, carrier=UA": 1,
    }
    newark = table.slices["origin=EWR"]
    assert list(newark.columns) == ["carrier", "delay"]
    assert plain(newark.columns["carrier"].distribution) == {"AA": 1, "UA": 2}
    assert (newark.columns["delay"].missing, plain(newark.columns["delay"].distribution)) == (1, {1.0: 1, 5.0: 1})
    assert list(table.slices["origin=EWR, carrier=AA"].columns) == ["delay"]


def test_small_slices_are_left_out_and_their_number_is_bounded():
    assert list(sketch_batches([FLIGHTS], slices=[["origin"]], min_slice_rows=2).table.slices) == ["origin=EWR"]
    assert list(sketch_batches([FLIGHTS], slices=[["origin"]], max_slices=1).table.slices) == ["origin=EWR"]


def test_slices_by_numbers_and_by_lists():
    batch = pa.record_batch({"n": [[1], [], [1]], "x": [1, 2, 3]})
    assert list(sketch_batches([batch], slices=[["n"]]).table.slices) == ["n=1", "n=(missing)"]
    assert list(sketch_batches([batch], slices=[["nowhere"]]).table.slices) == ["nowhere=(missing)"]
    with pytest.raises(InputError, match="cannot slice by n: "):
        sketch_batches([pa.record_batch({"n": [[1, 2]]})], slices=[["n"]])


def test_too_many_categories_are_hashed_equally_in_both_data_sets():
    texts = [f"text {number % 3000}" for number in range(9000)]
    whole = column(texts)
    few = column(texts[:4000], texts[4000:], max_values=100)
    assert not whole.distribution.hashed and few.distribution.hashed
    assert plain(few.distribution) == plain(hash_categories(whole.distribution))
    assert few.distribution.counts.sum() == 9000 and len(few.distribution.values) <= min(BUCKETS, 3000)
    one, other = comparable(TableSketch(9000, {"x": whole}), TableSketch(9000, {"x": few}))
    assert plain(one.columns["x"].distribution) == plain(other.columns["x"].distribution)


def test_rank_error_is_reported_with_a_small_budget():
    values = np.random.default_rng(0).normal(size=100_000)
    found = column(*np.array_split(values, 9), budget=1 << 15).distribution
    assert 0 < found.rank_error < 0.02
    at = np.searchsorted(np.sort(values), found.values, "right") / 100_000
    assert np.abs(np.cumsum(found.counts) / 100_000 - at).max() <= found.rank_error
    assert column(values).distribution.rank_error == 0


def test_sample_is_drawn_from_the_table():
    found = sketch_batches([FLIGHTS, FLIGHTS], sample_rows=3, seed=1)
    assert found.table.rows == 10
    assert found.sample.num_rows == 3
    assert sketch_batches([FLIGHTS]).sample.num_rows == 0


values = {
    "n": st.none() | st.integers(-5, 5),
    "f": st.none() | st.sampled_from([NAN, INF, 0.0, -0.0, 0.5]) | st.floats(width=32),
    "t": st.none() | st.sampled_from(["a", "b", ""]),
}
rows = st.lists(st.fixed_dictionaries(values), max_size=30)
schema = pa.schema({"n": pa.int64(), "f": pa.float64(), "t": pa.string()})


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(0, 30), st.sampled_from([1, 2]))
def test_counts_equal_pandas(rows, cut, threads):
    whole = pa.RecordBatch.from_pylist(rows, schema)
    table = sketch_batches([whole.slice(0, cut), whole.slice(cut)], slices=[["t"]], threads=threads).table
    frame = pd.DataFrame(rows, columns=list(values))
    check(table, frame)
    groups = {f"t={name}": part for name, part in frame.groupby(frame["t"].fillna("(missing)"))}
    assert table.slices.keys() == groups.keys()
    for name, part in groups.items():
        check(table.slices[name], part.drop(columns="t"))


def check(table: TableSketch, frame: pd.DataFrame) -> None:
    assert table.rows == len(frame)
    assert list(table.columns) == list(frame)
    for name, found in table.columns.items():
        assert found.missing == frame[name].isna().sum()
        assert plain(found.distribution) == frame[name].dropna().value_counts().to_dict()
