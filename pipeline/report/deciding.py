"""Where a binary model decides, what comes of it, and whether its scores mean what they say."""

from dataclasses import dataclass

from components.model_card.card import decided_by
from pipeline.report.facts import Facts, Matrix
from pipeline.report.words import METRICS, percent


@dataclass(frozen=True)
class Confusion:
    """A model's confusion matrix: counts, and beside them what share of their row they are."""

    who: str
    threshold: str
    hits: tuple[str, str]
    misses: tuple[str, str]
    false_alarms: tuple[str, str]
    rightly_left: tuple[str, str]


@dataclass(frozen=True)
class Deciding:
    """How a model decides: a sentence, and the confusion matrix of the candidate and perhaps of the champion."""

    says: str
    tables: tuple[Confusion, ...]


def deciding(facts: Facts) -> Deciding | None:
    """The candidate's decision threshold and what comes of it; None where there is none."""
    names = {"candidate": "Candidate"}
    if champion := facts.summary["champion"]:
        names["champion"] = f"Champion v{champion['version']}"
    found = {model: (name, matrix) for model, name in names.items() if (matrix := facts.decision(model)) is not None}
    if "candidate" not in found:
        return None
    at = found["candidate"][1]
    by = decided_by(facts.bar)
    called, there, rows = at.tp + at.fp, at.tp + at.fn, at.tp + at.fn + at.fp + at.tn
    says = (
        f"Decision threshold {at.threshold:.2f}, selected on the validation split by {METRICS.get(by, by)}. "
        f"{percent(_share(called, rows))} of the rows have a score of at least that and are predicted positive; "
        f"precision is {percent(_share(at.tp, called))}, recall {percent(_share(at.tp, there))}."
    )
    return Deciding(says, tuple(_confusion(name, matrix) for name, matrix in found.values()))


def calibrated(facts: Facts) -> str:
    """Calibration in a sentence or two; empty where it was not measured."""
    metrics = facts.summary["metrics"]
    error, ratio, at = metrics.get("calibration_error"), metrics.get("calibration"), facts.decision("candidate")
    said = []
    if error is not None:
        what = "the share that is positive" if facts.task == "binary" else "accuracy"
        said.append(f"Expected calibration error: scores differ from {what} by {_points(error)} on average.")
    if ratio is not None and at is not None:
        base = _share(at.tp + at.fn, at.tp + at.fn + at.fp + at.tn) or 0.0
        off = base * (ratio - 1)
        how = f": too {'high' if off > 0 else 'low'} by {_points(abs(off))}" if abs(off) >= 0.0005 else ""
        said.append(f"The mean score is {percent(base * ratio)}; {percent(base)} of the rows are positive{how}.")
    return " ".join(said)


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
