"""The verdict of a run: what became of its model, why, and what should be known of it besides."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.evaluator.assessing import AGAINST_LINEAR
from components.evaluator.verdict import LOWER_IS_BETTER
from pipeline.report.facts import Facts
from pipeline.report.metric_rows import metric_rows
from pipeline.report.reasons import about_the_line, in_a_sentence, line_name, said, the_line
from pipeline.report.words import fixed, metric_name, spans

MOST_NOTES = 4


@dataclass(frozen=True)
class Verdict:
    """What became of the run. `kind` is good, bad or stopped; `why` is a list of plain sentences."""

    kind: str
    headline: str
    lead: str
    why: tuple[str, ...]


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


def _passed(against: str | None) -> str:
    if against is None:
        return "The first model: it reaches every threshold, and there is no champion yet to compare with."
    return f"It reaches every threshold and is no worse than {against} beyond the tolerance, on the same rows."


def _asked(facts: Facts, against: str | None) -> tuple[str, ...]:
    """What was asked of it, from the settings, and what it reached."""
    bar, asked = facts.bar, []
    overall, slices = dict(bar.get("thresholds") or {}), dict(bar.get("slice_thresholds") or {})
    metrics = facts.summary["metrics"]
    if overall:
        asked.append(f"Asked overall: {_bars(overall, {name: _has(metrics.get(name)) for name in overall})}.")
    if slices:
        least = bar.get("min_slice_rows", 1)
        found = {name: _lowest(facts, name, least) for name in slices}
        asked.append(f"Asked on every slice of at least {least:,} rows: {_bars(slices, found)}.")
    tolerance = dict(bar.get("tolerance") or {})
    if against and tolerance:
        rows = {row.key: row.champion.difference for row in metric_rows(facts)}
        allowed = ", ".join(
            f"{metric_name(name)} {value:g}" + _apart(rows.get(name, "")) for name, value in tolerance.items()
        )
        asked.append(f"Allowed below {against}: {allowed}.")
    return tuple(asked)


def _apart(difference: str) -> str:
    if not difference:
        return ""
    return f" (it is {difference})" if difference.strip("0.") else " (it is the same)"


def _bars(asked: Mapping[str, float], has: Mapping[str, str]) -> str:
    return ", ".join(
        f"{metric_name(name)} {'at most' if name in LOWER_IS_BETTER else 'at least'} {value:g}{has[name]}"
        for name, value in asked.items()
    )


def _has(value: float | None) -> str:
    return "" if value is None else f" (it has {fixed(value)})"


def _lowest(facts: Facts, metric: str, least: int) -> str:
    """The slice that comes closest to the threshold, of those that count."""
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


def notes(facts: Facts) -> tuple[tuple[bool, str], ...]:
    """What should be known of the candidate whatever the verdict: (is it a reason to mind, a sentence).

    First how it stands beside a line; then the evaluator's warnings, MOST_NOTES at most, and how many more there are.
    """
    if not facts.summary["metrics"]:
        return ()
    warnings = [*(facts.evaluation.get("warnings") or facts.summary.get("warnings") or ())]
    lined = [text for text in warnings if about_the_line(text)]
    found = [(True, f"{said(text)}.") for text in warnings if text not in lined]
    more = len(found) - MOST_NOTES
    if more > 0:
        found = [*found[:MOST_NOTES], (True, f"And {more:,} more in verdict.json.")]
    if any(map(about_the_line, facts.summary["reasons"])):
        return tuple(found)  # said already
    metric = AGAINST_LINEAR[facts.task]
    row = next((row for row in metric_rows(facts) if row.key == metric), None)
    if row is None or not row.linear.difference:
        return tuple(found)
    if lined:
        sentence = the_line(metric, row.value, row.linear.value, lined[0].endswith("within chance"))
        return (True, f"{sentence}."), *found
    apart = f", {row.linear.difference} ({row.linear.interval})" if row.linear.interval else ""
    how = "Ahead of" if row.linear.better else "Level with"
    sentence = f"{how} {line_name(facts.task)} in {in_a_sentence(metric)}: {row.value} against {row.linear.value}"
    return (False, f"{sentence}{apart}."), *found


def title(facts: Facts) -> str:
    """The run's name for a heading: "flights, span 8"."""
    found = facts.summary["spans"]
    if found["train"] == found["eval"]:
        return str(facts.summary["dataset"])
    return f"{facts.summary['dataset']}, {spans(found['eval'])}"
