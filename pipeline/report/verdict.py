"""The verdict of a run (pushed, blessed, not blessed or stopped), its reasons and further notices."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.evaluator.baseline_comparison import AGAINST_LINEAR
from components.evaluator.findings import LinearBaseline, SimplerModelAhead
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from components.shared.statistics.slice_sizes import EVERY_SLICE
from pipeline.report.facts import ReportData
from pipeline.report.finding_sentences import in_a_sentence, line_name, sentence
from pipeline.report.formatting import fixed, listed, metric_name, spans
from pipeline.report.metric_rows import metric_rows
from pipeline.run_history.cautions import caution_text, cautions

MAX_NOTES = 4


@dataclass(frozen=True)
class RunVerdict:
    """Outcome of a run. `kind` is good, bad or stopped; `why` holds sentences."""

    kind: str
    headline: str
    lead: str
    why: tuple[str, ...]


def verdict(facts: ReportData) -> RunVerdict:
    """Describes the outcome of a run in words."""
    summary = facts.summary
    if summary.get("stopped"):
        failed = next((row["id"] for row in summary["components"] if row["state"] == "failed"), None)
        gate = failed in ("DataGate", None)
        return RunVerdict(
            "stopped",
            "Stopped by the data gate" if gate else f"Stopped: {failed} failed",
            "No model was trained and evaluated." if not summary["metrics"] else "Results up to that step are below.",
            (summary["stopped"][:1].upper() + summary["stopped"][1:],),
        )
    champion = summary["champion"]
    against = f"champion version {champion['version']}" if champion else None
    if summary["pushed"] is not None:
        return RunVerdict("good", f"Pushed as version {summary['pushed']}", _passed(against), _criteria(facts, against))
    if summary["blessed"]:
        return RunVerdict("good", "Blessed, not pushed", f"{_passed(against)} It was not pushed.", ())
    if not summary["metrics"]:
        return RunVerdict("stopped", "No model was evaluated", "The run ended before evaluation.", ())
    violations = facts.violations
    count = len(violations)
    lead = f"The candidate has {count} {'violation' if count == 1 else 'violations'}" if count else "It was not blessed"
    kept = f"; {against} stays live." if against else "."
    return RunVerdict("bad", "Not pushed", lead + kept, tuple(map(sentence, violations)))


def _passed(against: str | None) -> str:
    if against is None:
        return "The candidate reaches all absolute thresholds; there is no champion yet to compare with."
    return (
        f"The candidate reaches all absolute thresholds and is not worse than {against} by more than the tolerance "
        "on the same rows."
    )


def _criteria(facts: ReportData, against: str | None) -> tuple[str, ...]:
    """The thresholds and tolerances of the evaluation settings with the values that the candidate reached."""
    policy, criteria = facts.policy, []
    overall, slices = dict(policy.get("thresholds") or {}), dict(policy.get("slice_thresholds") or {})
    metrics = facts.summary["metrics"]
    if overall:
        reached = {name: _reached(metrics.get(name)) for name in overall}
        criteria.append(f"Thresholds, all rows: {_bounds(overall, reached)}.")
    if slices:
        least = policy.get("min_slice_rows", EVERY_SLICE)
        found = {name: _lowest(facts, name, least) for name in slices}
        criteria.append(f"Thresholds, every slice of at least {least:,} rows: {_bounds(slices, found)}.")
    tolerance = dict(policy.get("tolerance") or {})
    if against and tolerance:
        rows = {row.key: row.champion.difference for row in metric_rows(facts)}
        allowed = ", ".join(
            f"{metric_name(name)} {value:g}" + _difference(rows.get(name, "")) for name, value in tolerance.items()
        )
        criteria.append(f"Tolerance against {against}: {allowed}.")
    slice_tolerance = dict(policy.get("slice_tolerance") or {})
    if against and slice_tolerance:
        least = policy.get("min_slice_rows", EVERY_SLICE)
        allowed = ", ".join(f"{metric_name(name)} {value:g}" for name, value in slice_tolerance.items())
        criteria.append(f"Tolerance against {against}, every slice of at least {least:,} rows: {allowed}.")
    return tuple(criteria)


def _difference(difference: str) -> str:
    if not difference:
        return ""
    return f" (difference {difference})" if difference.strip("0.") else " (no difference)"


def _bounds(bounds: Mapping[str, float], reached: Mapping[str, str]) -> str:
    return ", ".join(
        f"{metric_name(name)} {'≤' if name in LOWER_IS_BETTER else '≥'} {value:g}{reached[name]}"
        for name, value in bounds.items()
    )


def _reached(value: float | None) -> str:
    return "" if value is None else f" (candidate {fixed(value)})"


def _lowest(facts: ReportData, metric: str, least: int) -> str:
    """The worst value among the slices with at least `least` rows."""
    known = {
        name: value
        for name, found in facts.slices.items()
        if (found.get("rows") or 0) >= least and (value := found.get(metric)) is not None
    }
    if not known:
        return ""
    falling = metric in LOWER_IS_BETTER
    name = (max if falling else min)(known, key=lambda each: known[each])
    return f" ({'highest' if falling else 'lowest'} {fixed(known[name])}, {name})"


@dataclass(frozen=True)
class Note:
    """A notice of the verdict. `kind` is fine, warning, level (not significantly different) or unknown (not tested)."""

    kind: str
    text: str


def notes(facts: ReportData) -> tuple[Note, ...]:
    """Notices of a run that do not depend on the verdict.

    Order: cautions about the whole run (prior shift, a short window); the comparison with the linear baseline by 95 %
    intervals of the differences; the evaluator's other notices, at most MAX_NOTES, with the number of the others.
    """
    first = tuple(Note("warning", f"{sentence(caution_text(one))}.") for one in cautions(facts.summary))
    if not facts.summary["metrics"]:
        return first
    # Violations are listed among the reasons.
    blocked = any(isinstance(one, LinearBaseline) for one in facts.violations)
    lined = () if blocked else _beside_the_line(facts)
    others = [one for one in facts.notices if not (lined and isinstance(one, LinearBaseline | SimplerModelAhead))]
    found = [Note("warning", f"{sentence(one)}.") for one in others]
    more = len(found) - MAX_NOTES
    if more > 0:
        found = [*found[:MAX_NOTES], Note("warning", f"And {more:,} more in verdict.json.")]
    return *first, *lined, *found


def _beside_the_line(facts: ReportData) -> tuple[Note, ...]:
    """A note on the task's main metric, and one that names the metrics in which the linear baseline is better."""
    rows = [row for row in metric_rows(facts) if row.linear.difference]
    main = next((row for row in rows if row.key == AGAINST_LINEAR[facts.task]), None)
    if main is None:
        return ()
    line, metric, linear = line_name(facts.task), in_a_sentence(main.key), main.linear
    both, apart = f"{main.value} against {linear.value}", f"{linear.difference} ({linear.interval})"
    if not linear.difference.strip("0."):
        first = Note("level", f"Equal to {line} in {metric}: {main.value}.")
    elif not linear.interval:
        figures = f"{line.capitalize()} has {metric} {linear.value}, the candidate {main.value}"
        first = Note("unknown", f"{figures}; the difference was not tested.")
    elif linear.chance:
        first = Note("level", f"Not significantly different from {line} in {metric}: {both}, difference {apart}.")
    elif linear.better:
        first = Note("fine", f"Better than {line} in {metric}: {both}, {apart}.")
    else:
        first = Note("warning", f"Worse than {line} in {metric}: {both}, {apart}.")
    # Precision and recall trade off against each other with the threshold; F1 combines both.
    behind = [
        f"{in_a_sentence(row.key)} ({row.linear.difference})"
        for row in rows
        if row.linear.interval and row.linear.better is False and row.key not in (main.key, "precision", "recall")
    ]
    if not behind:
        return (first,)
    return first, Note("warning", f"Significantly worse than {line} in {listed(behind)}.")


def title(facts: ReportData) -> str:
    """Heading of a run's report, such as "flights, span 8"."""
    found = facts.summary["spans"]
    if found["train"] == found["eval"]:
        return str(facts.summary["dataset"])
    return f"{facts.summary['dataset']}, {spans(found['eval'])}"
