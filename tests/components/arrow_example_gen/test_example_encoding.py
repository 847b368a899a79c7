"""Encoded examples, as parsed by TensorFlow's tf.Example parser."""

import pyarrow as pa
import pytest

from components.arrow_example_gen.example_encoding import example_batch, write_examples


def features(path) -> list[dict[str, list]]:
    """One dictionary per example: feature -> values."""
    import tensorflow as tf

    found = []
    for record in tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator():
        example = tf.train.Example.FromString(record)
        found.append(
            {
                name: list(getattr(feature, feature.WhichOneof("kind")).value) if feature.WhichOneof("kind") else []
                for name, feature in example.features.feature.items()
            }
        )
    return found


@pytest.fixture
def batch() -> pa.RecordBatch:
    return pa.record_batch(
        {
            "i": pa.array([0, None, -1], pa.int64()),
            "f": pa.array([0.0, 0.5, None], pa.float64()),
            "s": pa.array(["", "ü", None], pa.string()),
            "none": pa.array([None, None, None], pa.string()),
        }
    )


def test_columns_become_lists_and_missing_values_null(batch):
    lists = example_batch(batch)
    assert lists.schema.types == [
        pa.list_(pa.int64()),
        pa.list_(pa.float32()),
        pa.list_(pa.binary()),
        pa.list_(pa.binary()),
    ]
    assert lists.to_pydict() == {
        "i": [[0], None, [-1]],
        "f": [[0.0], [0.5], None],
        "s": [[b""], ["ü".encode()], None],
        "none": [None, None, None],
    }


def test_slice_encodes_only_its_rows(batch):
    assert example_batch(batch.slice(1, 2)).to_pydict() == {
        "i": [None, [-1]],
        "f": [[0.5], None],
        "s": [["ü".encode()], None],
        "none": [None, None],
    }


def test_an_empty_batch_stays_empty(batch):
    assert example_batch(batch.slice(0, 0)).num_rows == 0


def test_zero_and_the_empty_string_are_values_in_the_file(batch, tmp_path):
    assert write_examples([batch], str(tmp_path / "x.gz")) == 3
    first, second, third = features(tmp_path / "x.gz")
    assert (first["i"], first["f"], first["s"], first.get("none", [])) == ([0], [0.0], [b""], [])
    assert (second.get("i", []), second["f"], second["s"]) == ([], [0.5], ["ü".encode()])
    assert (third["i"], third.get("f", []), third.get("s", [])) == ([-1], [], [])


def test_batches_follow_each_other_and_empty_ones_add_nothing(batch, tmp_path):
    batches = [batch.slice(2, 1), batch.slice(0, 0), batch.slice(0, 2)]
    assert write_examples(batches, str(tmp_path / "x.gz")) == 3
    assert [row.get("i", []) for row in features(tmp_path / "x.gz")] == [[-1], [0], []]
