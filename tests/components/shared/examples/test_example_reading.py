"""Round trip: table -> gzip TFRecords of tf.Examples -> table."""

import math
import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen.example_encoding import write_examples
from components.shared.examples.example_reading import (
    column_batches,
    example_batches,
    joined_columns,
    read_examples,
    record_batches,
)


def there_and_back(batches: list[pa.RecordBatch], columns: list[str], **options) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        write_examples(batches, f"{folder}/data_tfrecord-00000-of-00001.gz")
        return read_examples(folder, columns, **options)


def cells(column: pd.Series) -> list:
    return [None if value is None or value is pd.NA else value for value in column.tolist()]


def test_values_types_and_missing_values():
    batch = pa.record_batch({"i": [0, None, 2], "f": [0.0, 0.5, None], "s": ["", None, "ü"]})
    table = there_and_back([batch], ["s", "i", "f"])
    assert list(table.columns) == ["s", "i", "f"]
    assert cells(table["s"]) == ["", None, "ü"]
    assert cells(table["i"]) == [0, None, 2]
    assert table["f"].isna().tolist() == [False, False, True]
    assert table["f"].tolist()[:2] == [0.0, 0.5]


def test_missing_value_does_not_round_large_integers_in_the_column():
    batch = pa.record_batch({"i": [2**53 + 1, None]})
    assert cells(there_and_back([batch], ["i"])["i"]) == [2**53 + 1, None]


def test_empty_or_absent_column_is_missing():
    batch = pa.record_batch({"i": [1, 2], "none": pa.array([None, None], pa.string())})
    table = there_and_back([batch], ["none", "nowhere"])
    assert table.shape == (2, 2)
    assert table.isna().all(axis=None)


def test_column_that_is_empty_in_one_batch_only():
    batches = [pa.record_batch({"s": pa.array([None, None], pa.string())}), pa.record_batch({"s": ["a", "b"]})]
    assert cells(there_and_back(batches, ["s"], batch_size=2)["s"]) == [None, None, "a", "b"]


def test_no_examples_give_no_rows():
    batch = pa.record_batch({"i": pa.array([], pa.int64())})
    table = there_and_back([batch], ["i"])
    assert table.shape == (0, 1)
    assert list(table.columns) == ["i"]


def test_files_are_read_by_name_and_a_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "run [1] *"
    folder.mkdir()
    for index in (2, 0, 1):
        write_examples([pa.record_batch({"i": [index]})], str(folder / f"data_tfrecord-0000{index}-of-00003.gz"))
    assert cells(read_examples(str(folder), ["i"])["i"]) == [0, 1, 2]
    assert cells(read_examples(f"{folder}/", ["i"])["i"]) == [0, 1, 2]


def test_several_values_in_a_cell_are_refused(tmp_path):
    import tensorflow as tf

    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2]))
    example = tf.train.Example(features=tf.train.Features(feature={"many": feature}))
    with tf.io.TFRecordWriter(str(tmp_path / "x.gz"), "GZIP") as writer:
        writer.write(example.SerializeToString())
    with pytest.raises(ValueError, match="many has several values"):
        read_examples(str(tmp_path), ["many"])


def test_a_stream_of_batches(tmp_path):
    rows = {"i": [1, None, 3], "s": ["a", "b", None], "f": [0.5, None, None]}
    write_examples([pa.record_batch(rows)], str(tmp_path / "x.gz"))
    batches = list(example_batches(str(tmp_path), ["s", "i", "nowhere"], batch_size=2))
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert [batch.schema.names for batch in batches] == [["s", "i", "nowhere"]] * 2
    assert batches[0].to_pydict() == {"s": [[b"a"], [b"b"]], "i": [[1], None], "nowhere": [None, None]}
    assert batches[1].column("i").to_pylist() == [[3]]
    assert batches[1].column("s").to_pylist() == [None]
    assert set(next(iter(example_batches(str(tmp_path)))).schema.names) == {"i", "s", "f"}


def test_a_stream_of_several_values_and_of_none(tmp_path):
    import tensorflow as tf

    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2]))
    example = tf.train.Example(features=tf.train.Features(feature={"many": feature}))
    with tf.io.TFRecordWriter(str(tmp_path / "x.gz"), "GZIP") as writer:
        writer.write(example.SerializeToString())
    (batch,) = example_batches(str(tmp_path), ["many"])
    assert batch.to_pydict() == {"many": [[1, 2]]}
    (tmp_path / "x.gz").unlink()
    assert list(example_batches(str(tmp_path))) == []


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(width=32, allow_nan=False),
        st.none() | text,
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(0, 12), st.integers(1, 5))
def test_round_trip_equals_pyarrow(rows, cut, batch_size):
    integers, floats, texts = zip(*rows, strict=True)
    batch = pa.record_batch(
        {
            "i": pa.array(integers, pa.int64()),
            "f": pa.array(floats, pa.float64()),
            "s": pa.array(texts, pa.string()),
        }
    )
    table = there_and_back([batch.slice(0, cut), batch.slice(cut)], ["i", "f", "s"], batch_size=batch_size)
    assert cells(table["i"]) == list(integers)
    assert cells(table["s"]) == list(texts)
    expected = [math.nan if value is None else value for value in floats]
    np.testing.assert_array_equal(table["f"].astype("float64"), np.array(expected, np.float64))


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [2, 3, 100])
def test_columns_of_some_rows(tmp_path, batch_size):
    table = pa.table(
        {"n": list(range(7)), "s": ["a", None, "c", "d", None, "f", "g"], "none": pa.nulls(7, pa.string())}
    )
    write_examples(table.to_batches(), str(tmp_path / "data_tfrecord-00000-of-00001.gz"))
    names = ["n", "s", "none"]
    places = np.array([1, 2, 6])
    found = joined_columns(column_batches(str(tmp_path), names, places, batch_size), names)
    assert found["n"].to_pylist() == [1, 2, 6]
    assert found["s"].to_pylist() == [None, b"c", b"g"]
    assert found["none"].to_pylist() == [None, None, None]
    nothing = joined_columns(column_batches(str(tmp_path), names, places[:0], batch_size), names)
    assert {name: len(column) for name, column in nothing.items()} == dict.fromkeys(names, 0)
    assert sum(map(len, record_batches(str(tmp_path), batch_size))) == 7
