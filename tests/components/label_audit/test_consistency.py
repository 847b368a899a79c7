from collections import Counter, defaultdict

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label_audit.consistency import LabelConsistency, label_consistency


def table(rows: str) -> pd.DataFrame:
    """Rows such as "x1 0": two features of a character each ("." is missing), and a label."""
    cells = [[None if cell == "." else cell for cell in row[:2]] + [int(row[3:])] for row in rows.split("|")]
    return pd.DataFrame(cells, columns=["a", "b", "y"])


def test_groups_by_hand():
    found = label_consistency(table("x1 0|x1 0|x1 1|y1 1|y1 1|z1 0"), "y", ["a", "b"])
    # x1: 0, 0, 1 conflict, 2 of 3 right; y1: 2 of 2; z1 alone: 1 of 1.
    assert found == LabelConsistency(
        rows=6,
        classes={"0": 0.5, "1": 0.5},
        repeated_rows=5,
        conflicting_rows=3,
        ceiling=5 / 6,
        repeated_ids=0,
    )


def test_one_column():
    found = label_consistency(table("x1 0|x2 1|y3 1|y4 1"), "y", ["a"])
    assert (found.repeated_rows, found.conflicting_rows, found.ceiling) == (4, 2, 0.75)


def test_without_repeats_everything_is_consistent():
    found = label_consistency(table("x1 0|x2 1|y1 1"), "y", ["a", "b"])
    assert (found.repeated_rows, found.conflicting_rows, found.ceiling) == (0, 0, 1.0)


def test_missing_values_are_equal_to_each_other_only():
    found = label_consistency(table(".1 0|.1 1|.2 1|x1 0|.. 0|.. 0"), "y", ["a", "b"])
    # .1: conflict, 1 of 2; .2 and x1 are unique; the two rows with missing values only agree.
    assert (found.repeated_rows, found.conflicting_rows, found.ceiling) == (4, 2, 5 / 6)


def test_rows_are_equal_in_an_empty_column():
    found = label_consistency(table(".1 0|.2 1|.3 1"), "y", ["a"])
    assert (found.repeated_rows, found.conflicting_rows, found.ceiling) == (3, 3, 2 / 3)


def test_nullable_integers():
    rows = pd.DataFrame({"n": pd.array([2**53, 2**53 + 1, None, None], "Int64"), "y": [0, 1, 0, 1]})
    found = label_consistency(rows, "y", ["n"])
    assert (found.repeated_rows, found.conflicting_rows, found.ceiling) == (2, 2, 0.75)


def test_all_rows_of_a_repeated_id_are_counted():
    rows = table("x1 0|x1 1|y1 1|y2 0")
    assert label_consistency(rows, "y", ["b"], ["a", "b"]).repeated_ids == 2
    assert label_consistency(rows, "y", ["b"], ["a"]).repeated_ids == 4
    assert label_consistency(rows, "y", ["b"]).repeated_ids == 0


def test_labels_may_be_text():
    rows = pd.DataFrame({"a": [1, 1, 1], "y": ["yes", "no", "yes"]})
    found = label_consistency(rows, "y", ["a"])
    assert found.classes == pytest.approx({"yes": 2 / 3, "no": 1 / 3})
    assert found.ceiling == pytest.approx(2 / 3)


def test_no_rows_are_consistent():
    found = label_consistency(table("x1 0").iloc[:0], "y", ["a"])
    assert (found.rows, found.ceiling, found.classes) == (0, 1.0, {})


cell = st.sampled_from(["p", "q", None])
number = st.sampled_from([0, 1, None])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(cell, number, st.integers(0, 2)), min_size=1, max_size=15))
def test_equals_counting_row_by_row(rows):
    columns = list(zip(*rows, strict=True))
    frame = pd.DataFrame({"a": columns[0], "n": pd.array(columns[1], "Int64"), "y": columns[2]})
    groups: dict[tuple, Counter] = defaultdict(Counter)
    for a, n, y in rows:
        groups[a, n][y] += 1
    found = label_consistency(frame, "y", ["a", "n"])
    assert found.repeated_rows == sum(labels.total() for labels in groups.values() if labels.total() > 1)
    assert found.conflicting_rows == sum(labels.total() for labels in groups.values() if len(labels) > 1)
    assert found.ceiling == pytest.approx(sum(max(labels.values()) for labels in groups.values()) / len(rows))
    assert sum(found.classes.values()) == pytest.approx(1)


def test_rows_that_differ_in_the_last_of_many_columns():
    rows = pd.DataFrame({f"c{number}": [1.5] * 3 for number in range(3000)})
    rows = rows.assign(last=["a", "b", "a"], y=[0, 1, 1])
    features = [name for name in rows.columns if name != "y"]
    found = label_consistency(rows, "y", features)
    assert (found.repeated_rows, found.conflicting_rows, found.ceiling) == (2, 2, pytest.approx(2 / 3))
