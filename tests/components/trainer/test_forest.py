"""Trees as a graph answer as the booster does."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from components.trainer.forest import BLOCK_ROWS, Forest, trees_of

ROWS = 3 * BLOCK_ROWS + 7


def _table(rows: int, seed: int = 0) -> np.ndarray:
    """Two categorical columns, of 5 and of 200 values, and three numbers; a tenth of all is missing."""
    draw = np.random.default_rng(seed)
    few, many = draw.integers(0, 5, rows), draw.integers(0, 200, rows)
    table = np.column_stack([few, many, draw.normal(size=(rows, 2)), draw.integers(0, 4, rows)]).astype(np.float32)
    table[draw.random(table.shape) < 0.1] = np.nan
    return table


def _labels(table: np.ndarray, task: str) -> np.ndarray:
    draw = np.random.default_rng(1)
    known = np.nan_to_num(table)
    score = known[:, 2] + (known[:, 0] == 3) - (known[:, 1] % 7 == 0) + draw.normal(size=len(table)) / 2
    return {"binary": (score > 0).astype(int), "multiclass": np.digitize(score, [-0.5, 0.5]), "regression": score}[task]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_answers_as_the_booster(task: str, tmp_path: Path) -> None:
    table = _table(ROWS)
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    booster = kind(max_iter=40, max_leaf_nodes=31, max_features=0.5, categorical_features=[0, 1], random_state=0)
    booster.fit(table, _labels(table, task))
    unseen = _table(ROWS, seed=2)
    unseen[:9, 1] = [201, 255, 256, 1000, -1, np.nan, 0, 199, 17]  # values that training never had among them
    unseen[9:12, 2] = [np.inf, -np.inf, np.nan]
    # -1 and what lies beyond the codes cannot come from TreeTable; the booster takes them for missing, as we do.
    for matrix in (table, unseen, unseen[:1]):
        answer = Forest(trees_of(booster))(tf.constant(matrix)).numpy()
        assert answer == pytest.approx(
            booster._raw_predict(np.where(np.isinf(matrix), np.sign(matrix) * 1e30, matrix)), abs=2e-5
        )
    few = list(booster._predictors)[:7]
    booster._predictors = few
    assert Forest(trees_of(booster, 7))(tf.constant(unseen)).numpy() == pytest.approx(
        Forest(trees_of(booster))(tf.constant(unseen)).numpy(), abs=0
    )

    class Served(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.forest = Forest(trees_of(booster))

        @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32)])
        def answer(self, matrix: tf.Tensor) -> tf.Tensor:
            return self.forest(matrix)

    served = Served()
    tf.saved_model.save(served, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    assert loaded.answer(tf.constant(unseen)).numpy() == pytest.approx(
        served.forest(tf.constant(unseen)).numpy(), abs=1e-6
    )
    assert loaded.answer(tf.zeros([0, 5])).shape[0] == 0


def test_a_tree_without_splits() -> None:
    """Too few rows to split: the booster says the same of every row, and so do its trees."""
    table = _table(10)
    booster = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=20).fit(table, np.arange(10) % 2)
    answer = Forest(trees_of(booster))(tf.constant(table)).numpy()
    assert answer == pytest.approx(booster._raw_predict(table), abs=1e-6)


def test_a_threshold_between_two_floats() -> None:
    """Of neighbouring float32 values a float64 threshold lies between; rounding it up would send both left."""
    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1))
    table = np.repeat([[low], [high]], 50, axis=0).astype(np.float32)
    booster = HistGradientBoostingClassifier(max_iter=1).fit(table, np.repeat([0, 1], 50))
    answer = Forest(trees_of(booster))(tf.constant(table)).numpy()[:, 0]
    assert answer == pytest.approx(booster._raw_predict(table)[:, 0], abs=1e-6)
    assert answer[0] < answer[-1]
