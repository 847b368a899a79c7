"""Doubtful rows in the form of corrections.csv, for a person to fill in."""

import csv
import io
from collections.abc import Sequence

from components.label_audit.audit import Issue

COLUMNS = ("id", "field", "value", "reason", "by", "when")
"""`value` and `by` are left empty: nothing is relabelled without a person."""


def corrections_csv(issues: Sequence[Issue], label: str, repeated: frozenset[str] = frozenset()) -> tuple[str, int]:
    """Issues as CSV, one a row, worst first.

    A person writes the right label into `value`, or empties `field` and writes `drop` into `value`, and signs in `by`;
    lines left without a value change nothing.

    Args:
      issues: Each with an id; one without cannot be corrected by id and is left out.
      label: The label column.
      repeated: Ids that several rows have; they are left out, too: a correction would hit all of these rows.

    Returns:
      The text, and how many issues it holds.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for issue in issues:
        if issue.id is None or issue.id in repeated:
            continue
        reason = f"audit: labelled {issue.label}, looks like {issue.suggested} (quality {issue.quality:.3f})"
        writer.writerow([issue.id, label, "", reason, "", ""])
        count += 1
    return text.getvalue(), count
