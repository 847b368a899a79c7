"""Criteria for choosing a decision threshold, and their notation in the settings.

"f1"                  2 TP / (2 TP + FP + FN)
"accuracy"            (TP + TN) / N
"balanced_accuracy"   (TP / P + TN / N) / 2, of P positive and N negative rows
{"precision": 0.8}    the highest recall among thresholds with at least that precision
{"recall": 0.8}       the highest precision among thresholds with at least that recall
"""

from collections.abc import Mapping

Criterion = str | Mapping[str, float]
"""One of NAMES, or one of CONSTRAINTS with its minimum."""

NAMES = ("f1", "accuracy", "balanced_accuracy")
CONSTRAINTS = ("precision", "recall")


def criterion_error(by: Criterion) -> str:
    """Returns what is wrong with a criterion, as a clause; "" if it is valid."""
    if isinstance(by, str):
        return "" if by in NAMES else f"must be {', '.join(NAMES)}, or {{ precision = 0.8 }}, not {by!r}"
    if len(by) != 1 or next(iter(by)) not in CONSTRAINTS:
        return f"must name one of {' and '.join(CONSTRAINTS)}, as {{ precision = 0.8 }} does"
    ((name, least),) = by.items()
    return "" if 0 < least <= 1 else f"{name} must lie between 0 and 1, not {least:g}"
