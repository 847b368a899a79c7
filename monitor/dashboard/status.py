"""The first lines of the dashboard: is something wrong, and the figures of the newest window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from monitor.dashboard.formatting import ago, counted, figure, listed, metric_name, moment, percent, seconds
from monitor.dashboard.history import History
from monitor.dashboard.series import ORDER, severity
from monitor.dashboard.traffic_charts import STYLES
from monitor.measurement import Level, Measurement

SHORTEST_SILENCE = timedelta(minutes=15)
SILENT_WINDOWS = 3
"""The monitor is silent if its last look is older than this many windows, and than SHORTEST_SILENCE."""
MAX_FINDINGS = 8


@dataclass(frozen=True)
class Tile:
    """A figure: its name, value, and a line below; `level` colours it."""

    name: str
    value: str
    below: str = ""
    level: Level = "negligible"


@dataclass(frozen=True)
class Status:
    """The state of a dataset: "fine", "moderate" or "severe"; its headline; notes; tiles."""

    kind: str
    headline: str
    lead: str
    notes: Sequence[str]
    tiles: Sequence[Tile]


def status(history: History) -> Status:
    """Returns the state; there has to be a window."""
    open_ones = [one for one in history.incidents if one.state != "closed"]
    severe = any(one.level == "severe" for one in open_ones)
    headline = counted(len(open_ones), "open incident") if open_ones else "No open incident"
    window = history.windows[-1]
    notes = list(history.problems)
    if history.looked is not None:
        silence = history.now - history.looked
        if silence > max(SHORTEST_SILENCE, SILENT_WINDOWS * (window.end - window.start)):
            notes.append(f"The monitor has not looked for {ago(silence)}; is `plumbline monitor` running?")
    lead = f"Window {window.number}, {moment(window.start)} to {moment(window.end)} UTC."
    return Status("severe" if severe else "moderate" if open_ones else "fine", headline, lead, notes, _tiles(history))


def findings(history: History) -> tuple[list[Measurement], int]:
    """Moderate and severe measurements of the newest window, severe and important ones first; and how many more."""
    found = [one for one in history.last if one.level != "negligible"]
    found.sort(key=lambda one: (-ORDER[one.level], -severity(one) * one.weight, one.subject))
    return found[:MAX_FINDINGS], max(0, len(found) - MAX_FINDINGS)


def _tiles(history: History) -> list[Tile]:
    tiles = [_version(history), *_performance(history), _columns(history), _traffic(history), *_latency(history)]
    return [tile for tile in tiles if tile is not None][: 2 * len(STYLES)]


def _version(history: History) -> Tile | None:
    aliases = history.aliases
    if aliases is None or aliases.live is None:
        return None
    parts = []
    if aliases.canary is not None:
        parts.append(f"canary {aliases.canary}: {percent(aliases.share)}")
    if aliases.shadow is not None:
        parts.append(f"shadow {aliases.shadow}")
    return Tile("Live version", str(aliases.live), listed(parts) or "no canary")


def _performance(history: History) -> list[Tile]:
    tiles = []
    for kind, name in (("estimated_performance", "estimated"), ("performance", "measured")):
        found = [
            (place, one)
            for place, one in history.measurements
            if one.kind == kind
            and not one.slice
            and (kind != "performance" or history.windows[place].state == "mature")
        ]
        if not found:
            continue
        place = found[-1][0]
        one = min((one for at, one in found if at == place), key=lambda one: _order(one.subject))
        interval = "" if one.low is None or one.high is None else f"{figure(one.low)} to {figure(one.high)}"
        below = f"{interval}, window {history.windows[place].number}".removeprefix(", ")
        value = "abstains" if one.value is None else figure(one.value)
        tiles.append(Tile(f"{metric_name(one.subject)}, {name}", value, below, one.level))
    return tiles


def _order(metric: str) -> tuple[int, str]:
    from components.shared.statistics.metric_names import MAIN_METRICS

    return (MAIN_METRICS.index(metric) if metric in MAIN_METRICS else len(MAIN_METRICS), metric)


def _columns(history: History) -> Tile | None:
    levels: dict[str, Level] = {}
    for one in history.last:
        if one.kind in ("skew", "missing", "unknown", "out_of_range"):
            before = levels.get(one.subject, "negligible")
            levels[one.subject] = max(before, one.level, key=ORDER.__getitem__)
    if not levels:
        return None
    severe, moderate = (sum(level == wanted for level in levels.values()) for wanted in ("severe", "moderate"))
    worst: Level = "severe" if severe else "moderate" if moderate else "negligible"
    return Tile(
        "Features moved", f"{severe + moderate} of {len(levels)}", f"{severe} severe, {moderate} moderate", worst
    )


def _traffic(history: History) -> Tile:
    window = history.windows[-1]
    errors = [one for one in history.last if one.kind == "errors" and not one.slice and one.value is not None]
    worst = max(errors, key=severity, default=None)
    below = f"{window.requests:,} requests"
    if worst is not None:
        below += f", {percent(worst.value)} errors"
    return Tile("Rows", f"{window.rows:,}", below, worst.level if worst else "negligible")


def _latency(history: History) -> list[Tile]:
    found = [one for one in history.last if one.kind == "latency" and not one.slice and one.value is not None]
    if not found:
        return []
    one = max(found, key=lambda one: (one.subject, one.value or 0.0))
    return [Tile(f"Latency {one.subject}", seconds(one.value or 0.0), "newest window", one.level)]
