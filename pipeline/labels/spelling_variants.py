"""What `plumbline audit` says of twins: values in several spellings, and which rows a run would evaluate on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.hash_split import in_eval
from components.shared.spellings.entity_names import find_entities
from components.shared.spellings.spelling_groups import Group, find_groups
from components.shared.texts.escaping import on_one_line
from pipeline.onboarding.initialise.column_values import short, value_counts
from pipeline.onboarding.initialise.settings_draft import EVAL_SHARE
from pipeline.settings.config import Config

FEW_VALUES = 2_000
"""Up to so many different values of many rows each they are categories; more are names of people, firms, products."""
LONGEST_NAME = 60
"""Characters on average; a column of longer texts is prose."""
MOST_GROUPS = 1_000
"""Groups of a column that are kept, those of most rows."""
MOST_SHOWN = 3


@dataclass(frozen=True)
class Spelled:
    """Values of a column that may be one; `found` groups in all, `groups` the largest."""

    column: str
    found: int
    groups: tuple[Group, ...]

    def lines(self) -> list[str]:
        """One line for a person."""
        shown = "; ".join(
            f"{short(group.value)}: {', '.join(short(one) for one in list(group.spellings)[:4] if one != group.value)}"
            for group in self.groups[:MOST_SHOWN]
        )
        more = f"; and {self.found - MOST_SHOWN:,} more: --json lists" if self.found > MOST_SHOWN else ""
        return [f"  {on_one_line(self.column)}: {on_one_line(shown)}{more}"]


def find_spelled(table: pa.Table, types: Mapping[str, str], labels: Sequence[str] = ()) -> tuple[Spelled, ...]:
    """Looks at all columns of texts but prose; those of `labels` are categories in any case."""
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
            found.append(Spelled(column, len(groups), tuple(groups[:MOST_GROUPS])))
    return tuple(found)


def eval_rows(table: pa.Table, config: Config | None, ids: Sequence[str], files: Sequence[int]) -> np.ndarray | None:
    """Which rows a run would evaluate on, bool [N]: those of the last file, or of one file those that a hash deals.

    None where that cannot be told. `files` are the rows of each file; of tf.Examples, and with dropped rows, none.
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
    return np.concatenate([np.zeros(0, bool), *(in_eval(batch, named, share) for batch in table.to_batches())])
