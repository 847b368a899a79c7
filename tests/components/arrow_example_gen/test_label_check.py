import pyarrow as pa
import pytest

from components.arrow_example_gen.label_check import LabelCounter
from components.shared.errors import InputError


def batch(labels: list, type_: pa.DataType | None = None) -> pa.RecordBatch:
    return pa.record_batch({"row": pa.array(range(len(labels))), "y": pa.array(labels, type_)})


def count(*batches: pa.RecordBatch, limit: int = 1000) -> tuple[LabelCounter, list[int]]:
    seen = LabelCounter("y", limit)
    return seen, [row for passed in seen.labelled(iter(batches)) for row in passed.column("row").to_pylist()]


def test_rows_without_a_label_are_dropped_and_counted():
    seen, rows = count(batch([1, None, 0, None, 1]))
    assert (rows, seen.rows, seen.unlabelled, dict(seen.values)) == ([0, 2, 4], 3, 2, {0: 1, 1: 2})


def test_counts_add_up_over_batches():
    seen, rows = count(batch([0, 0]), batch([1]), batch([None, 0]))
    assert (rows, seen.rows, seen.unlabelled, dict(seen.values)) == ([0, 1, 0, 1], 4, 1, {0: 3, 1: 1})


def test_zero_and_the_empty_string_are_labels():
    assert dict(count(batch([0, 0, 1]))[0].values) == {0: 2, 1: 1}
    seen, _ = count(batch(["", "a"]))
    assert dict(seen.values) == {"": 1, "a": 1}
    seen.check("train", "d")


def test_two_values_are_enough():
    seen, _ = count(batch([0]), batch([1]))
    seen.check("eval", "d")


@pytest.mark.parametrize("label", [0, 1, "late", 0.5])
def test_one_value_is_refused_naming_it(label):
    seen, _ = count(batch([label] * 1500 + [None]))
    with pytest.raises(InputError) as error:
        seen.check("eval", "data/d")
    assert str(error.value).startswith(f"data/d: the label column 'y' is {label!r} in all 1,500 rows of split eval; ")


@pytest.mark.parametrize("labels", [[], [None, None]])
def test_no_label_at_all_is_refused(labels):
    seen, rows = count(batch(labels, pa.int64()))
    assert rows == []
    with pytest.raises(InputError, match="data/d: no row of split train has a value in the label column 'y'"):
        seen.check("train", "data/d")


def test_not_a_number_is_no_label():
    nan = float("nan")
    seen, rows = count(batch([nan, 1.0, None]), batch([nan, 1.0]))
    assert (rows, seen.rows, seen.unlabelled, dict(seen.values)) == ([1, 1], 2, 3, {1.0: 2})


def test_counting_of_label_values_is_bounded():
    seen, _ = count(*(batch([first, first + 1]) for first in range(0, 100, 2)), limit=10)
    assert len(seen.values) == 10
    assert seen.rows == 100
