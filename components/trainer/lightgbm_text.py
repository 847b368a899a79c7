"""Reads the trees of a LightGBM model from its text format.

Every release of LightGBM 2 to 4 reads the text that `Booster.save_model` writes, so the format is stable. The JSON dump
has the same content and takes ten times as long to write.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

CATEGORICAL, DEFAULT_LEFT = 1, 2
"""Bits of `decision`; two more bits give the treatment of missing values, see MISSING_NAN."""
MISSING_SHIFT, MISSING_MASK, MISSING_NAN = 2, 3, 2


@dataclass(frozen=True)
class Tree:
    """A tree of L leaves and L - 1 inner nodes; a child c >= 0 is an inner node, c < 0 the leaf ~c.

    Attributes:
      feature: Int [L - 1], index of the column that a node tests.
      threshold: Float64 [L - 1]; a number goes left if it is at most the threshold. For a categorical node: the index
        into `categories`.
      decision: Int [L - 1], bit field of the kind of test.
      left: Int [L - 1], child of the rows that pass the test.
      right: Int [L - 1], child of the other rows.
      value: Float64 [L], raw score that each leaf adds.
      categories: Sets of categories that go left, each a bool array indexed by category.
    """

    feature: np.ndarray
    threshold: np.ndarray
    decision: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    categories: tuple[np.ndarray, ...]

    def goes_left(self, node: int, number: np.ndarray) -> np.ndarray:
        """Whether values [V] of the node's column go left, NaN included, as in LightGBM's `Tree::Decision`."""
        decision = self.decision[node]
        missing = np.isnan(number)
        if decision & CATEGORICAL:
            members = self.categories[int(self.threshold[node])]
            code = np.where(missing | (number < 0) | (number >= len(members)), len(members), number).astype(np.int64)
            return np.append(members, False)[code]
        if (decision >> MISSING_SHIFT) & MISSING_MASK == MISSING_NAN:
            return np.where(missing, bool(decision & DEFAULT_LEFT), number <= self.threshold[node])
        return np.asarray(np.where(missing, 0.0, number) <= self.threshold[node])


def read_trees(booster: Any, iterations: int | None = None) -> list[Tree]:
    """Returns the trees of a `lightgbm.Booster` in order; of K outputs, tree t adds to output t % K.

    Args:
      booster: The fitted booster.
      iterations: Number of boosting rounds to read, from the first; None for all.
    """
    text = booster.model_to_string(num_iteration=-1 if iterations is None else iterations, importance_type="split")
    blocks = text.split("\nend of trees", 1)[0].split("\nTree=")[1:]
    return [_tree(dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)) for block in blocks]


def _tree(fields: dict[str, str]) -> Tree:
    def read(name: str, kind: type) -> np.ndarray:
        return np.array(fields.get(name, "").split(), dtype=kind)

    bounds, words = read("cat_boundaries", np.int64), read("cat_threshold", np.uint32)
    sets = tuple(
        np.unpackbits(words[begin:end].view(np.uint8), bitorder="little").astype(bool)
        for begin, end in itertools.pairwise(bounds)
    )
    return Tree(
        read("split_feature", np.int64),
        read("threshold", np.float64),
        read("decision_type", np.int64),
        read("left_child", np.int64),
        read("right_child", np.int64),
        read("leaf_value", np.float64),
        sets,
    )
