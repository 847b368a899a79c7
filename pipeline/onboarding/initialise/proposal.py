"""Proposes the kind of each column, the task and the id columns of a table. Pure.

A proposal is a draft for the user to correct, so every inferred value has a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from components.shared.errors import InputError, UsageError
from components.shared.texts.suggestions import did_you_mean
from pipeline.onboarding.initialise.column_types import DraftColumn, Kind, column_of, described, named_id
from pipeline.onboarding.initialise.column_values import Values, values_of
from pipeline.onboarding.initialise.label_task import read_label
from pipeline.onboarding.initialise.target_leakage import leave_out
from pipeline.settings.feature_types import ANNOTATION_TYPES
from pipeline.settings.sections.section import Names, Task


@dataclass(frozen=True)
class Proposal:
    """The proposal for a table.

    Attributes:
      label: The label column.
      task: The task.
      positive: Positive class of a binary label, else None.
      why: Reason for task and positive class.
      majority: Share of the most frequent label value, in [0, 1].
      spread: Standard deviation of a regression label; 0 for other tasks.
      columns: All columns, in the order of the data.
      id: Columns that identify a row.
      annotators: Columns with the labels of several annotators, [audit] annotators; never features.
    """

    label: str
    task: Task
    positive: str | int | None
    why: str
    majority: float
    spread: float
    columns: tuple[DraftColumn, ...]
    id: Names
    annotators: Names = ()

    def of_kind(self, kind: Kind) -> Names:
        """Returns the names of the features of a kind."""
        return tuple(column.name for column in self.columns if column.kind == kind and column.is_feature)

    def with_notes(self, notes: Mapping[str, str]) -> "Proposal":
        """Returns the proposal with additional notes (column -> note)."""
        columns = tuple(
            replace(column, note="; ".join(filter(None, (notes[column.name], column.note))))
            if column.name in notes
            else column
            for column in self.columns
        )
        return replace(self, columns=columns)


def propose(
    table: pa.Table,
    types: Mapping[str, str],
    label: str,
    rows: int | None = None,
    spans: np.ndarray | None = None,
    annotators: Sequence[str] = (),
) -> Proposal:
    """Proposes kinds, task, id columns and excluded columns.

    Args:
      table: Rows or a sample of them, in the order of the data, with columns of the types `types`.
      types: Column -> type alias.
      label: The label column.
      rows: Number of rows of the whole data.
      spans: Span number of each row, if there are several spans.
      annotators: Columns with the labels of several annotators.

    Raises:
      UsageError: The label column or an annotator's column does not exist, or annotators' columns cannot be compared.
      InputError: The label is constant, missing everywhere, or of a type that cannot be predicted; or there is no
        feature.
    """
    if label not in types:
        hint = did_you_mean(label, types)
        there = ", ".join(name or "(one without a name)" for name in types)
        raise UsageError(f"--label {label}: no such column; {hint}available: {there[:1000]}")
    values = {name: values_of(table[name], name, alias) for name, alias in types.items()}
    task, positive, why = read_label(values[label])
    check_annotators(annotators, types, label, task)
    columns = {
        name: column_of(column, rows or table.num_rows)
        for name, column in values.items()
        if name not in (label, *annotators)
    }
    leave_out(columns, values, values[label], task, spans)
    ids = _ids(columns, values)
    reason = "an annotator's labels, compared by [audit] annotators"
    columns |= {name: described(values[name], "categorical", suspicious=reason) for name in annotators}
    shares = np.bincount(values[label].codes[values[label].codes >= 0]) / values[label].known
    note = why if values[label].known == table.num_rows else f"{why}; rows without a label are dropped"
    label_column = replace(described(values[label], "label"), note=note)
    proposal = Proposal(
        label,
        task,
        positive,
        why,
        float(shares.max()),
        float(np.nanstd(values[label].numbers)) if task == "regression" else 0.0,
        tuple(label_column if name == label else columns[name] for name in types),
        ids,
        tuple(annotators),
    )
    if not any(column.is_feature for column in proposal.columns):
        reasons = "; ".join(f"{column.name}: {column.suspicious or column.kind}" for column in columns.values())
        raise InputError(f"no column can be a feature ({reasons or 'the label is the only column'})")
    return proposal


def check_annotators(annotators: Sequence[str], types: Mapping[str, str], label: str, task: Task) -> None:
    """Raises UsageError for what [audit] annotators would not accept either, before anything is written."""
    for name in annotators:
        if name not in types:
            near = did_you_mean(name, types)
            raise UsageError(f"--annotators {name}: no such column; {near}available: {', '.join(types)[:1000]}")
        if name == label:
            raise UsageError(f"--annotators {name}: this is the label; give the columns of the annotators beside it")
        if types[name] not in ANNOTATION_TYPES:
            raise UsageError(
                f"--annotators {name}: the column is {types[name]}; agreement compares classes: "
                f"{' or '.join(ANNOTATION_TYPES)}"
            )
    if annotators and len(set(annotators)) < max(2, len(annotators)):
        raise UsageError(f"--annotators {','.join(annotators)}: give at least two columns, each once")
    if annotators and task == "regression":
        raise UsageError("--annotators: agreement compares classes, and this label is a number; take it out")


def _ids(columns: Mapping[str, DraftColumn], values: Mapping[str, Values]) -> Names:
    """The id columns, whose hash assigns rows to train and eval.

    If the values of an id repeat, only the id with the most rows per value is used, so that all rows of a visitor, for
    instance, are in the same split.
    """
    found = [column for column in columns.values() if column.kind == "id"]
    if not found:
        return ()
    named = [column for column in found if named_id(values[column.name]) or column.note == "row number"]
    return (min(named or found, key=lambda column: column.distinct).name,)
