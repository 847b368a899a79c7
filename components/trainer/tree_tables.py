"""Boosted trees as lookup tables of bit vectors: one gather per group of columns instead of a traversal per tree.

QuickScorer (Lucchese et al.: QuickScorer, a Fast Algorithm to Rank Documents with Additive Ensembles of Regression
Trees, SIGIR 2015) represents the leaves of a tree that a row can still reach as bits. A node that sends the row left
excludes the leaves of its right subtree, and vice versa. The leaves that all nodes on one column exclude depend only on
the rank of the row's value among the thresholds of these nodes. The bits of all trees can therefore be precomputed for
each column and each rank:

    reachable(row, tree) = AND over columns c of table_c[rank of the row's value in c][tree]

Exactly one bit remains, that of the leaf. Columns of few ranks share a table over the combinations of their ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.trainer.lightgbm_text import Tree

CODES = 256
"""Categorical codes are 0 .. 255, see feature_matrix.FeatureMatrix; the rank after them is a missing value."""
GROUP_RANKS = 1024
"""Columns share a table as long as it has at most this many combinations of ranks."""
WORDS = ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64))
"""Leaves per word and type of the word; the smallest word that fits is the fastest."""


@dataclass(frozen=True)
class TreeTables:
    """Lookup tables of T words (a tree of more than 64 leaves takes several) over C used columns in G groups.

    Attributes:
      columns: Int [C], indices of the used columns, those of a group adjacent.
      group: Int [C], group of each column, ascending from 0.
      stride: Int [C], factor of a column's rank in the combined rank of its group.
      categorical: Bool [C].
      thresholds: Float32 [C, S], ascending, padded with infinity; the rank of a number is the count of smaller ones.
      missing: Int [C], rank of a missing value.
      offset: Int [G], row of `bits` at which the table of a group begins.
      bits: Signed integers [R, T], reachable leaves by combined rank.
      value: Float32 [T, W + 1], raw score of each leaf of a word; 0 at index W, where no leaf of the word is reached.
      outputs: Number of outputs K; word t adds to output t % K.
    """

    columns: np.ndarray
    group: np.ndarray
    stride: np.ndarray
    categorical: np.ndarray
    thresholds: np.ndarray
    missing: np.ndarray
    offset: np.ndarray
    bits: np.ndarray
    value: np.ndarray
    outputs: int


def tables_of(trees: Sequence[Tree], outputs: int, categorical: int) -> TreeTables:
    """Builds the lookup tables.

    Args:
      trees: At least one tree; tree t adds to output t % K.
      outputs: Number of outputs K.
      categorical: Number of categorical columns, which come first in the matrix.
    """
    word = _Word.of(max(len(tree.value) for tree in trees))
    nodes = _nodes(trees)
    leaves = word.split([(1 << len(tree.value)) - 1 for tree in trees]).reshape(-1)
    columns = [int(column) for column in np.unique(nodes.column)]
    if not columns:  # no tree has a split: the table has a single rank, for column 0
        none = np.zeros(1, np.int32)
        thresholds = np.full((1, 1), np.inf, np.float32)
        bits, value = word.signed(leaves[None]), word.values(trees)
        return TreeTables(none, none, none, np.zeros(1, bool), thresholds, none, none, bits, value, outputs)
    found = [_column(trees, nodes, column, column < categorical, word) for column in columns]
    sizes = [len(table) for _, table in found]
    groups = _grouped(sizes)
    order = [at for group in groups for at in group]
    merged = [_merged([found[at][1] for at in group]) for group in groups]
    merged[0] = merged[0] & leaves
    most = max(max(len(thresholds) for thresholds, _ in found), 1)
    return TreeTables(
        columns=np.array([columns[at] for at in order], np.int32),
        group=np.array([number for number, group in enumerate(groups) for _ in group], np.int32),
        stride=np.concatenate([np.cumprod([1, *(sizes[at] for at in group[:-1])]) for group in groups]).astype(
            np.int32
        ),
        categorical=np.array([columns[at] < categorical for at in order]),
        thresholds=np.array([_filled(found[at][0], most) for at in order]),
        missing=np.array([sizes[at] - 1 for at in order], np.int32),
        offset=np.cumsum([0, *map(len, merged[:-1])]).astype(np.int32),
        bits=word.signed(np.concatenate(merged)),
        value=word.values(trees),
        outputs=outputs,
    )


@dataclass(frozen=True)
class _Word:
    """Layout of the leaves of a tree: `copies` words of `width` bits."""

    width: int
    kind: type
    copies: int

    @staticmethod
    def of(leaves: int) -> "_Word":
        """The smallest word that holds `leaves` bits, or several of the largest."""
        width, kind = next((one for one in WORDS if leaves <= one[0]), WORDS[-1])
        return _Word(width, kind, -(-leaves // width))

    def split(self, bits: Sequence[int]) -> np.ndarray:
        """Splits bit sets [N] into words [copies, N]."""
        full = (1 << self.width) - 1
        return np.array(
            [[(one >> (copy * self.width)) & full for one in bits] for copy in range(self.copies)], self.kind
        )

    def signed(self, words: np.ndarray) -> np.ndarray:
        """Views the words as signed integers, for which TensorFlow has all needed operations."""
        return words.view(np.dtype(self.kind).name[1:])

    def values(self, trees: Sequence[Tree]) -> np.ndarray:
        """Leaf values in the layout of TreeTables.value."""
        value = np.zeros((self.copies, len(trees), self.width + 1), np.float32)
        for number, tree in enumerate(trees):
            for copy in range(self.copies):
                part = tree.value[copy * self.width : (copy + 1) * self.width]
                value[copy, number, : len(part)] = part
        return value.reshape(-1, self.width + 1)


@dataclass(frozen=True)
class _Nodes:
    """The M inner nodes of all trees: tree, column, index in the tree, and the leaves below each child as bits."""

    tree: np.ndarray
    column: np.ndarray
    place: np.ndarray
    left: list[int]
    right: list[int]


def _nodes(trees: Sequence[Tree]) -> _Nodes:
    left, right = [], []
    for tree in trees:
        under: dict[int, int] = {~leaf: 1 << leaf for leaf in range(len(tree.value))}
        sides = list(zip(tree.left.tolist(), tree.right.tolist(), strict=True))
        for node in reversed(range(len(sides))):  # LightGBM numbers a node before its descendants
            under[node] = under[sides[node][0]] | under[sides[node][1]]
        left += [under[one] for one, _ in sides]
        right += [under[other] for _, other in sides]
    counts = [len(tree.feature) for tree in trees]
    columns = np.concatenate([tree.feature for tree in trees])
    places = np.concatenate([np.arange(count) for count in counts])
    return _Nodes(np.repeat(np.arange(len(trees)), counts), columns, places, left, right)


def _column(
    trees: Sequence[Tree], nodes: _Nodes, column: int, categorical: bool, word: _Word
) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds of a column, and the leaves that its nodes leave reachable by rank, [ranks, copies * T].

    The last rank is that of a missing value.
    """
    at = np.flatnonzero(nodes.column == column)
    owner = nodes.tree[at]
    # Reachable leaves of a tree after a row went left, or right: [copies, nodes].
    went_left = ~word.split([nodes.right[one] for one in at])
    went_right = ~word.split([nodes.left[one] for one in at])
    exact = np.array([trees[tree].threshold[place] for tree, place in zip(owner, nodes.place[at], strict=True)])
    narrow = np.empty(0, np.float32) if categorical else np.unique(_rounded_down(exact))
    values = np.append(np.arange(CODES), np.nan) if categorical else np.array([np.nan])
    goes_left = np.array([trees[t].goes_left(n, values) for t, n in zip(owner, nodes.place[at], strict=True)])
    ranks = CODES + 1 if categorical else len(narrow) + 2
    table: np.ndarray = np.full((ranks, word.copies, len(trees)), np.iinfo(word.kind).max, word.kind)
    for copy in range(word.copies):
        here = table[:, copy]
        masks = np.where(goes_left, went_left[copy][:, None], went_right[copy][:, None])  # [nodes, values]
        rows = np.arange(CODES + 1) if categorical else np.array([ranks - 1])
        np.bitwise_and.at(here, (rows[None, :], owner[:, None]), masks)
        if not categorical:
            # Ranks up to a threshold's go left, higher ones right; running ANDs extend that to all ranks.
            place = np.searchsorted(narrow, _rounded_down(exact))
            left: np.ndarray = np.full((ranks - 1, len(trees)), np.iinfo(word.kind).max, word.kind)
            right = left.copy()
            np.bitwise_and.at(left, (place, owner), went_left[copy])
            np.bitwise_and.at(right, (place + 1, owner), went_right[copy])
            here[:-1] = np.bitwise_and.accumulate(left[::-1])[::-1] & np.bitwise_and.accumulate(right)
    return narrow, table.reshape(ranks, -1)


def _rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """Rounds down to float32, so that x <= t has the same result for every float32 x."""
    with np.errstate(over="ignore"):
        narrow = thresholds.astype(np.float32)
    return np.where(narrow.astype(np.float64) > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)


def _filled(thresholds: np.ndarray, length: int) -> np.ndarray:
    return np.append(thresholds, np.full(length - len(thresholds), np.inf)).astype(np.float32)


def _grouped(sizes: Sequence[int]) -> list[list[int]]:
    """Groups columns so that the product of their ranks stays within GROUP_RANKS; columns of few ranks first."""
    groups: list[list[int]] = []
    product = GROUP_RANKS + 1
    for at in sorted(range(len(sizes)), key=lambda at: sizes[at]):
        if product * sizes[at] > GROUP_RANKS:
            groups.append([])
            product = 1
        groups[-1].append(at)
        product *= sizes[at]
    return groups


def _merged(tables: Sequence[np.ndarray]) -> np.ndarray:
    """One table over all combinations of ranks; the first column's rank varies fastest."""
    merged = tables[0]
    for table in tables[1:]:
        merged = (table[:, None] & merged[None]).reshape(-1, merged.shape[1])
    return merged
