"""A made-up history of sixty days: drift from day 41 on, an incident, a retraining, its canary and promotion."""

import math
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import numpy as np

from components.registry.aliases import Aliases, aliases_text
from components.shared.files import write_text
from monitor.dashboard.history import Place
from monitor.incident import Alarm, Cause, Incident
from monitor.measurement import Measurement
from monitor.store import MonitorStore, WindowResult
from monitor.window import Window
from serving.canary.arm_statistics import ArmStatistics
from serving.canary.decision import Decision, decide
from serving.canary.journal import Journal
from serving.canary.policy import CanaryPolicy
from tests.serving.canary.arms import drawn

START = datetime(2026, 9, 1, tzinfo=timezone.utc)
DAYS, LOOKS = 60, 14
MOVED, PROMOTED, CANARY = 41, 57, 54
"""Days from which dep_delay drifts, version 4 is live, and it is the canary."""
FEATURES = ("dep_delay", "origin", "carrier", "temp", "wind_speed", "visib", "distance", "air_time", "dest", "hour")
RUN = "20261027T050000Z-a53c"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}\x07\u202e&lt;"
"""A text that would be markup, an attribute, a template or a reordering where it is not escaped."""


def made_up(home: Path, days: int = DAYS, features: tuple[str, ...] = FEATURES, text: str = "") -> Place:
    """Writes the records of a dataset below <root>/<dataset>; `text` is added to every text that comes from data."""
    rng = np.random.default_rng(19)
    incident = _incident(text)
    with MonitorStore(home / "monitor") as store:
        for day in range(1, days + 1):
            window = _window(day, rng, days)
            measurements = [
                *(one for place, name in enumerate(features) for one in _feature(name, place, day, window, rng, text)),
                *_scores(day, window, rng, text),
                *_operations(day, window, rng),
            ]
            found = [incident] if day == MOVED + 3 else []
            store.add(WindowResult(window, measurements, found, {"alarms": _alarms(measurements, text)}))
        for one in _others(text):
            store.put_incident(one)
        for number, record in enumerate(_retrainings(text), 1):
            store.put_retraining(number, str(record["state"]), record)
    _versions(home, text)
    write_text(home / "reports" / RUN / "report.html", "<!doctype html><title>Run</title><p>The report of the run.")
    return Place(home.name, home, str(home / "registry"))


def _window(day: int, rng: np.random.Generator, days: int) -> Window:
    start = START + timedelta(days=day - 1)
    rows = int(rng.normal(900 + 150 * math.sin(day * 2 * math.pi / 7), 30))
    age = days - day
    labelled = int(rows * (0.96 if age > 3 else (0.02, 0.3, 0.6, 0.85)[age]))
    if day >= PROMOTED:
        versions = {4: rows}
    elif day >= CANARY:
        versions = {3: rows - rows // 5, 4: rows // 5}
    else:
        versions = {3 if day > 12 else 2: rows}
    return Window(
        day, start, start + timedelta(days=1), rows, rows + 4, labelled, versions, "mature" if age > 3 else "complete"
    )


def _feature(name: str, place: int, day: int, window: Window, rng: np.random.Generator, text: str) -> list[Measurement]:
    base = abs(rng.normal(0.03, 0.012))
    if name == "dep_delay" and MOVED <= day < PROMOTED:
        base = 0.19 + 0.03 * min(day - MOVED, 4) + rng.normal(0, 0.01)
    elif name == "origin" and MOVED + 2 <= day < PROMOTED:
        base = 0.13 + rng.normal(0, 0.012)
    elif name == "temp":
        base = 0.02 + 0.0022 * day
    weight = (1.0, 0.6, 0.5, 0.4)[place] if place < 4 else 0.1
    kind = "chebyshev" if name in ("origin", "carrier", "dest") else "kolmogorov_smirnov"
    at: str | float = f"EWR{text}" if name == "origin" else 42.0
    found = [
        Measurement("skew", f"{name}{text}", kind, base, base, 0.1, 0.25, window.rows, at=at, weight=weight,
                    detail=f"largest difference at {at}", p_value=0.001 if base > 0.1 else 0.4),
        Measurement("missing", f"{name}{text}", "share", 0.01, 0.004, 0.05, 0.2, window.rows, unit="%", weight=weight,
                    detail="1.0 % missing, 0.6 % in training"),
    ]  # fmt: skip
    if name == "dep_delay":
        found.append(
            Measurement("skew", f"{name}{text}", kind, base * 1.2, base * 1.2, 0.15, 0.35, window.rows // 3,
                        slice=f"origin=EWR{text}", weight=weight, detail=f"in slice EWR{text}"),
        )  # fmt: skip
        found.append(
            Measurement("drift", f"{name}{text}", kind, base / 3, base / 3, 0.1, 0.25, window.rows,
                        reference="previous", weight=weight, detail="against the window before"),
        )  # fmt: skip
    return found


def _scores(day: int, window: Window, rng: np.random.Generator, text: str) -> list[Measurement]:
    drop = 0.045 if MOVED <= day < PROMOTED else 0.0
    real = 0.742 - drop + rng.normal(0, 0.006)
    found = []
    abstains = MOVED + 1 <= day <= MOVED + 3
    guess = real + rng.normal(0, 0.004)
    found.append(
        Measurement("estimated_performance", "auc", "cbpe", None if abstains else guess,
                    0.0 if abstains else max(0.0, 0.742 - guess), 0.02, 0.04, window.rows,
                    "the relation of label and inputs may have moved" if abstains else "importance weighted",
                    reference="evaluation", reference_value=0.742,
                    low=None if abstains else guess - 0.018, high=None if abstains else guess + 0.018, version=3),
    )  # fmt: skip
    if window.labelled > 100:
        wide = 0.022 if window.state == "mature" else 0.035
        found.append(
            Measurement("performance", "auc", "auc", real, max(0.0, 0.742 - real), 0.02, 0.04, window.labelled,
                        "of mature labels", reference="evaluation", reference_value=0.742, low=real - wide,
                        high=real + wide, version=3),
        )  # fmt: skip
        loss = 0.49 + drop * 1.2 + rng.normal(0, 0.005)
        found.append(
            Measurement("performance", "log_loss", "log_loss", loss, max(0.0, loss - 0.49) / 0.49, 0.05, 0.15,
                        window.labelled, reference="evaluation", reference_value=0.49, low=loss - 0.02,
                        high=loss + 0.02, version=3),
        )  # fmt: skip
    shift = 0.02 + (0.1 if MOVED <= day < PROMOTED else 0) + abs(rng.normal(0, 0.01))
    found.append(Measurement("prediction_drift", f"late{text}", "kolmogorov_smirnov", shift, shift, 0.1, 0.25,
                             window.rows, detail="scores of the live version"))  # fmt: skip
    prior = 0.01 + abs(rng.normal(0, 0.005))
    found.append(Measurement("prior_shift", "late", "total_variation", prior, prior, 0.05, 0.15, window.labelled,
                             detail="share of late flights 22.1 %"))  # fmt: skip
    return found


def _alarms(measurements: list[Measurement], text: str) -> dict[str, object]:
    """The state of the alarm rule, as far as the dashboard reads it; temp has adapted and is in alarm."""
    return {
        "streams": {
            one.stream: {
                "threshold": 0.142 if one.subject.startswith("temp") else one.moderate,
                "why": f"threshold 0.142 instead of 0.1, since up to 0.12 is usual in 40 of 50 windows{text}",
                "alarmed": one.subject.startswith("temp") and one.effect > 0.142,
            }
            for one in measurements
            if one.kind == "skew"
        }
    }


def _operations(day: int, window: Window, rng: np.random.Generator) -> list[Measurement]:
    slow = 1.6 if day in (20, 21) else 1.0
    values = {"p50": 0.0042, "p95": 0.0091, "p99": 0.0163}
    found = [
        Measurement("latency", name, "quantile", seconds * slow * rng.normal(1, 0.04), slow - 1.0, 1.0, 3.0,
                    window.requests, reference="history", unit="s")
        for name, seconds in values.items()
    ]  # fmt: skip
    rate = float(rng.poisson(3) / window.requests)
    found.append(Measurement("errors", "server errors", "rate", rate, rate, 0.01, 0.05, window.requests, unit="%"))
    return found


def _incident(text: str) -> Incident:
    moved = Measurement("skew", f"dep_delay{text}", "kolmogorov_smirnov", 0.25, 0.25, 0.1, 0.25, 900, weight=1.0)
    return Incident(
        2,
        "open",
        "severe",
        f"dep_delay{text} moved, the AUC fell by about 0.05 since 11 October",
        "2026-10-15T00:00:00+00:00",
        "2026-10-29T00:00:00+00:00",
        MOVED + 3,
        "covariate",
        causes=(
            Cause(f"dep_delay{text}", f"above 42{text}", f"origin=EWR{text}", "2026-10-11T00:00:00+00:00",
                  f"span 41, file flights-41.csv{text}", 0.71),
            Cause("origin", "EWR", "", "2026-10-13T00:00:00+00:00", "", 0.18),
        ),
        alarms=(Alarm(MOVED + 3, moved, 240.0, 200.0, 3).to_json(),),
        harm=0.047,
    )  # fmt: skip


def _others(text: str) -> list[Incident]:
    return [
        Incident(1, "closed", "moderate", f"latency p99 above its threshold{text}", "2026-09-20T00:00:00+00:00",
                 "2026-09-22T00:00:00+00:00", 20, "operations", "2026-09-23T00:00:00+00:00",
                 causes=(Cause("p99", since="2026-09-20T00:00:00+00:00"),)),
        Incident(3, "acknowledged", "moderate", f"temp moves slowly with the season{text}", "2026-10-25T00:00:00+00:00",
                 "2026-10-30T00:00:00+00:00", 55, "season", causes=(Cause("temp", "below 40", "", "2026-10-20"),)),
    ]  # fmt: skip


def _retrainings(text: str) -> list[dict[str, object]]:
    steps = [
        {"step": "decision", "time": "2026-10-24T00:10:00+00:00", "text": f"incident 2 is severe{text}"},
        {"step": "span", "time": "2026-10-24T00:12:00+00:00", "text": "41,204 labelled rows to span 42"},
        {"step": "training", "time": "2026-10-24T00:20:00+00:00", "text": f"run {RUN} pushed version 4"},
        {"step": "canary", "time": "2026-10-24T00:21:00+00:00", "text": "version 4 gets 20 % of the requests"},
        {"step": "promotion", "time": "2026-10-27T00:05:00+00:00", "text": "version 4 is live"},
    ]
    return [
        {"number": 1, "state": "promoted", "reason": f"incident 2: dep_delay{text} moved", "trigger": "incident 2",
         "opened": "2026-10-24T00:10:00+00:00", "updated": "2026-10-27T00:05:00+00:00", "span": 42, "eval_span": 43,
         "rows": 41204, "run_id": RUN, "version": 4, "report": f"reports/{RUN}/report.html", "cost": 12.5,
         "steps": steps, "waits_for": ""},
        {"number": 2, "state": "held", "reason": f"the schedule of 30 days{text}", "trigger": "schedule",
         "opened": "2026-10-30T00:10:00+00:00", "updated": "2026-10-30T00:10:00+00:00", "span": None, "rows": 0,
         "run_id": "", "version": None, "report": "", "cost": 0.0, "waits_for": "training", "steps": steps[:1]},
    ]  # fmt: skip


def _versions(home: Path, text: str) -> None:
    journal = Journal(home / "canary")
    journal.add_decision({"action": "canary", "version": 4, "live": 3, "share": 0.05, "by": "automatic",
                          "reason": f"retraining 1{text}", "when": "2026-10-24T00:21:00+00:00"})  # fmt: skip
    looks = _looks()
    for place, (aliases, decision) in enumerate(looks):
        time = datetime(2026, 10, 24, tzinfo=timezone.utc) + timedelta(hours=3 * place)
        journal.add_look(aliases, decision, "wait" if place < len(looks) - 1 else "promote", time)
    journal.add_decision({"action": "promote", "version": 4, "live": 4, "share": 0.0, "by": "automatic",
                          "reason": f"not worse than live by more than the margins{text}",
                          "when": "2026-10-27T00:05:00+00:00"})  # fmt: skip
    write_text(home / "registry" / "labels.json", aliases_text(Aliases("made-up", live=4, previous=3)))


@cache
def _looks() -> list[tuple[Aliases, Decision]]:
    """Looks at a canary that equals live, at a share of 5 % and then 25 %; two seconds of computation, once."""
    rng, policy, found = np.random.default_rng(20), CanaryPolicy(), []
    live, canary = drawn(rng, 60_000), drawn(rng, 12_000)
    for place, share in enumerate(np.linspace(0.04, 1, LOOKS)):
        step = 1 if place < LOOKS // 2 else 2
        aliases = Aliases("made-up", 3, 4, 2, (0.05, 0.25)[step - 1], step=step, key="k4", since="2026-10-24T00:21:00")
        found.append((aliases, decide(*(_part(rng, arm, float(share)) for arm in (live, canary)), policy)))
    return found


def _part(rng: np.random.Generator, arm: ArmStatistics, share: float) -> ArmStatistics:
    """The statistics of a random share of the requests."""
    latencies, predictions = (rng.binomial(counts, share) for counts in (arm.latencies, arm.predictions))
    return ArmStatistics(int(latencies.sum()), int(rng.binomial(arm.errors, share)), latencies, predictions, arm.losses)
