"""Decision threshold, confusion matrices and calibration of a binary model."""

from dataclasses import dataclass

from components.model_card.card import decided_by
from pipeline.report.facts import Matrix, ReportData
from pipeline.report.formatting import REPORT_METRIC_NAMES, percent


@dataclass(frozen=True)
class Confusion:
    """A model's confusion matrix as text: (count, share of the rows with the same label)."""

    who: str
    threshold: str
    true_positives: tuple[str, str]
    false_negatives: tuple[str, str]
    false_positives: tuple[str, str]
    true_negatives: tuple[str, str]


@dataclass(frozen=True)
class ThresholdSummary:
    """Decision threshold in a sentence, and confusion matrices of the candidate and of the champion, if any."""

    text: str
    tables: tuple[Confusion, ...]


def deciding(facts: ReportData) -> ThresholdSummary | None:
    """Describes the candidate's decision threshold; None for tasks without one."""
    names = {"candidate": "Candidate"}
    if champion := facts.summary["champion"]:
        names["champion"] = f"Champion v{champion['version']}"
    found = {model: (name, matrix) for model, name in names.items() if (matrix := facts.decision(model)) is not None}
    if "candidate" not in found:
        return None
    at = found["candidate"][1]
    by = decided_by(facts.policy)
    called, there, rows = at.tp + at.fp, at.tp + at.fn, at.tp + at.fn + at.fp + at.tn
    metric = REPORT_METRIC_NAMES.get(by, by)
    text = (
        f"Decision threshold {at.threshold:.2f}, selected on the validation split by {metric}. "
        f"{percent(_share(called, rows))} of the rows are predicted positive; "
        f"precision is {percent(_share(at.tp, called))}, recall {percent(_share(at.tp, there))}."
    )
    return ThresholdSummary(text, tuple(_confusion(name, matrix) for name, matrix in found.values()))


def calibrated(facts: ReportData) -> str:
    """Describes calibration in one or two sentences; empty where it was not measured."""
    metrics = facts.summary["metrics"]
    error, ratio, at = metrics.get("calibration_error"), metrics.get("calibration"), facts.decision("candidate")
    sentences = []
    if error is not None:
        what = "the observed positive rate" if facts.task == "binary" else "accuracy"
        sentences.append(f"Expected calibration error: scores differ from {what} by {_points(error)} on average.")
    if ratio is not None and at is not None:
        base = _share(at.tp + at.fn, at.tp + at.fn + at.fp + at.tn) or 0.0
        off = base * (ratio - 1)
        how = f": too {'high' if off > 0 else 'low'} by {_points(abs(off))}" if abs(off) >= 0.0005 else ""
        sentences.append(f"The mean score is {percent(base * ratio)}; {percent(base)} of the rows are positive{how}.")
    return " ".join(sentences)


def _confusion(who: str, at: Matrix) -> Confusion:
    there, not_there = at.tp + at.fn, at.fp + at.tn

    def cell(count: float, whole: float) -> tuple[str, str]:
        return f"{count:,.0f}", percent(_share(count, whole))

    return Confusion(
        who,
        f"{at.threshold:.2f}",
        cell(at.tp, there),
        cell(at.fn, there),
        cell(at.fp, not_there),
        cell(at.tn, not_there),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"
