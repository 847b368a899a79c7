"""What a look found, as text for a terminal and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.incident import Incident
from monitor.measurement import Measurement
from monitor.store import MonitorStore
from monitor.watch import LookedWindow

PERFORMANCE = ("performance", "estimated_performance", "label_coverage", "concept_drift", "prior_shift")
_ORDER = {"severe": 0, "moderate": 1, "negligible": 2}
_NAMED = 3


@dataclass(frozen=True)
class LookFound:
    """A look as JSON: the windows that it measured, and the incidents and retrainings as they are now."""

    looked: Sequence[LookedWindow]
    incidents: Sequence[Incident]
    retraining: Sequence[dict[str, Any]]
    messages: Sequence[str]

    @classmethod
    def of(cls, store: MonitorStore, looked: Sequence[LookedWindow], messages: Sequence[str]) -> "LookFound":
        """Reads incidents that are not closed, or changed, and retrainings from the store."""
        changed = {one.number for window in looked for one in window.incidents}
        incidents = [one for one in store.incidents() if one.state != "closed" or one.number in changed]
        said = [message for window in looked for message in window.messages]
        return cls(looked, incidents, store.retrainings(), [*messages, *said])

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `plumbline monitor --json`.

        `windows`, `drift` (measurements of all kinds that need no labels, each with the number of its window),
        `performance` (the others), `incidents`, `retraining`, `messages`.
        """
        drift: list[dict[str, Any]] = []
        performance: list[dict[str, Any]] = []
        for one in self.looked:
            for measured in one.measurements:
                row = {"window": one.window.number, **measured.to_json()}
                (performance if measured.kind in PERFORMANCE else drift).append(row)
        return {
            "windows": [{**one.window.to_json(), "new": one.is_new, "alarms": len(one.alarms)} for one in self.looked],
            "drift": drift,
            "performance": performance,
            "incidents": [one.to_json() for one in self.incidents],
            "retraining": list(self.retraining),
            "messages": list(self.messages),
        }


def window_line(looked: LookedWindow) -> str:
    """One line for a window: when, rows, versions, labels, and what changed most."""
    one = looked.window
    span = f"{one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M}"
    again = "" if looked.is_new else ", measured again"
    if not one.rows:
        return f"window {one.number}  {span}  no rows ({one.requests:,} requests){again}"
    versions = ", ".join(f"{version}" for version in one.versions)
    labels = f"{100 * one.labelled / one.rows:.0f} % labelled{' (mature)' if one.state == 'mature' else ''}"
    return (
        f"window {one.number}  {span}  {one.rows:,} rows  version {versions}  {labels}  "
        f"{change_text(looked.measurements)}{again}"
    )


def change_text(measurements: Sequence[Measurement]) -> str:
    """The largest changes that are at least moderate, by level, weight and effect: "severe: skew of distance 0.31"."""
    found = [one for one in measurements if one.level != "negligible" and not one.slice]
    if not found:
        return "nothing notable"
    found.sort(key=lambda one: (_ORDER[one.level], -one.weight * one.effect / max(one.severe, 1e-12)))
    named = [f"{one.kind.replace('_', ' ')} of {one.subject} {_value(one)}" for one in found[:_NAMED]]
    more = f", {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{found[0].level}: {', '.join(named)}{more}"


def _value(one: Measurement) -> str:
    if one.value is None:
        return "unknown"
    return f"{100 * one.value:.3g} %" if one.measure in ("share", "rate") and not one.unit else f"{one.value:.3g}"


def incident_text(one: Incident) -> str:
    """A block for an incident."""
    lines = [f"  incident {one.number}, {one.level}, {one.state}: {one.title}"]
    for cause in one.causes[:_NAMED]:
        parts = [f"at {cause.at}" if cause.at else "", f"in {cause.slice}" if cause.slice else ""]
        parts += [f"since {cause.since[:16]}" if cause.since else "", f"from {cause.source}" if cause.source else ""]
        lines.append(f"    {cause.subject}: {', '.join(part for part in parts if part) or 'everywhere'}")
    if one.harm is not None:
        lines.append(f"    loss of the metric: {one.harm:.3g}")
    return "\n".join(lines)
