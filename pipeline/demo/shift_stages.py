"""The later stages: December's change becomes one incident, one retraining, a canary and a promotion."""

from datetime import date, timedelta

from components.shared.errors import PlumblineError
from monitor.incident import Incident
from monitor.retraining.record import Retraining
from pipeline.demo.canary_replay import replay_canary, said
from pipeline.demo.demo import Demo, day_text
from pipeline.demo.replay import Sent

TRAINS_WITHIN = 3600.0
"""Seconds that the monitor has from the incident to the canary."""
BEGINS_WITHIN = 900.0


def replay_until_incident(demo: Demo) -> None:
    """Replays the days until the monitor raises an incident, which has to be about the change of `plan.shift`."""
    sent = Sent()
    for day in demo.days(demo.plan.last, sent):
        if _after_window(demo, day, sent) and demo.monitor.incidents():
            break
    demo.console.say(sent.to_text())
    incidents = demo.monitor.incidents()
    if not incidents:
        raise PlumblineError(f"no incident by {day_text(demo.plan.last)}")
    (first, *_) = incidents
    if first.opened[:10] <= demo.plan.shift.isoformat():
        raise PlumblineError(f"incident {first.number} was raised before {day_text(demo.plan.shift)}: {first.title}")
    demo.console.say(f"no incident until {day_text(demo.plan.shift)}; then:")
    demo.console.say(incident_text(first))
    opened = day_text(date.fromisoformat(first.opened[:10]))
    demo.summary.append((f"incident {first.number}", f"{opened}, {first.level}: {first.title}"))


def retrain(demo: Demo) -> None:
    """Waits for the retraining that the incident triggers; its version becomes the canary. Event time stands still."""

    def found() -> Retraining | None:
        known = demo.monitor.retrainings()
        return known[0] if known else None

    demo.console.doing("waiting for the policy's decision")
    demo.monitor.wait(lambda: found() is not None, BEGINS_WITHIN, "begun a retraining")
    shown = 0

    def in_canary() -> bool:
        nonlocal shown
        one = found()
        assert one is not None
        for step in one.steps[shown:]:
            demo.console.say(step.text)
        shown = len(one.steps)
        demo.console.doing({"training": "plumbline run trains on the labelled requests"}.get(one.state, one.state))
        return one.ended or one.state == "canary"

    demo.monitor.wait(in_canary, TRAINS_WITHIN, "finished the training")
    one = found()
    assert one is not None
    if one.state != "canary" or one.version is None:
        raise PlumblineError(f"retraining {one.number}: {one.steps[-1].text}")


def promote(demo: Demo) -> None:
    """Replays the following days; the canary has to be promoted."""
    (one,) = demo.monitor.retrainings()
    assert one.version is not None
    sent = Sent()
    look = replay_canary(demo, one.version, demo.plan.last, sent)
    demo.console.say(sent.to_text())
    if look.get("action") != "promote" or demo.live != one.version:
        raise PlumblineError(f"version {one.version} is not promoted by {day_text(demo.replay.day)}: {said(look)}")
    end = day_text(demo.replay.day - timedelta(days=1))
    demo.console.say(f"promoted on {end}: {said(look)}")
    text = f"trained again with {one.rows:,} labelled requests ({one.trigger}), live from {end}"
    demo.summary.append((f"version {one.version}", text))
    demo.monitor.wait(lambda: demo.monitor.retrainings()[0].ended, BEGINS_WITHIN, "recorded the promotion")


def replay_rest(demo: Demo) -> None:
    """Replays the rest of the year: no second incident, no second retraining."""
    sent = Sent()
    for day in demo.days(demo.plan.last, sent):
        _after_window(demo, day, sent)
    demo.replay.import_labels(sent)
    demo.console.say(sent.to_text())
    incidents, retrainings = demo.monitor.incidents(), demo.monitor.retrainings()
    if len(incidents) != 1:
        raise PlumblineError(f"{len(incidents)} incidents, not one: {'; '.join(one.title for one in incidents)}")
    if len(retrainings) != 1 or retrainings[0].state != "promoted":
        raise PlumblineError(f"not one promoted retraining: {'; '.join(one.to_text() for one in retrainings)}")


def incident_text(one: Incident) -> str:
    """An incident in some lines."""
    lines = [f"incident {one.number} ({one.level}): {one.title}"]
    for cause in one.causes[:3]:
        where = [
            cause.at and f"at {cause.at}",
            cause.slice and f"in {cause.slice}",
            cause.source and f"from {cause.source}",
        ]
        if any(where):
            lines.append(f"  {cause.subject} {' '.join(part for part in where if part)}")
    return "\n".join(lines)


def _after_window(demo: Demo, day: date, sent: Sent) -> bool:
    """After the first day of a week: the window before it is complete and gets measured. Labels come weekly.

    Returns:
      Whether a window was measured.
    """
    if day.weekday() == 6:
        demo.replay.import_labels(sent)
        return False
    if day.weekday() != 0 or day == demo.plan.first:
        return False
    demo.console.doing(f"replaying {day_text(day)}: measuring the last week")
    demo.monitor.wait_for_window(day)
    return True
