"""Spelling variants of values, and the rows that a run would use as eval, for `plumbline audit`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.hash_split import eval_mask
from components.shared.spellings.entity_names import find_entities
from components.shared.spellings.spelling_groups import SpellingGroup, find_groups
from components.shared.texts.escaping import on_one_line
from pipeline.onboarding.initialise.column_values import short, value_counts
from pipeline.onboarding.initialise.settings_draft import EVAL_SHARE
from pipeline.settings.config import Config

FEW_VALUES = 2_000
"""Number of distinct values up to which a column is categorical; beyond, values are names of entities (people, firms,
products)."""
LONGEST_NAME = 60
"""Mean number of characters up to which values are names; longer texts are prose."""
MAX_GROUPS = 1_000
"""Maximum number of groups of a column in the result, those with most rows."""
MAX_SHOWN = 3
"""Maximum number of groups of a column in the text output."""


@dataclass(frozen=True)
class SpellingVariants:
    """Spelling variants in one column.

    Attributes:
      column: The column.
      total: Number of groups of spelling variants.
      groups: The groups with most rows.
    """

    column: str
    total: int
    groups: tuple[SpellingGroup, ...]

    def lines(self) -> list[str]:
        """Formats the largest groups as one line of text."""
        shown = "; ".join(
            f"{short(group.value)}: {', '.join(short(one) for one in list(group.spellings)[:4] if one != group.value)}"
            for group in self.groups[:MAX_SHOWN]
        )
        more = f"; and {self.total - MAX_SHOWN:,} more: see --json" if self.total > MAX_SHOWN else ""
        return [f"  {on_one_line(self.column)}: {on_one_line(shown)}{more}"]


def find_spelled(table: pa.Table, types: Mapping[str, str], labels: Sequence[str] = ()) -> tuple[SpellingVariants, ...]:
    """Finds spelling variants in all text columns except prose.

    Args:
      table: The rows.
      types: Column -> type alias.
      labels: Columns that are categorical whatever their number of distinct values.
    """
    found = []
    for column in table.column_names:
        if types[column] != "string":
            continue
        counts = {value: rows for value, rows in value_counts(table, column).items() if value}
        if len(counts) < 2 or sum(map(len, counts)) > LONGEST_NAME * len(counts):
            continue
        few = column in labels or (len(counts) <= FEW_VALUES and len(counts) <= 0.1 * sum(counts.values()))
        groups = find_groups(counts) if few else find_entities(counts)
        if groups:
            found.append(SpellingVariants(column, len(groups), tuple(groups[:MAX_GROUPS])))
    return tuple(found)


def eval_rows(table: pa.Table, config: Config | None, ids: Sequence[str], files: Sequence[int]) -> np.ndarray | None:
    """Determines the rows that a run would use as split `eval`.

    These are the rows of the last file, or, of a single file, the rows that the hash split assigns to eval.

    Args:
      table: N rows.
      config: Settings of the dataset, or None.
      ids: Id columns, for the hash split without settings.
      files: Number of rows of each file; empty if unknown (tf.Examples, dropped rows).

    Returns:
      True for rows of eval, bool [N]; None if they cannot be determined.
    """
    if len(files) > 1:
        chosen = np.zeros(table.num_rows, bool)
        chosen[table.num_rows - files[-1] :] = True
        return chosen
    if not files or (config is not None and config.data.has_spans):
        return None
    share = config.data.eval_share if config is not None else EVAL_SHARE
    named = tuple(config.dataset.id) if config is not None else tuple(ids)
    if any(name not in table.column_names for name in named):
        return None
    return np.concatenate([np.zeros(0, bool), *(eval_mask(batch, named, share) for batch in table.to_batches())])
