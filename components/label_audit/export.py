"""Doubtful rows in the form of corrections.csv, for a person to fill in; filled in only by an explicit choice."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from components.label_audit.audit import Issue
from components.shared.texts.spreadsheet_formulas import escaped

COLUMNS = ("id", "field", "value", "reason", "by", "when")
"""`value`, `by` and `when` are left empty: nothing is relabelled without a person, or `Auto`."""


@dataclass(frozen=True)
class Auto:
    """The choice to take the suggestion where the audit is nearly sure.

    Attributes:
      threshold: The highest quality at which a label is replaced, in [0, 1]; 0 = surely wrong.
      model: What judged the labels.
      when: ISO 8601.
    """

    threshold: float
    model: str
    when: str

    def takes(self, issue: Issue) -> bool:
        """Whether this label is replaced."""
        return issue.quality <= self.threshold

    @property
    def by(self) -> str:
        """Who signs: no person, and by which rule."""
        return f"auto (quality <= {self.threshold:g}, model {self.model})"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
      rows: Issues in the file.
      filled: Of these, with the suggested label filled in.
      left_out: Issues without an id of their own.
    """

    rows: int
    filled: int
    left_out: int


def corrections_csv(
    issues: Sequence[Issue], label: str, repeated: frozenset[str] = frozenset(), auto: Auto | None = None
) -> tuple[str, Exported]:
    """Issues as CSV, one a row, worst first.

    A person writes the right label into `value`, or empties `field` and writes `drop` into `value`, and signs in `by`
    and `when`; lines left without a value change nothing. Cells that a spreadsheet would compute are escaped, see
    components.shared.texts.spreadsheet_formulas; ingest undoes it.

    Args:
      issues: Each with an id; one without cannot be corrected by id and is left out.
      label: The label column.
      repeated: Ids that several rows have; they are left out, too: a correction would hit all of these rows.
      auto: Which rows get the suggested label; None is none of them.

    Returns:
      The text, and what it holds.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = filled = 0
    for issue in issues:
        if issue.id is None or issue.id in repeated:
            continue
        count += 1
        # Nothing is suggested for a label that no other class comes near: an empty value would mean "missing".
        if auto is not None and auto.takes(issue) and issue.suggested:
            filled += 1
            reason = f"audit: labelled {issue.label}, looks like {issue.suggested} (quality {issue.quality:.3g})"
            row = [issue.id, label, issue.suggested, reason, auto.by, auto.when]
        else:
            reason = f"audit: labelled {issue.label}, looks like {issue.suggested} (quality {issue.quality:.3f})"
            row = [issue.id, label, "", reason, "", ""]
        writer.writerow(map(escaped, row))
    return text.getvalue(), Exported(count, filled, len(issues) - count)
