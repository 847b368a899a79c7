"""From TFDV statistics to Table: by hand, and against sketches of the same rows."""

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.drift_validator.sketches.common_resolution import REST, comparable
from components.drift_validator.sketches.dataset_sketch import sketch_batches
from components.drift_validator.sketches.from_statistics import from_statistics
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts, TableSketch


def column(feature: str, rows: int = 10) -> ColumnSketch:
    text = f"num_examples: {rows} features {{ path {{ step: 'x' }} {feature} }}"
    return from_statistics(text_format.Parse(text, statistics_pb2.DatasetFeatureStatistics())).columns["x"]


def plain(distribution: CategoryCounts | NumberCounts) -> dict:
    values = distribution.values
    values = values.to_pylist() if isinstance(distribution, CategoryCounts) else values.tolist()
    return dict(zip(values, distribution.counts.tolist(), strict=True))


COMMON = "common_stats { num_non_missing: 8 num_missing: 2 min_num_values: 1 max_num_values: 1 tot_num_values: 8 }"


def test_quantiles_by_hand():
    found = column(
        "type: FLOAT num_stats { " + COMMON + " histograms { type: QUANTILES num_nan: 2 "
        "buckets { low_value: 0 high_value: 1 sample_count: 2 } buckets { low_value: 1 high_value: 1 sample_count: 2 } "
        "buckets { low_value: 1 high_value: 5 sample_count: 2 } } }"
    )
    assert (found.rows, found.missing, found.lengths) == (10, 4, None)
    # Of six values a third below 1, a third at 1, a third above; half of each bucket at either edge.
    assert plain(found.distribution) == {0.0: 1, 1.0: 4, 5.0: 1}
    assert found.distribution.rank_error == pytest.approx(1 / 6 + 0.01 + 0.5 / 6)


def test_a_constant_is_exact():
    found = column(
        "num_stats { " + COMMON + " histograms { type: QUANTILES "
        "buckets { low_value: 3 high_value: 3 sample_count: 4 } "
        "buckets { low_value: 3 high_value: 3 sample_count: 4 } } }"
    )
    assert plain(found.distribution) == {3.0: 8}
    assert found.distribution.rank_error == 0


def test_texts_and_truncated_values():
    found = column(
        "type: STRING string_stats { " + COMMON + " unique: 4 rank_histogram { "
        "buckets { label: 'b' sample_count: 4 } buckets { label: 'a' sample_count: 2 } } }"
    )
    assert plain(found.distribution) == {REST: 2, "a": 2, "b": 4}
    assert (found.missing, found.distribution.hashed) == (2, False)


def test_common_resolution_with_a_rest():
    def table(counts: dict[str, int]) -> TableSketch:
        categories = CategoryCounts(
            pa.array(sorted(counts), pa.large_string()), np.array([counts[k] for k in sorted(counts)])
        )
        return TableSketch(10, {"x": ColumnSketch("x", 10, 0, categories)})

    one, other = comparable(table({REST: 2, "a": 5, "b": 3}), table({"a": 6, "c": 4}))
    assert plain(one.columns["x"].distribution) == {REST: 5, "a": 5}
    assert plain(other.columns["x"].distribution) == {REST: 4, "a": 6}
    assert other.columns["x"].rows == 10
    same = table({"a": 1, "c": 4})
    assert comparable(same, same)[0].columns["x"].distribution.counts.tolist() == [1, 4]


def test_no_rows_bytes_and_structs():
    assert from_statistics(statistics_pb2.DatasetFeatureStatistics()).columns == {}
    assert column("type: BYTES bytes_stats { " + COMMON + " }").distribution is None
    empty = column("num_stats { common_stats { num_missing: 10 } }")
    assert (empty.missing, plain(empty.distribution)) == (10, {})
    assert column("type: FLOAT").missing == 10


@pytest.mark.slow
def test_equals_the_sketch_of_the_rows():
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.statistics import stats_impl

    random = np.random.default_rng(0)
    size = 20_000
    absent = random.random(size) < 0.1
    columns = {
        "normal": pa.array(random.normal(size=size), mask=absent),
        "heavy": pa.array(np.where(random.random(size) < 0.4, 0, random.lognormal(0, 3, size))),
        "nan": pa.array(np.where(absent, np.nan, random.random(size))),
        "month": pa.array(random.integers(1, 13, size)),
        "code": pa.array(random.integers(0, 3, size), mask=absent),
        "text": pa.array([f"t{number}" for number in random.geometric(0.2, size)], mask=absent),
        "tail": pa.array([f"t{number}" for number in random.zipf(1.3, size) % 1500]),
    }
    lists = {name: pa.ListArray.from_arrays(_offsets(array), array.drop_null()) for name, array in columns.items()}
    lengths = random.integers(0, 5, size)
    lists["many"] = pa.ListArray.from_arrays(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), pa.array(random.random(lengths.sum()))
    )
    batch = pa.record_batch(lists)
    schema = text_format.Parse(
        "feature { name: 'code' type: INT int_domain { is_categorical: true } }", schema_pb2.Schema()
    )
    found = from_statistics(
        stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions(schema=schema)).datasets[0]
    )
    true = sketch_batches([batch], kinds={"code": "categorical"}).table

    assert found.rows == true.rows == size
    assert list(found.columns) == list(true.columns)
    for name in columns:
        assert found.columns[name].missing == true.columns[name].missing, name
    for name in ("code", "text"):
        assert plain(found.columns[name].distribution) == plain(true.columns[name].distribution)
    for name in ("normal", "heavy", "nan", "month", "many"):
        one, other = found.columns[name].distribution, true.columns[name].distribution
        assert one.counts.sum() == other.counts.sum()
        assert _farthest(one, other) <= one.rank_error <= 0.1, name
    many, exactly = found.columns["many"], true.columns["many"]
    assert many.missing == pytest.approx(exactly.missing, abs=0.1 * size)
    assert _farthest(many.lengths, exactly.lengths) <= 0.15
    one, other = (table.columns["tail"].distribution for table in comparable(found, true))
    # With more values than it keeps, TFDV estimates the counts of those kept (by a Misra-Gries sketch).
    assert one.values.equals(other.values)
    assert np.abs(one.counts - other.counts)[1:].max() <= 5
    assert one.counts.sum() == other.counts.sum()
    assert REST in one.values.to_pylist()


def _offsets(array: pa.Array) -> pa.Array:
    present = array.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(present)]).astype(np.int32))


def _farthest(one: NumberCounts, other: NumberCounts) -> float:
    at = np.union1d(one.values, other.values)
    shares = [
        np.concatenate([[0], np.cumsum(side.counts)])[np.searchsorted(side.values, at, "right")] / side.counts.sum()
        for side in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).max())
