"""Parity of the tree graph with LightGBM."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import tensorflow as tf

from components.trainer import tree_graph, tree_tables
from components.trainer.lightgbm_text import read_trees
from components.trainer.tree_graph import TreeGraph
from components.trainer.tree_tables import tables_of

ROWS = 400


def _table(rows: int, seed: int = 0) -> np.ndarray:
    """Two categorical columns, of 5 and of 200 values, and three numeric ones; a tenth of the values is missing."""
    draw = np.random.default_rng(seed)
    few, many = draw.integers(0, 5, rows), draw.integers(0, 200, rows)
    table = np.column_stack([few, many, draw.normal(size=(rows, 2)), draw.integers(0, 4, rows)]).astype(np.float32)
    table[draw.random(table.shape) < 0.1] = np.nan
    return table


def _labels(table: np.ndarray, task: str) -> np.ndarray:
    draw = np.random.default_rng(1)
    known = np.nan_to_num(table)
    score = known[:, 2] + (known[:, 0] == 3) - (known[:, 1] % 7 == 0) + draw.normal(size=len(table)) / 2
    return {"binary": (score > 0) * 1.0, "multiclass": np.digitize(score, [-0.5, 0.5]), "regression": score}[task]


def _booster(table: np.ndarray, labels: np.ndarray, task: str, rounds: int = 20, **settings: Any) -> Any:
    given = {"objective": task, "num_class": 3 if task == "multiclass" else 1, "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(table, labels, categorical_feature=[0, 1] if table.shape[1] > 1 else [])
    return lightgbm.train({**given, "min_data_in_leaf": 3, **settings}, data, rounds)


def _forest(booster: Any, iterations: int | None = None, categorical: int = 2) -> TreeGraph:
    return TreeGraph(tables_of(read_trees(booster, iterations), booster.num_model_per_iteration(), categorical))


def _raw(booster: Any, table: np.ndarray, **given: Any) -> np.ndarray:
    return np.asarray(booster.predict(table, raw_score=True, **given)).reshape(len(table), -1)


@pytest.mark.parametrize("leaves", [2, 8, 16, 31, 63, 130])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_predictions_equal_the_booster(task: str, leaves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves in words of 8 to 64 bits, and in three words; rows in one block and in several."""
    table = _table(ROWS * 5)
    booster = _booster(table, _labels(table, task), task, num_leaves=leaves, feature_fraction_bynode=0.5)
    unseen = _table(ROWS, seed=2)
    unseen[:9, 1] = [201, 254, 255, 251, 3, np.nan, 0, 199, 17]  # codes that training never had among them
    unseen[9:12, 2] = [np.inf, -np.inf, np.nan]
    trees = _forest(booster)
    assert trees(tf.constant(unseen)).numpy() == pytest.approx(_raw(booster, unseen), abs=5e-6)
    assert trees(tf.constant(unseen[:1])).numpy() == pytest.approx(_raw(booster, unseen[:1]), abs=5e-6)
    monkeypatch.setattr(tree_graph, "BLOCK_ROWS", 128)
    assert trees(tf.constant(unseen)).numpy() == pytest.approx(_raw(booster, unseen), abs=5e-6)
    few = _forest(booster, 7)(tf.constant(unseen)).numpy()
    assert few == pytest.approx(_raw(booster, unseen, num_iteration=7), abs=5e-6)


def test_categories_that_no_split_tells_apart_share_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column of two categories has three ranks, not CODES + 1; how columns are grouped changes no prediction."""
    draw = np.random.default_rng(3)
    table = (draw.random((ROWS, 30)) < 0.4).astype(np.float32) + 1
    labels = (table[:, :9].sum(axis=1) - table[:, 9:].sum(axis=1) / 2 + draw.normal(size=ROWS) > 3) * 1.0
    data = lightgbm.Dataset(table, labels, categorical_feature=list(range(30)))
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "min_data_per_group": 5, "num_threads": 1}, data, 30
    )
    trees = read_trees(booster)
    tables = tables_of(trees, 1, 30)
    assert tables.code_ranks.shape == (len(tables.columns), tree_tables.CODES + 1)
    assert tables.code_ranks.max() <= 2
    assert np.bincount(tables.group).max() >= 6  # 3 ** 6 combinations
    table[0, 0] = np.nan
    grouped = TreeGraph(tables)(tf.constant(table)).numpy()
    assert grouped == pytest.approx(_raw(booster, table), abs=5e-6)
    monkeypatch.setattr(tree_tables, "MAX_BYTES", tables.bits.nbytes // 4)
    smaller = tables_of(trees, 1, 30)
    assert smaller.bits.nbytes <= tables.bits.nbytes // 4
    assert (TreeGraph(smaller)(tf.constant(table)).numpy() == grouped).all()


def test_saved_trees_predict_the_same(tmp_path: Path) -> None:
    table = _table(ROWS)

    class Served(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.forest = _forest(_booster(table, _labels(table, "multiclass"), "multiclass"))

        @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32)])
        def answer(self, matrix: tf.Tensor) -> tf.Tensor:
            return self.forest(matrix)

    served = Served()
    tf.saved_model.save(served, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    unseen = tf.constant(_table(2 * tree_graph.BLOCK_ROWS + 7, seed=2))
    assert loaded.answer(unseen).numpy() == pytest.approx(served.forest(unseen).numpy(), abs=1e-6)
    assert loaded.answer(tf.zeros([0, 5])).shape == (0, 3)


def test_tree_without_splits() -> None:
    """Too few rows to split: the booster predicts a constant, and so does the graph."""
    table = _table(10)
    booster = _booster(table, np.arange(10) % 3 > 0, "binary", min_data_in_leaf=20)
    assert _forest(booster)(tf.constant(table)).numpy() == pytest.approx(_raw(booster, table), abs=1e-6)


def test_threshold_between_two_floats() -> None:
    """A float64 threshold between adjacent float32 values; rounding it up would send both left."""
    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1))
    table = np.repeat([[low], [high]], 50, axis=0).astype(np.float32)
    booster = _booster(table, np.repeat([0.0, 1.0], 50), "binary", 1)
    answer = _forest(booster, categorical=0)(tf.constant(table)).numpy()[:, 0]
    assert answer == pytest.approx(_raw(booster, table)[:, 0], abs=1e-6)
    assert answer[0] < answer[-1]
