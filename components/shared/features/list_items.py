"""Counts the values of list columns and selects those that get an indicator column, see derived_features.py."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.examples.example_reading import example_batches
from components.shared.features.cell_texts import texts_of
from components.shared.features.derived_cells import list_lengths
from components.shared.features.derived_features import HAS, Derived, items

MAX_COUNTED = 1 << 20
"""Maximum distinct values of a list column that are counted; the rarest ones beyond it are dropped."""


class ListItems:
    """Counts in how many rows each value of a list column occurs."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: Counter[bytes] = Counter()

    def add(self, batch: pa.RecordBatch, name: str) -> None:
        """Adds a batch of list columns."""
        self.rows += batch.num_rows
        if name not in batch.schema.names or pa.types.is_null(batch.schema.field(name).type):
            return
        column = batch.column(name)
        values = column.flatten().dictionary_encode()
        row = np.repeat(np.arange(len(column)), list_lengths(column))
        pairs = np.unique(np.column_stack([row, values.indices.to_numpy(zero_copy_only=False)]), axis=0)
        found = np.bincount(pairs[:, 1], minlength=len(values.dictionary))
        self.counts.update(dict(zip(texts_of(values.dictionary), found.tolist(), strict=True)))
        if len(self.counts) > 2 * MAX_COUNTED:
            self.counts = Counter(dict(self.counts.most_common(MAX_COUNTED)))

    def items(self, least: int) -> list[str]:
        """Returns the values that get an indicator column."""
        return items(list(self.counts.items()), least)


def items_of(bags: Mapping[str, ListItems], least: int) -> dict[str, tuple[str, str]]:
    """Returns indicator column -> (list column, value), for all list columns."""
    return {
        Derived(column, HAS, item=item).name: (column, item)
        for column, bag in bags.items()
        for item in bag.items(least)
    }


def with_items(kinds: Mapping[str, Any], split: str) -> dict[str, Any]:
    """Adds an indicator column for each frequent value of a list to the features.

    Args:
      kinds: `numeric` and other kinds of features; of `lists` (column -> type of its values) only those of strings.
      split: Folder of the examples in which values are counted.

    Returns:
      `kinds` with the indicator columns among `numeric`.
    """
    names = [name for name, kind in kinds.get("lists", {}).items() if kind == "string"]
    if not names:
        return dict(kinds)
    bags = count_items(example_batches(split, names), names)
    return {**kinds, "numeric": [*kinds["numeric"], *items_of(bags, max(kinds.get("min_count", 10), 1))]}


def count_items(batches: Iterable[pa.RecordBatch], names: Iterable[str]) -> dict[str, ListItems]:
    """Counts the values of list columns in all batches."""
    bags = {name: ListItems() for name in names}
    for batch in batches:
        for name, bag in bags.items():
            bag.add(batch, name)
    return bags
