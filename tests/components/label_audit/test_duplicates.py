import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label_audit.duplicates import find_duplicates

N = 60
DRAW = np.random.default_rng(2)


def table(**changes: dict[int, object]) -> pa.Table:
    columns = {
        "id": list(range(N)),
        "name": [f"Person {chr(97 + row % 26)}{chr(97 + row // 26)}" for row in range(N)],
        "city": ["Paris", "Rome", "Oslo"] * (N // 3),
        "spend": DRAW.normal(size=N).tolist(),
        "age": (DRAW.integers(18, 90, N)).tolist(),
        "left": ["Yes", "No"] * (N // 2),
    }
    for name, cells in changes.items():
        for row, value in cells.items():
            columns[name][row] = value
    return pa.table(columns)


def twin(row: int, of: int, **other: object) -> pa.Table:
    rows = table().to_pylist()
    rows[row] = {**rows[of], "id": rows[row]["id"], **other}
    return pa.Table.from_pylist(rows)


def test_a_table_without_duplicates() -> None:
    found = find_duplicates(table(), ["id"], "left")
    assert (found.exact, found.conflicting, found.spelled, dict(found.one_field)) == (0, 0, 0, {})
    assert found.lines() == []


def test_the_same_row_under_another_id() -> None:
    found = find_duplicates(twin(40, of=3), ["id"], "left")
    assert (found.exact, found.conflicting, found.spelled) == (1, 0, 0)
    assert found.examples[0].rows == (3, 40)


def test_the_same_row_with_another_label_is_a_conflict() -> None:
    found = find_duplicates(twin(40, of=3, left="Yes"), ["id"], "left")
    assert (found.exact, found.conflicting) == (1, 2)
    assert "different labels" in found.lines()[0]


def test_a_row_that_is_spelled_differently() -> None:
    found = find_duplicates(twin(40, of=3, name="PERSON  da", city="PARIS"), ["id"], "left")
    assert (found.exact, found.spelled, dict(found.one_field)) == (0, 1, {})
    assert found.examples[0].kind == "spelling" and found.examples[0].rows == (3, 40)
    assert "such as rows 3 and 40" in found.lines()[0]


def test_a_row_that_differs_in_one_field() -> None:
    found = find_duplicates(twin(40, of=3, age=17), ["id"], "left")
    assert (found.exact, found.spelled, dict(found.one_field)) == (0, 0, {"age": 1})


def test_missing_cells_are_equal() -> None:
    rows = table().to_pylist()
    rows[5] |= {"name": None, "spend": None, "age": None}
    rows[50] |= {"name": None, "spend": None, "age": None, "city": rows[5]["city"]}
    assert find_duplicates(pa.Table.from_pylist(rows), ["id"], "left").exact == 1


def test_duplicates_across_train_and_eval() -> None:
    in_eval = np.arange(N) >= 40
    assert find_duplicates(twin(40, of=3), ["id"], "left", in_eval).across == 1
    assert find_duplicates(twin(40, of=3, age=17), ["id"], "left", in_eval).across == 1
    assert find_duplicates(twin(30, of=3), ["id"], "left", in_eval).across == 0


def test_coincidental_matches_of_columns_with_few_values_are_not_reported() -> None:
    few = pa.table({name: DRAW.integers(0, 3, 500).tolist() for name in "abcde"})
    assert dict(find_duplicates(few).one_field) == {}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b", None]), st.integers(0, 2), st.floats(0, 1)), max_size=12))
def test_exact_duplicates_match_python_equality(rows: list) -> None:
    columns = {
        "text": pa.array([row[0] for row in rows], pa.string()),
        "n": pa.array([row[1] for row in rows], pa.int64()),
    }
    columns["x"] = pa.array([row[2] for row in rows], pa.float64())
    assert find_duplicates(pa.table(columns)).exact == len(rows) - len(set(rows))
