"""Validation splits: ordered in time, and each row at most once."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from components.trainer.validation_split import Fold, folds_of, hold_out, k_fold, rolling_origin


def test_rolling_origin_validates_on_the_following_rows() -> None:
    assert rolling_origin(100, 0.15) == [
        Fold(((0, 55),), (55, 70)),
        Fold(((0, 70),), (70, 85)),
        Fold(((0, 85),), (85, 100)),
    ]
    assert rolling_origin(100, 0.3) == [Fold(((0, 40),), (40, 70)), Fold(((0, 70),), (70, 100))]
    assert rolling_origin(100, 0.9) == hold_out(100, 0.9) == [Fold(((0, 10),), (10, 100))]


def test_k_folds_use_each_row_once() -> None:
    assert k_fold(10, 3) == [
        Fold(((3, 10),), (0, 3)),
        Fold(((0, 3), (6, 10)), (3, 6)),
        Fold(((0, 6),), (6, 10)),
    ]
    assert k_fold(2, 5) == [Fold(((1, 2),), (0, 1)), Fold(((0, 1),), (1, 2))]


@given(st.integers(2, 200_000), st.floats(0.01, 0.99), st.booleans(), st.booleans())
def test_no_row_validates_twice_or_where_it_was_trained_on(rows: int, share: float, ordered: bool, cheap: bool) -> None:
    folds = folds_of(rows, share, ordered, cheap)
    ends = [fold.validation for fold in folds]
    assert all(begin < end for begin, end in ends)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(ends))
    for fold in folds:
        assert sum(end - begin for begin, end in fold.training) >= 1
        for begin, end in fold.training:
            assert end <= fold.validation[0] or begin >= fold.validation[1]
            assert not ordered or end <= fold.validation[0]
