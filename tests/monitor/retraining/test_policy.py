"""When a retraining begins: policies, cool-down, budget, once for each incident."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from monitor.incident import Alarm, Incident
from monitor.measurement import Kind, Measurement
from monitor.retraining.policy import RetrainingState, decide
from monitor.retraining.record import Retraining
from monitor.retraining.settings import RetrainingSettings
from monitor.retraining.staleness import Saving

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
READY = RetrainingState(rows=5000)


def ended(number: int, days: float, trigger: str = "person", cost: float = 10.0) -> Retraining:
    opened = (NOW - timedelta(days=days)).isoformat()
    return Retraining(number, "promoted", "because", trigger, opened, opened, cost=cost)


def incident(kind: Kind, effect: float = 0.4, number: int = 3) -> Incident:
    measured = Measurement(kind, "dest", "chebyshev", effect, effect, 0.1, 0.3, 900)
    alarm = Alarm(5, measured, 120.0, 100.0, 3).to_json()
    return Incident(number, "open", "severe", "dest moved", "2026-11-29", "2026-11-30", 5, alarms=(alarm,))


def saving(probability: float, mean: float = 3.0) -> Saving:
    return Saving(mean, -1.0, 7.0, probability, 0.02, 0.001, 5.0, 4)


def action(state: RetrainingState, settings: RetrainingSettings) -> tuple[str, str]:
    found = decide(state, settings, NOW)
    return found.action, found.trigger


def test_manual_waits_for_a_person():
    assert action(READY, RetrainingSettings()) == ("wait", "")
    assert action(replace(READY, request="Ada"), RetrainingSettings()) == ("retrain", "person")


def test_every_counts_from_the_last_beginning_or_from_the_live_versions_training():
    weekly = RetrainingSettings(policy="every", every_days=7)
    assert action(READY, weekly) == ("retrain", "schedule")
    assert action(replace(READY, trained=NOW - timedelta(days=6.9)), weekly) == ("wait", "")
    assert action(replace(READY, trained=NOW - timedelta(days=7)), weekly) == ("retrain", "schedule")
    recent = replace(READY, trained=NOW - timedelta(days=30), retrainings=[ended(1, 6.5)])
    assert decide(recent, weekly, NOW).reasons == ("the next retraining is due 2026-12-01 00:00 UTC",)


@pytest.mark.parametrize(
    ("policy", "kind", "expected"),
    [
        ("on_drift", "skew", "retrain"),
        ("on_drift", "performance", "wait"),
        ("on_drift", "missing", "wait"),
        ("on_drift", "transform_skew", "wait"),
        ("on_performance", "estimated_performance", "retrain"),
        ("on_performance", "concept_drift", "retrain"),
        ("on_performance", "drift", "wait"),
        ("on_performance", "errors", "wait"),
    ],
)
def test_incidents_that_a_retraining_can_help(policy, kind, expected):
    found = decide(replace(READY, incidents=[incident(kind)]), RetrainingSettings(policy=policy), NOW)
    assert found.action == expected
    if expected == "retrain":
        assert (found.trigger, found.reasons) == ("incident 3", ("incident 3: dest moved",))


def test_an_incident_triggers_once():
    state = replace(READY, incidents=[incident("skew")], retrainings=[ended(1, 20, "incident 3")])
    assert action(state, RetrainingSettings(policy="on_drift")) == ("wait", "")
    state = replace(state, incidents=[incident("skew"), incident("skew", number=4)])
    assert action(state, RetrainingSettings(policy="on_drift")) == ("retrain", "incident 4")


def test_level():
    state = replace(READY, incidents=[incident("skew", 0.2)])
    assert action(state, RetrainingSettings(policy="on_drift")) == ("retrain", "incident 3")
    assert action(state, RetrainingSettings(policy="on_drift", level="severe")) == ("wait", "")


def test_cost():
    settings = RetrainingSettings(policy="cost", confidence=0.8)
    assert action(replace(READY, saving=saving(0.8)), settings) == ("retrain", "cost")
    assert action(replace(READY, saving=saving(0.79)), settings) == ("wait", "")
    found = decide(READY, settings, NOW)
    assert found.to_text() == "no retraining: the saving of a retraining is unknown: no mature window yet"


def test_limits_of_the_policy_are_not_those_of_a_person():
    settings = RetrainingSettings(policy="every", every_days=1, cool_down_hours=48, budget_runs=2)
    state = replace(READY, retrainings=[ended(1, 1.5)])
    assert decide(state, settings, NOW).reasons[0] == "cool-down until 2026-12-01 00:00 UTC"
    state = replace(READY, retrainings=[ended(1, 20), ended(2, 3)])
    assert decide(state, settings, NOW).reasons[0] == "the budget of 2 retrainings in 30 days is used"
    assert action(replace(state, request="Ada"), settings) == ("retrain", "person")
    state = replace(READY, retrainings=[ended(1, 30), ended(2, 3)])  # the first is 30 days ago
    assert action(state, settings) == ("retrain", "schedule")


def test_budget_of_cost():
    settings = RetrainingSettings(policy="every", every_days=1, budget_cost=25, training_cost=8, canary_cost=2)
    assert action(replace(READY, retrainings=[ended(1, 3, cost=15)]), settings) == ("retrain", "schedule")
    found = decide(replace(READY, retrainings=[ended(1, 3, cost=16)]), settings, NOW)
    assert "16 is spent, and a retraining costs 10" in found.reasons[0]


def test_too_few_rows_and_one_at_a_time():
    found = decide(replace(READY, rows=999, request="Ada"), RetrainingSettings(), NOW)
    assert found.reasons[0] == "999 new labelled rows are mature, 1,000 are needed ([retraining] min_rows)"
    under_way = replace(ended(1, 3), state="canary")
    found = decide(replace(READY, retrainings=[under_way], request="Ada"), RetrainingSettings(), NOW)
    assert found.reasons == ("retraining 1 is under way (canary)",)
