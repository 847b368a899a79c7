"""Incidents: grouping, level, kind, title, closing."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.alarms.alarm_rule import AlarmRule
from monitor.alarms.incidents import group_alarms
from monitor.incident import Incident

RULE = AlarmRule()


@pytest.fixture
def run(window):
    """Judges 40 windows of shifts (measurement, first window, last window, effect); returns incidents by number."""

    def judge(shifts, windows=40, **options):
        rng = np.random.default_rng(7)
        state, found = None, {}
        for number in range(1, windows + 1):
            measurements = []
            for one, first, last, effect in shifts:
                value = effect if first <= number <= last else abs(rng.normal(0, 0.02))
                measurements.append(replace(one, value=value, effect=value))
            alarms, state = RULE.update(window(number), measurements, state)
            still_open = [one for one in found.values() if one.state != "closed"]
            number_next = len(found) + 1
            changed = group_alarms(
                alarms, measurements, still_open, window(number), state, next_number=number_next, **options
            )
            found |= {one.number: one for one in changed}
        return found

    return judge


def test_alarms_of_one_time_are_one_incident(run, skew):
    found = run([(skew(0, "dest", at="LAX"), 25, 40, 0.5), (skew(0, "distance"), 26, 40, 0.25)])
    (one,) = found.values()
    assert (one.state, one.level, one.kind, one.first_window) == ("open", "severe", "covariate", 25)
    assert [cause.subject for cause in one.causes] == ["dest", "distance"]
    assert one.causes[0].since.startswith("2026-01-29")
    assert one.title.startswith("dest: differs from the training data, most at LAX (chebyshev 0.5,")
    assert "since 2026-01-29 00:00" in one.title and one.title.endswith("; also distance")


def test_unrelated_changes_at_different_times_are_two_incidents(run, skew):
    found = run([(skew(0, "dest"), 20, 40, 0.5), (skew(0, "distance"), 30, 40, 0.5)])
    assert [one.causes[0].subject for one in found.values()] == ["dest", "distance"]


def test_the_loss_joins_the_incident_of_its_cause(run, skew):
    loss = skew(0, "auc", kind="performance", reference="evaluation", reference_value=0.7)
    (one,) = run([(skew(0, "dest"), 20, 40, 0.5), (loss, 30, 40, 0.5)]).values()
    assert one.harm == 0.5 and "auc 0.7 to 0.5" in one.title and one.causes[0].subject == "dest"


def test_a_loss_alone_is_told_once_and_with_its_direction(run, skew):
    loss = skew(0, "log_loss", kind="performance", reference="evaluation", reference_value=0.4)
    (one,) = run([(loss, 30, 40, 0.5)]).values()
    assert one.title.startswith("log_loss has risen from 0.4 to 0.5 (effect 0.5, severe from ")
    assert one.title.count("log_loss") == 1
    auc = skew(0, "auc", kind="estimated_performance", reference="evaluation", reference_value=0.7)
    (one,) = run([(auc, 30, 40, 0.5)]).values()
    assert one.title.startswith("estimated auc has fallen from 0.7 to 0.5")


def test_it_closes_when_the_effect_is_gone(run, skew, window):
    (one,) = run([(skew(0, "dest"), 20, 25, 0.5)]).values()
    assert one.state == "closed" and one.closed == one.updated == Incident.time_text(window(27).end)


def test_a_feature_of_little_weight_is_no_severe_incident(run, skew):
    (one,) = run([(skew(0, "dest", weight=0.001), 20, 40, 0.9)]).values()
    assert one.level == "moderate"


def test_drift_without_loss_is_no_severe_incident(run, skew):
    loss = skew(0, "auc", kind="performance", reference="evaluation")
    (one,) = run([(skew(0, "dest"), 20, 40, 0.9), (loss, 99, 99, 0.0)]).values()
    assert one.level == "moderate"


def test_the_diagnosis_names_the_kind(run, skew):
    (one,) = run([(skew(0, "dest"), 20, 40, 0.9)], diagnosis="season").values()
    assert one.kind == "season" and "same season of last year" in one.title
    concept = skew(0, "(columns)", kind="concept_drift")
    (one,) = run([(skew(0, "dest"), 20, 40, 0.9), (concept, 20, 40, 0.9)]).values()
    assert one.kind == "concept" and "relation between inputs and label" in one.title


def test_a_higher_level_opens_an_acknowledged_incident_again(window, skew):
    rng = np.random.default_rng(7)
    state, found = None, {}
    for number in range(1, 30):
        effects = {"a": 0.2 if number >= 20 else 0.0, "b": 0.9 if number >= 22 else 0.0}
        measurements = [skew(abs(rng.normal(0, 0.02)) + value, name) for name, value in effects.items()]
        alarms, state = RULE.update(window(number), measurements, state)
        for one in group_alarms(alarms, measurements, list(found.values()), window(number), state, next_number=1):
            found[one.number] = replace(one, state="acknowledged") if one.level == "moderate" else one
    assert (found[1].state, found[1].level) == ("open", "severe")


def test_values_of_the_data_do_not_break_the_line(run, skew):
    (one,) = run([(skew(0, "dest", at="a\nb" * 200), 20, 40, 0.9)]).values()
    assert "\n" not in one.title and len(one.title) <= 240
