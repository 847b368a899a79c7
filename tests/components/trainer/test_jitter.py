"""Jitter moves values by at most their rounding error, and changes nothing else."""

from itertools import pairwise

import numpy as np
import pytest

from components.trainer.jitter import MIN_VALUES, half_steps, jittered
from components.trainer.training_columns import TrainingColumns


def rows(numeric: np.ndarray, missing: np.ndarray | None = None) -> TrainingColumns:
    flags = np.zeros_like(numeric) if missing is None else missing.astype(np.float32)
    ids = np.ones((len(numeric), 1), np.int32)
    return TrainingColumns({"numeric": numeric, "missing": flags, "categorical": ids}, flags[:, 0])


def test_half_distances_by_hand():
    column = np.array([0.0, 1.0, 4.0, 4.0, *range(10, 10 + MIN_VALUES)])
    assert half_steps(column)[:4].tolist() == [0.5, 0.5, 1.5, 1.5]
    assert half_steps(column)[4] == 0.5


def test_columns_of_few_values_are_not_jittered():
    column = np.tile(np.arange(MIN_VALUES - 1.0), 5)
    assert not half_steps(column).any()
    assert half_steps(np.append(column, 1e3)).any()
    assert half_steps(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_no_value_crosses_the_midpoint_to_the_next(share):
    draw = np.random.default_rng(0)
    column = np.round(draw.normal(size=2000), 2).astype(np.float32)
    moved, columns = jittered(rows(column.reshape(-1, 1)), share, np.random.default_rng(1))
    found = moved.features["numeric"][:, 0]
    assert columns == 1
    assert (np.abs(found - column) <= share * half_steps(column) + 1e-6).all()
    values = np.unique(column)
    for low, high in pairwise(values):
        assert found[column == low].max() <= found[column == high].min() + 1e-6
    assert np.abs((found - column)[half_steps(column) > 0]).max() > 0.9 * share * 0.005


def test_missing_values_and_other_columns_are_unchanged():
    draw = np.random.default_rng(2)
    numeric = draw.normal(size=(500, 2)).astype(np.float32)
    missing = draw.random((500, 2)) < 0.2
    numeric[missing] = 0
    before = rows(numeric, missing)
    after, _ = jittered(before, 1.0, draw)
    assert (after.features["numeric"][missing] == 0).all()
    assert (after.features["numeric"][~missing] != numeric[~missing]).mean() > 0.9
    assert after.features["missing"] is before.features["missing"]
    assert after.features["categorical"] is before.features["categorical"] and after.labels is before.labels
    assert (before.features["numeric"] == numeric).all()  # the rows themselves are not written to


def test_without_numeric_columns_nothing_changes():
    plain = TrainingColumns({"categorical": np.ones((3, 1), np.int32)}, np.zeros(3))
    assert jittered(plain, 1.0, np.random.default_rng(0)) == (plain, 0)
