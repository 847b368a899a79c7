"""The canary's evidence over its looks: each check's difference with its confidence sequence, margin and harm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from monitor.dashboard.chart import Band, Chart, Dot, Line, draw
from monitor.dashboard.formatting import counted, figure, moment, percent, sentence
from monitor.dashboard.history import History

MAX_LOOKS = 200
"""Looks in a chart; of more, evenly spaced ones and the last."""
MAX_DECISIONS = 12

_DONE = {
    "promote": "promoted version {version}",
    "rollback": "rolled back version {version}",
    "canary": "started canary {version} with {share} of the requests",
    "share": "gave canary {version} {share} of the requests",
    "shadow": "started shadow {version}",
    "stop": "stopped version {version}",
}
_STATES = {"harm": "harm shown", "non-inferior": "within the margin", "undecided": "undecided", "no data": "no data"}


@dataclass(frozen=True)
class CheckChart:
    """One check: its name, chart (None without data), state at the last look, and the difference there."""

    name: str
    chart: Markup | None
    state: str
    kind: str
    latest: str


@dataclass(frozen=True)
class CanaryEvidence:
    """The looks at one canary.

    Attributes:
      title: The canary, and what became of it.
      reasons: Reasons at the last look.
      checks: One for each check.
      looks: Number of looks.
    """

    title: str
    reasons: str
    checks: Sequence[CheckChart]
    looks: int


def canary_evidence(history: History) -> CanaryEvidence | None:
    """Returns the evidence about the present canary, else about the last one; None if there was no look."""
    looks = [line for line in history.journal if line["kind"] == "look" and line.get("findings")]
    aliases = history.aliases
    current = aliases.key if aliases is not None and aliases.canary is not None else ""
    if current:
        looks = [line for line in looks if line.get("key") == current]
    elif looks:
        looks = [line for line in looks if line.get("key") == looks[-1].get("key")]
    if not looks:
        return None
    last = looks[-1]
    count = len(looks)
    if count > MAX_LOOKS:
        looks = [looks[place * count // MAX_LOOKS] for place in range(MAX_LOOKS - 1)] + [last]
    names = [finding["name"] for finding in last["findings"]]
    checks = [_check(looks, name) for name in names]
    return CanaryEvidence(
        _title(last, bool(current)), sentence("; ".join(last.get("reasons", []))), [one for one in checks if one], count
    )


def decisions(history: History) -> list[tuple[str, str, str]]:
    """(time, what was done and by whom, reason) of the last decisions, newest first."""
    found = [line for line in history.journal if line["kind"] == "decision"][-MAX_DECISIONS:]
    rows = []
    for line in reversed(found):
        text = _DONE.get(str(line.get("action")), "{action} of version {version}")
        share = percent(float(line.get("share") or 0))
        done = text.format(action=line.get("action"), version=line.get("version"), share=share)
        by = "automatically" if line.get("by") == "automatic" else "by a person"
        rows.append(
            (moment(str(line.get("time", ""))), f"{done[:1].upper()}{done[1:]}, {by}", str(line.get("reason", "")))
        )
    return rows


def _title(last: Mapping[str, Any], current: bool) -> str:
    version, live = last.get("version"), last.get("live")
    if current:
        return f"Canary {version} against version {live}, {percent(last.get('share'))} of the requests"
    end = {"promote": "promoted", "rollback": "rolled back"}.get(str(last.get("action")), "ended")
    return f"Canary {version} against version {live}: {end}, last look {moment(str(last.get('time', '')))}"


def _check(looks: Sequence[Mapping[str, Any]], name: str) -> CheckChart | None:
    found = [next((one for one in look["findings"] if one["name"] == name), None) for look in looks]
    last = found[-1]
    if last is None:
        return None
    known = [one if one and one["estimate"] is not None else None for one in found]
    upper_state = {"harm": "severe", "non-inferior": "fine"}
    chart = Chart(
        [f"{_short(look['requests'])} req." for look in looks],
        lines=[Line([one["estimate"] if one else None for one in known], "estimate")],
        bands=[Band([_ends(one) for one in known], "estimate")],
        dots=[
            Dot(place, one["estimate"], upper_state[one["state"]])
            for place, one in enumerate(known)
            if one and one["state"] in upper_state and (place == len(known) - 1 or _turned(known, place))
        ],
        limits=[
            Line([0.0] * len(looks), "reference"),
            Line([one["margin"] if one else None for one in found], "moderate"),
            Line([one["harm_at"] if one else None for one in found], "harm"),
        ],
        rules=_steps(looks),
        shown=lambda value: f"{100 * value:.3g}%",
        most=4 * max(abs(float(last["margin"])), abs(float(last["estimate"] or 0.0))),
        bounds=(0.0 if last["check"] == "predictions" else None, None),
    )
    tips = [
        f"{moment(str(look['time']))}, {look['requests']:,} canary requests: "
        + (_difference(one) if one else "no data")
        for look, one in zip(looks, known, strict=True)
    ]
    latest = _difference(known[-1]) if known[-1] else "Too few observations yet"
    state = _STATES.get(last["state"], last["state"])
    kind = {"harm": "severe", "non-inferior": "fine"}.get(last["state"], "negligible")
    title = f"{name}: difference of the canary over {counted(len(looks), 'look')}; {latest}, {state}"
    drawn = draw(chart, title, tips) if any(known) else None
    return CheckChart(f"{name[:1].upper()}{name[1:]}", drawn, state, kind, latest)


def _turned(known: Sequence[Mapping[str, Any] | None], place: int) -> bool:
    before = known[place - 1] if place else None
    now = known[place]
    return now is not None and (before is None or before["state"] != now["state"])


def _ends(one: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """The confidence sequence; an end that is unknown yet lies outside the chart."""
    if one is None:
        return None
    low, high = one["lower"], one["upper"]
    return (-1e9 if low is None else low, 1e9 if high is None else high)


def _steps(looks: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    return [
        (place, percent(look["share"]))
        for place, look in enumerate(looks)
        if place and look["share"] != looks[place - 1]["share"]
    ]


def _difference(one: Mapping[str, Any] | None) -> str:
    if one is None or one["estimate"] is None:
        return "no data"
    unit = " points" if one["check"] in ("errors", "predictions") else ""
    low, high = (("?" if end is None else percent(end)) for end in (one["lower"], one["upper"]))
    return f"{percent(one['estimate'])}{unit} ({low} to {high}), margin {percent(one['margin'])}"


def _short(requests: int) -> str:
    return f"{requests / 1000:.3g}k" if requests >= 10_000 else figure(float(requests))
