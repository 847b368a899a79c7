"""Replays requests while a canary is judged."""

import time
from datetime import date
from typing import Any

from pipeline.demo.demo import Demo
from pipeline.demo.replay import Sent
from serving.canary.journal import Journal

LOOKS_WITHIN = 120.0
"""Seconds after which the replay goes on without a new look at the canary."""
ENDS = ("promote", "rollback")


def replay_canary(demo: Demo, version: int, last: date, sent: Sent) -> dict[str, Any]:
    """Replays days until a canary has been promoted or rolled back, or until `last`.

    A canary is judged by the clock of this machine, not by event time: the rows since its share was set, and looks some
    seconds apart. So the replay imports labels and waits for a look every few days; otherwise a month would pass
    between two looks.

    Returns:
      The newest look, see serving.canary.journal; {} if there was none.
    """
    before = newest_look(demo, version)
    for number, _ in enumerate(demo.days(last, sent), start=1):
        if number % demo.plan.canary_days:
            continue
        demo.replay.import_labels(sent)
        before = _next_look(demo, version, before)
        if before.get("action") in ENDS:
            break
    return before


def newest_look(demo: Demo, version: int) -> dict[str, Any]:
    """The newest look at a canary; {} if there is none."""
    lines = Journal(demo.project.home / "canary").lines()
    looks = [line for line in lines if line["kind"] == "look" and line["version"] == version]
    return looks[-1] if looks else {}


def said(look: dict[str, Any]) -> str:
    """What decided a look, with the numbers: the harm, or else what was not shown."""
    if not look:
        return "nothing looked at it"
    found = [one for one in look["findings"] if one["state"] == "harm"]
    texts = [
        f"{one['name']} {one['canary']:.3f} instead of {one['live']:.3f} ({100 * one['estimate']:+.0f} %, interval "
        f"{100 * one['lower']:+.0f} to {100 * one['upper']:+.0f})"
        for one in found
    ]
    return "; ".join(texts or look["reasons"])


def _next_look(demo: Demo, version: int, before: dict[str, Any]) -> dict[str, Any]:
    """Waits for a look with more requests than the one before, or at another share, or for the end."""
    deadline = time.monotonic() + LOOKS_WITHIN
    while True:
        now = newest_look(demo, version)
        news = now.get("action") in ENDS or now.get("share") != before.get("share")
        if news or now.get("requests", 0) > before.get("requests", 0) or time.monotonic() > deadline:
            return now
        time.sleep(0.1)
