"""The verdict of a run: what became of its model, why, and its metrics against the champion's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.evaluator.verdict import LOWER_IS_BETTER
from pipeline.report import intervals
from pipeline.report.facts import Facts, Matrix
from pipeline.report.words import better, fixed, metric_name, shown_metrics, signed, spans

_REASON = re.compile(r"(\w+)(?: on (.+))? (\S+) ([<>]) (\S+) \((threshold|champion)\)")
"""What `components.evaluator.verdict.Shortfall` writes."""

TILES = ("auc", "average_precision", "f1", "accuracy", "log_loss", "rmse", "mae")


@dataclass(frozen=True)
class Verdict:
    """What became of the run. `kind` is good, bad or stopped; `why` is a list of plain sentences."""

    kind: str
    headline: str
    lead: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class MetricRow:
    """One metric, ready to be shown; texts are empty where there is nothing to say. `better`: None is neither."""

    key: str
    name: str
    value: str
    interval: str
    champion: str
    difference: str
    better: bool | None


def verdict(facts: Facts) -> Verdict:
    """The verdict in words."""
    summary = facts.summary
    if summary.get("stopped"):
        failed = next((row["id"] for row in summary["components"] if row["state"] == "failed"), None)
        gate = failed in ("DataGate", None)
        return Verdict(
            "stopped",
            "Stopped by the data gate" if gate else f"Stopped: {failed} failed",
            "No model was made from these data." if not summary["metrics"] else "What was made so far is below.",
            (summary["stopped"],),
        )
    champion = summary["champion"]
    against = f"champion version {champion['version']}" if champion else None
    if summary["pushed"] is not None:
        return Verdict("good", f"Pushed as version {summary['pushed']}", _passed(against), _asked(facts, against))
    if summary["blessed"]:
        return Verdict("good", "Blessed, not pushed", f"{_passed(against)} No version was made of it.", ())
    if not summary["metrics"]:
        return Verdict("stopped", "No model was evaluated", "The run ended before there were metrics.", ())
    count = len(summary["reasons"])
    lead = f"The candidate falls short in {count} {'way' if count == 1 else 'ways'}" if count else "It was not blessed"
    kept = f"; {against} stays." if against else "."
    return Verdict("bad", "Not pushed", lead + kept, tuple(said(reason) for reason in summary["reasons"]))


def said(reason: str) -> str:
    """A shortfall as a sentence: "auc on origin=LGA 0.5 < 0.6 (threshold)" -> "AUC on origin=LGA is 0.5, below ..."."""
    found = _REASON.fullmatch(reason)
    if found is None:
        return reason
    metric, slice_, value, sign, bar, against = found.groups()
    where = f" on {slice_}" if slice_ else ""
    asks = "that the champion asks for" if against == "champion" else "of the threshold"
    return f"{metric_name(metric)}{where} is {value}, {'below' if sign == '<' else 'above'} the {bar} {asks}"


def _passed(against: str | None) -> str:
    if against is None:
        return "The first model: it reaches every threshold, and there is no champion yet to compare with."
    return f"It reaches every threshold and is no worse than {against} beyond the tolerance, on the same rows."


def _asked(facts: Facts, against: str | None) -> tuple[str, ...]:
    """What was asked of it, from the settings."""
    bar, said = facts.bar, []
    overall, slices = dict(bar.get("thresholds") or {}), dict(bar.get("slice_thresholds") or {})
    if overall:
        said.append(f"Asked overall: {_bars(overall)}.")
    if slices:
        said.append(f"Asked on every slice of at least {bar.get('min_slice_rows', 1):,} rows: {_bars(slices)}.")
    if against and bar.get("tolerance"):
        allowed = ", ".join(f"{metric_name(name)} {value:g}" for name, value in bar["tolerance"].items())
        said.append(f"Allowed below {against}: {allowed}.")
    return tuple(said)


def _bars(asked: Mapping[str, float]) -> str:
    return ", ".join(
        f"{metric_name(name)} {'at most' if name in LOWER_IS_BETTER else 'at least'} {value:g}"
        for name, value in asked.items()
    )


def title(facts: Facts) -> str:
    """The run's name for a heading: "flights, span 8"."""
    found = facts.summary["spans"]
    if found["train"] == found["eval"]:
        return str(facts.summary["dataset"])
    return f"{facts.summary['dataset']}, {spans(found['eval'])}"


def metric_rows(facts: Facts) -> list[MetricRow]:
    """Every metric of the candidate, with its interval and the champion's figure on the same rows."""
    metrics: dict[str, Any] = dict(facts.summary["metrics"])
    before = (facts.summary["champion"] or {}).get("metrics", {})
    rows = []
    for name in shown_metrics(metrics):
        value, champion = metrics[name], before.get(name)
        known = value is not None and champion is not None
        # A threshold is chosen, not measured.
        interval = _interval(name, value, metrics, facts.curves.get("candidate", ()))
        rows.append(
            MetricRow(
                name,
                metric_name(name),
                "unknown" if value is None else fixed(value),
                f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
                "" if champion is None else fixed(champion),
                signed(value - champion) if known else "",
                better(name, value - champion) if known else None,
            )
        )
    return rows


def tiles(rows: list[MetricRow]) -> list[MetricRow]:
    """The three metrics that matter most."""
    by_key = {row.key: row for row in rows}
    return [by_key[name] for name in TILES if name in by_key][:3]


def _interval(
    name: str, value: float | None, metrics: Mapping[str, float | None], matrices: tuple[Matrix, ...]
) -> tuple[float, float] | None:
    rows = metrics.get("rows")
    if value is None or not rows:
        return None
    if name == "accuracy":
        return intervals.wilson(value * rows, rows)
    if not matrices:
        return None
    positives, negatives = matrices[0].tp + matrices[0].fn, matrices[0].fp + matrices[0].tn
    if name == "auc":
        return intervals.auc(value, positives, negatives)
    if name == "average_precision":
        return intervals.average_precision(value, positives)
    at = decision(matrices, metrics.get("threshold"))
    if at is not None and name == "precision":
        return intervals.wilson(at.tp, at.tp + at.fp)
    if at is not None and name == "recall":
        return intervals.wilson(at.tp, at.tp + at.fn)
    return None


def decision(matrices: tuple[Matrix, ...], threshold: float | None) -> Matrix | None:
    """The confusion matrix where the model decides."""
    if threshold is None or not matrices:
        return None
    return min(matrices, key=lambda row: abs(row.threshold - threshold))
