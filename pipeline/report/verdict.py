"""The verdict of a run: what became of its model, why, and what should be known of it besides."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.evaluator.assessment import AGAINST_LINEAR
from components.evaluator.findings import LinearBaseline, SimplerModelAhead
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from pipeline.report.facts import Facts
from pipeline.report.metric_rows import metric_rows
from pipeline.report.reasons import in_a_sentence, line_name, sentence
from pipeline.report.words import fixed, listed, metric_name, spans
from pipeline.run_history.cautions import caution_text, cautions

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
            (summary["stopped"][:1].upper() + summary["stopped"][1:],),
        )
    champion = summary["champion"]
    against = f"champion version {champion['version']}" if champion else None
    if summary["pushed"] is not None:
        return Verdict("good", f"Pushed as version {summary['pushed']}", _passed(against), _asked(facts, against))
    if summary["blessed"]:
        return Verdict("good", "Blessed, not pushed", f"{_passed(against)} No version was made of it.", ())
    if not summary["metrics"]:
        return Verdict("stopped", "No model was evaluated", "The run ended before there were metrics.", ())
    violations = facts.violations
    count = len(violations)
    lead = f"The candidate has {count} {'violation' if count == 1 else 'violations'}" if count else "It was not blessed"
    kept = f"; {against} stays." if against else "."
    return Verdict("bad", "Not pushed", lead + kept, tuple(map(sentence, violations)))


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


@dataclass(frozen=True)
class Note:
    """A sentence. `kind` is fine, warning, level (neither better nor worse), or unknown."""

    kind: str
    text: str


def notes(facts: Facts) -> tuple[Note, ...]:
    """What should be known whatever the verdict.

    First what concerns the whole run (prior shift, a short window); then how the candidate compares with the linear
    baseline, by the 95 % intervals of the differences; then the evaluator's other notices, MOST_NOTES at most, and how
    many more there are.
    """
    first = tuple(Note("warning", f"{sentence(caution_text(one))}.") for one in cautions(facts.summary))
    if not facts.summary["metrics"]:
        return first
    # What prevented the blessing is among the reasons already.
    blocked = any(isinstance(one, LinearBaseline) for one in facts.violations)
    lined = () if blocked else _beside_the_line(facts)
    others = [one for one in facts.notices if not (lined and isinstance(one, LinearBaseline | SimplerModelAhead))]
    found = [Note("warning", f"{sentence(one)}.") for one in others]
    more = len(found) - MOST_NOTES
    if more > 0:
        found = [*found[:MOST_NOTES], Note("warning", f"And {more:,} more in verdict.json.")]
    return *first, *lined, *found


def _beside_the_line(facts: Facts) -> tuple[Note, ...]:
    """The main metric of the task, then all others in which the linear baseline is significantly better."""
    rows = [row for row in metric_rows(facts) if row.linear.difference]
    main = next((row for row in rows if row.key == AGAINST_LINEAR[facts.task]), None)
    if main is None:
        return ()
    line, metric, linear = line_name(facts.task), in_a_sentence(main.key), main.linear
    both, apart = f"{main.value} against {linear.value}", f"{linear.difference} ({linear.interval})"
    if not linear.difference.strip("0."):
        first = Note("level", f"As good as {line}: the same {metric}, {main.value}.")
    elif not linear.interval:
        figures = f"{line.capitalize()} reaches {metric} {linear.value}, the candidate {main.value}"
        first = Note("unknown", f"{figures}; the difference was not tested.")
    elif linear.chance:
        first = Note("level", f"As good as {line} in {metric}: {both}; the difference, {apart}, is not significant.")
    elif linear.better:
        first = Note("fine", f"Better than {line} in {metric}: {both}, {apart}.")
    else:
        first = Note("warning", f"Worse than {line} in {metric}: {both}, {apart}.")
    # Precision and recall move against each other with the threshold; F1 says what comes of both.
    behind = [
        f"{in_a_sentence(row.key)} ({row.linear.difference})"
        for row in rows
        if row.linear.interval and row.linear.better is False and row.key not in (main.key, "precision", "recall")
    ]
    if not behind:
        return (first,)
    return first, Note("warning", f"Significantly worse than {line} in {listed(behind)}.")


def title(facts: Facts) -> str:
    """The run's name for a heading: "flights, span 8"."""
    found = facts.summary["spans"]
    if found["train"] == found["eval"]:
        return str(facts.summary["dataset"])
    return f"{facts.summary['dataset']}, {spans(found['eval'])}"
