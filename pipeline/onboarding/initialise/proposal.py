"""Proposes what each column of a table is good for, and what its label asks for. Pure: a table in, a proposal out.

A proposal is a draft for a person to correct, so every decision that could be otherwise carries its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from components.shared.errors import InputError, UsageError
from components.shared.texts.suggestions import did_you_mean
from pipeline.onboarding.initialise.column_types import DraftColumn, Kind, column_of, described, named_id
from pipeline.onboarding.initialise.column_values import Values, values_of
from pipeline.onboarding.initialise.label_task import read_label
from pipeline.onboarding.initialise.target_leakage import leave_out
from pipeline.settings.sections.section import Names, Task


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a table.

    Attributes:
      label: The label column.
      task: What kind of question it asks.
      positive: Of a binary label, the value that counts as 1.
      why: How task and positive class were chosen.
      majority: Share of the most frequent label value.
      spread: Standard deviation of a regression label; 0 for other tasks.
      columns: All columns, in the order of the data.
      id: Columns that name a row.
    """

    label: str
    task: Task
    positive: str | int | None
    why: str
    majority: float
    spread: float
    columns: tuple[DraftColumn, ...]
    id: Names

    def of_kind(self, kind: Kind) -> Names:
        """Names of the features of a kind."""
        return tuple(column.name for column in self.columns if column.kind == kind and column.is_feature)

    def with_notes(self, notes: Mapping[str, str]) -> "Proposal":
        """The same with more notes on columns, column -> note."""
        columns = tuple(
            replace(column, note="; ".join(filter(None, (notes[column.name], column.note))))
            if column.name in notes
            else column
            for column in self.columns
        )
        return replace(self, columns=columns)


def propose(
    table: pa.Table, types: Mapping[str, str], label: str, rows: int | None = None, spans: np.ndarray | None = None
) -> Proposal:
    """Proposes kinds, task, ids and what to leave out.

    Args:
      table: Rows (a sample will do), in the order of the data; columns as `types` says.
      types: Column -> type alias.
      label: The label column.
      rows: Rows that the sample was taken from.
      spans: For each row the number of its span, where there are several.

    Raises:
      UsageError: There is no such label column.
      InputError: The label is constant, missing everywhere, or of a kind that cannot be learned; or no feature is left.
    """
    if label not in types:
        hint = did_you_mean(label, types)
        there = ", ".join(name or "(one without a name)" for name in types)
        raise UsageError(f"--label {label}: no such column; {hint}There is: {there[:1000]}")
    values = {name: values_of(table[name], name, alias) for name, alias in types.items()}
    task, positive, why = read_label(values[label])
    columns = {name: column_of(column, rows or table.num_rows) for name, column in values.items() if name != label}
    leave_out(columns, values, values[label], task, spans)
    shares = np.bincount(values[label].codes[values[label].codes >= 0]) / values[label].known
    note = why if values[label].known == table.num_rows else f"{why}; rows without a label are left out"
    label_column = replace(described(values[label], "label"), note=note)
    proposal = Proposal(
        label,
        task,
        positive,
        why,
        float(shares.max()),
        float(np.nanstd(values[label].numbers)) if task == "regression" else 0.0,
        tuple(label_column if name == label else columns[name] for name in types),
        _ids(columns, values),
    )
    if not any(column.is_feature for column in proposal.columns):
        reasons = "; ".join(f"{column.name}: {column.suspicious or column.kind}" for column in columns.values())
        raise InputError(f"no column is left to learn from ({reasons or 'the label is the only one'})")
    return proposal


def _ids(columns: Mapping[str, DraftColumn], values: Mapping[str, Values]) -> Names:
    """The id columns.

    A hash of them deals rows to train and eval. Where an id comes back in several rows, it alone is taken, the one of
    most rows each, so that what is known of a visitor in train does not help with the same visitor in eval.
    """
    found = [column for column in columns.values() if column.kind == "id"]
    if not found:
        return ()
    named = [column for column in found if named_id(values[column.name]) or column.note == "counts the rows"]
    return (min(named or found, key=lambda column: column.distinct).name,)
