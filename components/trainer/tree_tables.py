"""Boosted trees as lookup tables of bit vectors: one gather per group of columns instead of a traversal per tree.

QuickScorer (Lucchese et al.: QuickScorer, a Fast Algorithm to Rank Documents with Additive Ensembles of Regression
Trees, SIGIR 2015) represents the leaves of a tree that a row can still reach as bits. A node that sends the row left
excludes the leaves of its right subtree, and vice versa. The leaves that all nodes on one column exclude depend only on
the rank of the row's value among the thresholds of these nodes. The bits of all trees can therefore be precomputed for
each column and each rank:

    reachable(row, tree) = AND over columns c of table_c[rank of the row's value in c][tree]

Exactly one bit remains, that of the leaf. Categories that no node tells apart have the same rank. Columns of few ranks
share a table over the combinations of their ranks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from components.trainer.lightgbm_text import Tree

CODES = 256
"""Categorical codes are 0 .. 255, see feature_matrix.FeatureMatrix."""
GROUP_RANKS = 1024
"""Columns share a table as long as it has at most this many combinations of ranks."""
MAX_BYTES = 2**26
"""Size of all tables above which smaller groups are formed; a group's table grows with the product of its columns'
ranks."""
WORDS = ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64))
"""Leaves per word and type of the word; the smallest word that fits is the fastest."""


@dataclass(frozen=True)
class TreeTables:
    """Lookup tables of T words (a tree of more than 64 leaves takes several) over C used columns in G groups.

    The first Q of the used columns are categorical, the others numeric; a group has columns of one kind.

    Attributes:
      columns: Int [C], indices of the used columns, those of a group adjacent.
      group: Int [C], group of each column, ascending from 0.
      stride: Int [C], factor of a column's rank in the combined rank of its group.
      code_ranks: Int [Q, CODES + 1], rank of each category; the last is that of a missing value.
      thresholds: Float32 [C - Q, S], ascending, padded with infinity; a number's rank is the count of smaller ones.
      missing: Int [C - Q], rank of a missing number.
      offset: Int [G], row of `bits` at which the table of a group begins.
      bits: Signed integers [R, T], reachable leaves by combined rank.
      value: Float32 [T, W + 1], raw score of each leaf of a word; 0 at index W, where no leaf of the word is reached.
      outputs: Number of outputs K; word t adds to output t % K.
    """

    columns: np.ndarray
    group: np.ndarray
    stride: np.ndarray
    code_ranks: np.ndarray
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
    used = np.unique(nodes.column).tolist()
    codes = [_categories(trees, nodes, column, word) for column in used if column < categorical]
    numbers = [_numbers(trees, nodes, column, word) for column in used if column >= categorical]
    if not used:  # no tree has a split: a table of one rank, for numbers as for missing values, of column 0
        used, numbers = [0], [(np.empty(0, np.float32), np.full((1, len(leaves)), -1).astype(word.kind))]
    tables = [table for _, table in (*codes, *numbers)]
    sizes = [len(table) for table in tables]
    groups = _grouped(sizes, len(codes), most_rows=MAX_BYTES // tables[0][0].nbytes)
    order = [at for group in groups for at in group]
    merged = [_merged([tables[at] for at in group]) for group in groups]
    merged[0] = merged[0] & leaves
    numeric = [at - len(codes) for at in order[len(codes) :]]
    most = max([1, *(len(thresholds) for thresholds, _ in numbers)])
    return TreeTables(
        columns=np.array([used[at] for at in order], np.int32),
        group=np.array([number for number, group in enumerate(groups) for _ in group], np.int32),
        stride=np.concatenate([np.cumprod([1, *(sizes[at] for at in group[:-1])]) for group in groups]).astype(
            np.int32
        ),
        code_ranks=np.array([codes[at][0] for at in order[: len(codes)]], np.int32).reshape(-1, CODES + 1),
        thresholds=np.array([_filled(numbers[at][0], most) for at in numeric], np.float32).reshape(-1, most),
        missing=np.array([len(numbers[at][1]) - 1 for at in numeric], np.int32),
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


def _categories(trees: Sequence[Tree], nodes: _Nodes, column: int, word: _Word) -> tuple[np.ndarray, np.ndarray]:
    """Rank of each category and of a missing value, [CODES + 1], and the reachable leaves by rank, [ranks, copies * T].

    Categories with the same decision at every node share a rank. A column of two categories has at most three instead
    of CODES + 1; 1,500 such columns made a model of 420 MB before, and 61 MB now.
    """
    at = np.flatnonzero(nodes.column == column)
    values = np.append(np.arange(CODES, dtype=np.float64), np.nan)
    decisions, ranks = np.unique(_goes_left(trees, nodes, at, values), axis=1, return_inverse=True)
    table: np.ndarray = np.full((decisions.shape[1], word.copies, len(trees)), np.iinfo(word.kind).max, word.kind)
    for copy, (went_left, went_right) in enumerate(_reachable(nodes, at, word)):
        masks = np.where(decisions, went_left[:, None], went_right[:, None])  # [nodes, ranks]
        np.bitwise_and.at(table[:, copy], (np.arange(len(table))[None, :], nodes.tree[at][:, None]), masks)
    return ranks.reshape(-1), table.reshape(len(table), -1)


def _numbers(trees: Sequence[Tree], nodes: _Nodes, column: int, word: _Word) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds of a numeric column, and the reachable leaves by rank, [thresholds + 2, copies * T].

    The last rank is that of a missing value.
    """
    at = np.flatnonzero(nodes.column == column)
    owner = nodes.tree[at]
    exact = np.array([trees[tree].threshold[place] for tree, place in zip(owner, nodes.place[at], strict=True)])
    narrow = np.unique(_rounded_down(exact))
    place = np.searchsorted(narrow, _rounded_down(exact))
    missing_left = _goes_left(trees, nodes, at, np.array([np.nan]))[:, 0]
    table: np.ndarray = np.full((len(narrow) + 2, word.copies, len(trees)), np.iinfo(word.kind).max, word.kind)
    for copy, (went_left, went_right) in enumerate(_reachable(nodes, at, word)):
        here = table[:, copy]
        np.bitwise_and.at(here[-1], owner, np.where(missing_left, went_left, went_right))
        # Ranks up to a threshold's go left, higher ones right; running ANDs extend that to all ranks.
        left: np.ndarray = np.full((len(narrow) + 1, len(trees)), np.iinfo(word.kind).max, word.kind)
        right = left.copy()
        np.bitwise_and.at(left, (place, owner), went_left)
        np.bitwise_and.at(right, (place + 1, owner), went_right)
        here[:-1] = np.bitwise_and.accumulate(left[::-1])[::-1] & np.bitwise_and.accumulate(right)
    return narrow, table.reshape(len(table), -1)


def _reachable(nodes: _Nodes, at: np.ndarray, word: _Word) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields per copy the leaves of its tree that a row can reach after going left, or right, at each of n nodes."""
    left = ~word.split([nodes.right[one] for one in at])
    right = ~word.split([nodes.left[one] for one in at])
    return zip(left, right, strict=True)


def _goes_left(trees: Sequence[Tree], nodes: _Nodes, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whether values [V] go left at n nodes, bool [n, V]."""
    places = zip(nodes.tree[at], nodes.place[at], strict=True)
    return np.array([trees[tree].goes_left(place, values) for tree, place in places])


def _rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """Rounds down to float32, so that x <= t has the same result for every float32 x."""
    with np.errstate(over="ignore"):
        narrow = thresholds.astype(np.float32)
    return np.where(narrow.astype(np.float64) > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)


def _filled(thresholds: np.ndarray, length: int) -> np.ndarray:
    return np.append(thresholds, np.full(length - len(thresholds), np.inf)).astype(np.float32)


def _grouped(sizes: Sequence[int], categorical: int, most_rows: int) -> list[list[int]]:
    """Groups columns by kind, those of few ranks first, so that a group has at most GROUP_RANKS combinations of ranks.

    Args:
      sizes: Ranks of each column.
      categorical: Number of categorical columns, which come first.
      most_rows: Number of combinations of all groups above which smaller groups are formed, down to single columns.
    """
    limit = GROUP_RANKS
    while True:
        kinds = (range(categorical), range(categorical, len(sizes)))
        groups = [group for columns in kinds for group in _within(limit, columns, sizes)]
        if limit == 1 or sum(prod(sizes[at] for at in group) for group in groups) <= most_rows:
            return groups
        limit //= 2


def _within(limit: int, columns: Iterable[int], sizes: Sequence[int]) -> list[list[int]]:
    groups: list[list[int]] = []
    product = limit + 1
    for at in sorted(columns, key=lambda at: sizes[at]):
        if product * sizes[at] > limit:
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
