import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen.hash_split import eval_mask


def batch(**columns: list) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_split_of_literal_rows() -> None:
    # Literal values: a change of the hash would change the splits of all users.
    rows = batch(id=[f"row-{number}" for number in range(12)])
    assert np.flatnonzero(eval_mask(rows, ["id"], 0.3)).tolist() == [1, 2, 3, 5, 6, 8, 10]


def test_eval_share_of_many_rows() -> None:
    rows = batch(id=list(range(20_000)))
    for share in (0.05, 0.2, 0.5):
        # Binomial distribution: at most five standard deviations from the mean.
        assert abs(eval_mask(rows, ["id"], share).mean() - share) < 5 * (share * (1 - share) / 20_000) ** 0.5


def test_larger_share_keeps_the_rows_of_a_smaller_one() -> None:
    rows = batch(id=list(range(1000)))
    small, large = (eval_mask(rows, ["id"], share) for share in (0.1, 0.4))
    assert (large | ~small).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=5) | st.none(), st.integers(-9, 9)), min_size=1, max_size=40), st.data())
def test_split_does_not_depend_on_other_rows(rows: list, data: st.DataObject) -> None:
    def table(some: list) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [pa.array([a for a, _ in some], pa.string()), pa.array([b for _, b in some], pa.int64())], ["a", "b"]
        )

    together = eval_mask(table(rows), ["a", "b"], 0.5)
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = eval_mask(table([rows[index] for index in order]), ["a", "b"], 0.5)
    assert shuffled.tolist() == [together[index] for index in order]
    alone = [eval_mask(table([row]), ["a", "b"], 0.5)[0] for row in rows]
    assert alone == together.tolist()


def test_rows_with_equal_ids_share_a_split() -> None:
    rows = batch(id=["a", "b"] * 50, x=list(range(100)))
    found = eval_mask(rows, ["id"], 0.5)
    assert len(set(found[::2])) == len(set(found[1::2])) == 1


def test_without_ids_duplicate_rows_share_a_split() -> None:
    rows = batch(x=[1, 2, 1, 2] * 25, y=["p", None, "p", None] * 25)
    found = eval_mask(rows, [], 0.5)
    assert (found[0::2] == found[0]).all()
    assert (found[1::2] == found[1]).all()


def test_id_columns_are_separated_in_the_hash() -> None:
    rows = batch(a=["x"] * 200 + ["xy"] * 200, b=[f"y{n}" for n in range(200)] + [str(n) for n in range(200)])
    found = eval_mask(rows, ["a", "b"], 0.5)
    assert found[:200].tolist() != found[200:].tolist()  # ("x", "y1") and ("xy", "1") are different rows


def test_null_differs_from_the_empty_text() -> None:
    found = [
        eval_mask(pa.RecordBatch.from_arrays([pa.array([value] * 1), pa.array([n])], ["a", "n"]), ["a", "n"], 0.5)[0]
        for value in ("", None)
        for n in range(64)
    ]
    assert found[:64] != found[64:]
