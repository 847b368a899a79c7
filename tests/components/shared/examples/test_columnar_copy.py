"""A columnar copy equals the decoded tf.Examples, and is not used for other files."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen.example_encoding import write_examples
from components.shared.examples import columnar_copy
from components.shared.examples.columnar_copy import read_copy
from components.shared.examples.example_reading import example_batches

LISTS = {
    "i": (pa.list_(pa.int64()), st.none() | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=2)),
    "f": (pa.float64(), st.none() | st.floats(width=32)),
    "s": (pa.string(), st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)),
}
ROWS = st.lists(st.tuples(*(values for _, values in LISTS.values())), min_size=1, max_size=12)


def table(rows: list[tuple]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.record_batch({name: pa.array(c, LISTS[name][0]) for name, c in zip(LISTS, columns, strict=True)})


def records(folder: Path, batches: list[pa.RecordBatch]) -> str:
    path = folder / "Split-train" / "data_tfrecord-00000-of-00001.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_examples(batches, str(path), columnar=True)
    return str(path)


def decoded(path: str, **options) -> list[pa.RecordBatch]:
    """Reads the TFRecords without copies."""
    for seal in Path(path).parent.parent.glob("columns/*/*.size"):
        seal.unlink()
    return list(example_batches(path, **options))


@settings(deadline=None, max_examples=25)
@given(ROWS, ROWS, st.integers(1, 30))
def test_copy_equals_the_decoded_examples(first: list, second: list, batch_size: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = records(Path(folder), [table(first), table(second)])
        copied = list(read_copy(path, batch_size))
        (expected,) = decoded(path)
        assert all(batch.num_rows <= batch_size for batch in copied)
        assert sum(batch.num_rows for batch in copied) == expected.num_rows
        for name in LISTS:
            column = expected.column(expected.schema.get_field_index(name))
            cells = [cell for batch in copied for cell in batch.column(name).to_pylist()]
            assert list(map(repr, cells)) == list(map(repr, column.to_pylist()))  # NaN is NaN


def test_types_are_those_of_the_decoder(tmp_path: Path) -> None:
    path = records(tmp_path, [table([([1, 2], 0.5, "a"), (None, None, "b")])])
    (copied,) = read_copy(path, 10)
    (expected,) = decoded(path)
    assert sorted(copied.schema, key=lambda f: f.name) == sorted(expected.schema, key=lambda f: f.name)


def test_a_column_without_any_value_is_a_column_of_nulls(tmp_path: Path) -> None:
    path = records(tmp_path, [table([([1], None, None)])])
    (copied,) = read_copy(path, 10)
    assert copied.schema.field("f").type == copied.schema.field("s").type == pa.null()


def test_copy_of_other_records_is_not_read(tmp_path: Path) -> None:
    path = records(tmp_path, [table([([1], 1.0, "a")])])
    write_examples([table([([2], 2.0, "b")] * 50)], path)
    assert read_copy(path, 10) is None
    assert sum(batch.num_rows for batch in example_batches(path)) == 50


def test_batches_of_two_schemas_have_no_copy(tmp_path: Path) -> None:
    batches = [pa.record_batch({"x": [1]}), pa.record_batch({"x": ["a"]})]
    assert read_copy(records(tmp_path, batches), 10) is None


def test_wide_batches_have_fewer_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar_copy, "CELLS", 12)  # 3 columns, so 4 rows
    path = records(tmp_path, [table([([1], 1.0, "a")] * 3)] * 3)
    assert [batch.num_rows for batch in read_copy(path, 100)] == [3, 3, 3]
    assert [batch.num_rows for batch in read_copy(path, 2)] == [2, 1, 2, 1, 2, 1]
