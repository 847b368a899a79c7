"""Malformed TFRecord files; test_malformed.py has the other formats."""

import pytest

from tests.components.table_reading.refusals import read, refusal


def example(**features) -> bytes:
    import tensorflow as tf

    kinds = {int: ("int64_list", tf.train.Int64List), float: ("float_list", tf.train.FloatList)}
    made = {}
    for name, values in features.items():
        field, list_type = kinds.get(type(values[0]), ("bytes_list", tf.train.BytesList))
        made[name] = tf.train.Feature(**{field: list_type(value=values)})
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


def tfrecord(path, records: list[bytes]) -> bytes:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path), "GZIP" if path.suffix == ".gz" else "") as writer:
        for record in records:
            writer.write(record)
    return path.read_bytes()


EXAMPLES = [{"id": [b"row"], "n": [1], "x": [0.5]}] * 3


@pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz"])
def test_damaged_tfrecords(tmp_path, name):
    path = tmp_path / name
    content = tfrecord(path, [example(**one) for one in EXAMPLES])
    assert read(path).num_rows == 3
    for kept in (len(content) - 1, len(content) - 5, 5):
        path.write_bytes(content[:kept])
        assert "runcated" in refusal(path) or "is truncated" in refusal(path)
    path.write_bytes(b"id,n,x\n" + b"row,1,0.5\n" * 9)
    assert "is not a TFRecord file" in refusal(path) or "incorrect header check" in refusal(path)
    flipped = bytearray(content)
    flipped[-6] ^= 1
    path.write_bytes(flipped)
    assert "corrupted" in refusal(path) or "incorrect data check" in refusal(path)


def test_records_that_are_not_examples(tmp_path):
    path = tmp_path / "x.tfrecord"
    good = example(**EXAMPLES[0])
    tfrecord(path, [good, good, b"\xff\xff", good])
    assert refusal(path) == "row 3 is not a tf.Example"
    tfrecord(path, [good, example(id=[b"a"], n=[b"one"], x=[0.5])])
    assert refusal(path) == "column 'n' is int64 in one example and bytes in another (rows 1 to 2)"
    tfrecord(path, [good, example(id=[b"a"], n=[1, 2], x=[0.5])])
    assert refusal(path) == "column 'n', row 2: invalid value [1, 2] where the schema says int64"
    tfrecord(path, [example(id=[b"\xff"], n=[1], x=[0.5])])
    assert refusal(path) == "column 'id', row 1: is not valid UTF-8"
    tfrecord(path, [example(id=[b"a"], n=[1])])
    assert refusal(path) == "column 'x' is missing: it is in the schema, not in the file"
    tfrecord(path, [])
    assert refusal(path) == "is empty"
