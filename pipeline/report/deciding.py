"""Where a binary model decides, what comes of it, and whether its scores mean what they say."""

from dataclasses import dataclass

from components.pusher.card import decided_by
from pipeline.report.facts import Facts, Matrix
from pipeline.report.metric_rows import decision
from pipeline.report.model_charts import positives
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
    champion = facts.summary["champion"] or {}
    models = {"candidate": ("Candidate", facts.summary["metrics"].get("threshold"))}
    if champion:
        name = f"Champion v{champion['version']}"
        models["champion"] = (name, (champion.get("metrics") or {}).get("threshold"))
    found = {
        model: (name, matrix)
        for model, (name, threshold) in models.items()
        if (matrix := decision(facts.curves.get(model, ()), threshold)) is not None
    }
    if "candidate" not in found:
        return None
    at, threshold = found["candidate"][1], models["candidate"][1]
    by = decided_by(facts.bar)
    called, there, rows = at.tp + at.fp, at.tp + at.fn, at.tp + at.fn + at.fp + at.tn
    says = (
        f"From a score of {threshold:.2f} on, a row is called positive: on the validation rows that was best in "
        f"{METRICS.get(by, by)}. So {percent(_share(called, rows))} of the rows are called positive; of these "
        f"{percent(_share(at.tp, called))} are (precision), and {percent(_share(at.tp, there))} of all positives are "
        "found (recall)."
    )
    return Deciding(says, tuple(_confusion(name, matrix) for name, matrix in found.values()))


def calibrated(facts: Facts) -> str:
    """Whether scores mean what they say, in a sentence; empty where that cannot be told."""
    metrics = facts.summary["metrics"]
    error, ratio = metrics.get("calibration_error"), metrics.get("calibration")
    said = []
    if error is not None:
        what = "the share that is positive" if facts.task == "binary" else "how often it is right"
        said.append(f"On average a score lies {_points(error)} off {what}.")
    if ratio is not None and facts.curves.get("candidate"):
        base = _share(*positives(facts.curves["candidate"])) or 0.0
        off = base * (ratio - 1)
        how = f", too {'high' if off > 0 else 'low'} by {_points(abs(off))}" if abs(off) >= 0.0005 else ""
        said.append(f"In all it says {percent(base * ratio)}, and {percent(base)} are positive{how}.")
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
    return f"{100 * share:.1f} points"
