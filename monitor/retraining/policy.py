"""Decides whether a model is trained again. Pure functions of the state and the settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from monitor.incident import Incident
from monitor.retraining.record import Retraining, open_one
from monitor.retraining.settings import RetrainingSettings
from monitor.retraining.staleness import Saving

DRIFT = frozenset({"skew", "drift", "prediction_drift", "unknown", "prior_shift"})
"""Kinds of measurements of which "on_drift" retrains. Missing values, errors and transform skew are faults of the data
or the server: a model that learns from them is worse."""
PERFORMANCE = frozenset({"estimated_performance", "performance", "concept_drift"})
"""Kinds of which "on_performance" retrains."""
BUDGET_DAYS = 30


@dataclass(frozen=True)
class RetrainingState:
    """What a decision depends on.

    Attributes:
      retrainings: All retrainings, oldest first.
      incidents: Incidents that are not closed.
      rows: Mature labelled rows that are in no span yet.
      trained: When the live version was pushed; None if unknown.
      saving: Expected saving of a retraining; None if it cannot be estimated yet, and `saving_unknown` says why.
      saving_unknown: Why.
      request: Reason that a person gave who wants a retraining; None if nobody does.
    """

    retrainings: Sequence[Retraining] = ()
    incidents: Sequence[Incident] = ()
    rows: int = 0
    trained: datetime | None = None
    saving: Saving | None = None
    saving_unknown: str = "no mature window yet"
    request: str | None = None


@dataclass(frozen=True)
class Decision:
    """What follows.

    Attributes:
      action: "retrain" or "wait".
      reasons: Sentences, the decisive one first.
      trigger: "person", "schedule", "incident 3" or "cost"; "" for "wait".
    """

    action: Literal["retrain", "wait"]
    reasons: tuple[str, ...]
    trigger: str = ""

    def to_text(self) -> str:
        """Returns the decision in one line."""
        return f"{'retrain' if self.action == 'retrain' else 'no retraining'}: {'; '.join(self.reasons)}"


def decide(state: RetrainingState, settings: RetrainingSettings, now: datetime) -> Decision:
    """Decides whether a retraining begins.

    A person's request needs new rows, and no other retraining that is under way; cool-down and budget are limits of
    the policy alone. An incident triggers one retraining at most.

    Args:
      state: What is known.
      settings: The settings.
      now: Time, with zone.
    """
    if (under_way := open_one(state.retrainings)) is not None:
        return Decision("wait", (f"retraining {under_way.number} is under way ({under_way.state})",))
    trigger, reason = _triggered(state, settings, now)
    if not trigger:
        return Decision("wait", (reason,))
    if limit := _limit(state, settings, now, trigger == "person"):
        return Decision("wait", (limit, reason))
    return Decision("retrain", (reason,), trigger)


def is_triggered(state: RetrainingState, settings: RetrainingSettings, now: datetime) -> bool:
    """Whether a retraining is wanted; does not read `state.rows`. Arguments as those of `decide`."""
    return bool(_triggered(state, settings, now)[0])


def _triggered(state: RetrainingState, settings: RetrainingSettings, now: datetime) -> tuple[str, str]:
    """Trigger ("" for none) and reason."""
    if state.request is not None:
        return "person", state.request
    if settings.policy == "manual":
        return "", "[retraining] policy is manual; run `plumbline retrain start`"
    if settings.policy == "every":
        return _scheduled(state, settings, now)
    if settings.policy == "cost":
        return _saves(state, settings)
    kinds = DRIFT if settings.policy == "on_drift" else PERFORMANCE
    used = {one.trigger for one in state.retrainings}
    for incident in state.incidents:
        trigger = f"incident {incident.number}"
        if incident.state != "closed" and trigger not in used and _has(incident, kinds, settings.level):
            return trigger, f"{trigger}: {incident.title}"
    what = "drift" if settings.policy == "on_drift" else "performance"
    return "", f"no new incident about {what} of level {settings.level} is open"


def _has(incident: Incident, kinds: frozenset[str], level: str) -> bool:
    levels = ("severe",) if level == "severe" else ("moderate", "severe")
    found = [alarm["measurement"] for alarm in incident.alarms]
    return any(one["kind"] in kinds and one["level"] in levels for one in found)


def _scheduled(state: RetrainingState, settings: RetrainingSettings, now: datetime) -> tuple[str, str]:
    last = max(
        [_time(one.opened) for one in state.retrainings] + ([state.trained] if state.trained else []), default=None
    )
    if last is None:
        return "schedule", "no training is known"
    due = last + timedelta(days=settings.every_days)
    if now >= due:
        return "schedule", f"the last training began {last:%Y-%m-%d %H:%M}, {settings.every_days:g} days ago or more"
    return "", f"the next retraining is due {due:%Y-%m-%d %H:%M} UTC"


def _saves(state: RetrainingState, settings: RetrainingSettings) -> tuple[str, str]:
    saving = state.saving
    if saving is None:
        return "", f"the saving of a retraining is unknown: {state.saving_unknown}"
    return ("cost" if saving.probability >= settings.confidence else ""), saving.to_text()


def _limit(state: RetrainingState, settings: RetrainingSettings, now: datetime, by_person: bool) -> str:
    """Why nothing begins although it is wanted; "" if it may."""
    if state.rows < settings.min_rows:
        needed = f"{settings.min_rows:,} are needed ([retraining] min_rows)"
        return f"{state.rows:,} new labelled rows are mature, {needed}"
    if by_person:
        return ""
    opened = [(_time(one.opened), one) for one in state.retrainings]
    if opened and settings.cool_down_hours:
        until = max(time for time, _ in opened) + timedelta(hours=settings.cool_down_hours)
        if now < until:
            return f"cool-down until {until:%Y-%m-%d %H:%M} UTC"
    recent = [one for time, one in opened if now - time < timedelta(days=BUDGET_DAYS)]
    if settings.budget_runs and len(recent) >= settings.budget_runs:
        return f"the budget of {settings.budget_runs} retrainings in {BUDGET_DAYS} days is used"
    spent = sum(one.cost for one in recent)
    if settings.budget_cost and spent + settings.cost > settings.budget_cost:
        return (
            f"the budget of {settings.budget_cost:g} in {BUDGET_DAYS} days does not suffice: {spent:g} is spent, and a "
            f"retraining costs {settings.cost:g}"
        )
    return ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
