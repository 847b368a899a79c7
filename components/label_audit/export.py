"""Exports label issues in the format of corrections.csv, for review by a person."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from components.label_audit.audit import LabelIssue
from components.shared.texts.spreadsheet_formulas import escape_formula

COLUMNS = ("id", "field", "value", "reason", "by", "when")
"""Columns of corrections.csv. `value`, `by` and `when` stay empty without an `AutoCorrection`: a person relabels."""


@dataclass(frozen=True)
class AutoCorrection:
    """Automatic acceptance of suggested labels.

    Attributes:
      threshold: Label quality up to which a label is replaced, in [0, 1].
      model: Names of the models that scored the labels.
      when: Time of the correction, ISO 8601.
    """

    threshold: float
    model: str
    when: str

    def takes(self, issue: LabelIssue) -> bool:
        """Returns whether the label is replaced."""
        return issue.quality <= self.threshold

    @property
    def by(self) -> str:
        """Value of the column `by`: the rule instead of a person."""
        return f"auto (quality <= {self.threshold:g}, model {self.model})"


@dataclass(frozen=True)
class ExportCounts:
    """Counts of an export.

    Attributes:
      rows: Issues in the file.
      filled: Issues in the file with the suggested label filled in.
      left_out: Issues that are not in the file, because they have no unique id.
    """

    rows: int
    filled: int
    left_out: int


def label_issues_csv(
    issues: Sequence[LabelIssue], label: str, repeated: frozenset[str] = frozenset(), auto: AutoCorrection | None = None
) -> tuple[str, ExportCounts]:
    """Formats label issues as CSV, one line for each issue, in the given order.

    The reviewer writes the right label into `value` (or empties `field` and writes `drop` into `value` to drop the
    row), and signs in `by` and `when`. Lines without a value change nothing. Cells that a spreadsheet would evaluate as
    a formula are escaped, see components.shared.texts.spreadsheet_formulas; ingest removes the escapes.

    Args:
      issues: Label issues, lowest quality first. Issues without an id are left out, as corrections refer to ids.
      label: The label column.
      repeated: Ids of several rows. Their issues are left out, because a correction would change all of these rows.
      auto: Accepts suggested labels automatically; None for no row.

    Returns:
      The CSV text, and the counts.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = filled = 0
    for issue in issues:
        if issue.id is None or issue.id in repeated:
            continue
        count += 1
        # An issue without suggestion is not filled in: an empty value would set the label to missing.
        if auto is not None and auto.takes(issue) and issue.suggested:
            filled += 1
            reason = f"audit: labelled {issue.label}, looks like {issue.suggested} (quality {issue.quality:.3g})"
            row = [issue.id, label, issue.suggested, reason, auto.by, auto.when]
        else:
            reason = f"audit: labelled {issue.label}, looks like {issue.suggested} (quality {issue.quality:.3f})"
            row = [issue.id, label, "", reason, "", ""]
        writer.writerow(map(escape_formula, row))
    return text.getvalue(), ExportCounts(count, filled, len(issues) - count)
