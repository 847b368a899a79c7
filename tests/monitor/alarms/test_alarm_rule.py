"""The alarm rule: quiet without a change, persistence, hysteresis, maintenance, seasons, thresholds, its state."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.alarms.alarm_rule import AlarmRule, in_alarm
from monitor.alarms.maintenance import announce
from monitor.alarms.settings import AlarmSettings, Maintenance

STREAM = "skew|dest|chebyshev|training|"


@pytest.fixture
def judged(window, skew):
    """Judges consecutive windows of one stream; returns number -> alarms, and the state."""

    def judge(rule, effects, state=None, *, first=1, **more):
        found = {}
        for number, effect in enumerate(effects, first):
            alarms, state = rule.update(window(number, **more), [skew(effect)], state)
            state = json.loads(json.dumps(state))  # as the store keeps it
            if alarms:
                found[number] = alarms
        return found, state

    return judge


def quiet(windows, seed=0, level=0.03):
    return np.abs(np.random.default_rng(seed).normal(0, level, windows))


def test_twenty_windows_without_a_change_raise_no_alarm(window, skew):
    rng = np.random.default_rng(11)
    rule, state = AlarmRule(), None
    for number in range(1, 21):
        measurements = [skew(abs(rng.normal(0, 0.05)), f"f{index}") for index in range(40)]
        alarms, state = rule.update(window(number), measurements, state)
        assert not alarms


def test_noise_around_the_threshold_keeps_the_rate(judged):
    # Half of the effects are above the moderate threshold, so the evidence alone holds the rate: one in 20 windows.
    rule = AlarmRule(AlarmSettings(false_alarms_per_week=7 / 20, persistence=1))
    effects = np.abs(np.random.default_rng(3).normal(0.1, 0.05, 500))
    alarms, _ = judged(rule, effects)
    assert len(alarms) <= 500 / 20


def test_a_shift_is_an_alarm_after_two_windows_and_once(judged):
    alarms, state = judged(AlarmRule(), [*quiet(20), 0.25, 0.25, 0.25, 0.25])
    (found,) = alarms[22]
    assert list(alarms) == [22]
    assert (found.windows, found.measurement.level) == (2, "moderate")
    assert found.evidence >= found.limit == pytest.approx(7 / 0.7 * 7)
    assert in_alarm(state)[STREAM]["since"].startswith("2026-01-25")  # window 21


def test_a_severe_effect_needs_one_window_less(judged):
    alarms, _ = judged(AlarmRule(), [*quiet(20), 0.9])
    assert list(alarms) == [21]


def test_the_onset_is_where_the_mean_shifts(judged):
    # Windows 19 and 20 are noise above the usual; the shift begins at 21, as its likelihood says.
    alarms, state = judged(AlarmRule(), [*quiet(18, level=0.02), 0.05, 0.06, 0.25, 0.25])
    (found,) = alarms[22]
    assert found.windows == 2 and in_alarm(state)[STREAM]["since"].startswith("2026-01-25")


def test_an_effect_below_the_moderate_threshold_never_is_an_alarm(judged):
    alarms, _ = judged(AlarmRule(), [0.0] * 20 + [0.09] * 20)
    assert not alarms


def test_hysteresis(judged):
    # Opened at 0.1, closed below 0.08 in two windows in a row.
    alarms, state = judged(AlarmRule(), [*quiet(20, level=0.01), 0.25, 0.25])
    assert alarms and in_alarm(state)
    _, state = judged(AlarmRule(), [0.07, 0.09, 0.07], state, first=23)
    assert in_alarm(state)
    _, state = judged(AlarmRule(), [0.07], state, first=26)
    assert not in_alarm(state)


def test_without_a_history_only_a_lasting_severe_effect_is_an_alarm(judged, window, skew):
    rule = AlarmRule()
    assert not judged(rule, [0.2] * 5)[0]
    assert list(judged(rule, [0.4] * 4)[0]) == [3]
    for p_value, expected in ((0.01, []), (1e-9, [3])):
        state, found = None, []
        for number in range(1, 5):
            alarms, state = rule.update(window(number), [skew(0.4, p_value=p_value)], state)
            found += [number] if alarms else []
        assert found == expected


def test_the_history_may_come_from_the_training_data(judged, window, skew):
    rule, state = AlarmRule(), None
    for number, effect in enumerate(quiet(20), 1):
        state = rule.learn(window(number), [skew(effect)], state)
    alarms, _ = judged(rule, [0.25, 0.25], state)
    assert list(alarms) == [2]


def test_maintenance_is_neither_judged_nor_learned(judged, window):
    times = Maintenance(window(21).start, window(22).end, "release")
    alarms, state = judged(AlarmRule(AlarmSettings(maintenance=(times,))), [*quiet(20), 0.9, 0.9, 0.0])
    assert not alarms and max(state["streams"][STREAM]["effects"]) < 0.2
    _, state = judged(AlarmRule(), quiet(20))
    state = announce(state, times.start, times.end, "release")
    alarms, state = judged(AlarmRule(), [0.9, 0.9, 0.0], state, first=21)
    assert not alarms and len(state["streams"][STREAM]["effects"]) == 21


def test_a_season_is_usual_once_it_is_known(judged):
    # Effects at weekends are larger by 0.2; after six weeks Saturdays are compared with Saturdays.
    rng = np.random.default_rng(2)
    effects = [abs(rng.normal(0.02, 0.01)) + 0.2 * (day % 7 >= 5) for day in range(7 * 20)]
    alarms, state = judged(AlarmRule(), effects)
    assert all(number <= 6 * 7 for number in alarms)
    alarms, _ = judged(AlarmRule(), [0.25, 0.25], state, first=141)  # Monday and Tuesday
    assert list(alarms) == [142]


def test_thresholds_adapt_between_moderate_and_severe_and_say_so(judged):
    noisy = np.abs(np.random.default_rng(4).normal(0.12, 0.02, 40))
    alarms, state = judged(AlarmRule(), noisy)
    assert not alarms
    stream = state["streams"][STREAM]
    assert 0.13 < stream["threshold"] < 0.3 and "instead of 0.1" in stream["why"]
    alarms, _ = judged(AlarmRule(), [0.28, 0.28, 0.28], state, first=41)
    assert "instead of 0.1" in next(iter(alarms.values()))[0].measurement.detail


def test_labels_are_judged_when_they_are_in(window, skew):
    one = skew(0.9, "auc", kind="performance")
    _, state = AlarmRule().update(window(1, state="complete"), [one], None)
    assert not state["streams"]
    _, state = AlarmRule().update(window(1, state="mature"), [one], state)
    assert state["streams"][one.stream]["number"] == 1


def test_a_window_is_judged_once(judged, window, skew):
    _, state = judged(AlarmRule(), quiet(10))
    _, again = AlarmRule().update(window(10), [skew(0.5)], state)
    assert again["streams"] == state["streams"]


def test_a_new_version_starts_without_evidence(judged):
    _, state = judged(AlarmRule(), [*quiet(20), 0.25, 0.25])
    assert in_alarm(state)
    _, state = judged(AlarmRule(), [0.02], state, first=23, version=2)
    assert not in_alarm(state) and len(state["streams"][STREAM]["effects"]) == 22


def test_the_budget_goes_to_harm_first(window, skew):
    measured = [skew(0.0, "auc", kind="performance"), *(skew(0.0, f"f{index}", weight=0.5) for index in range(9))]
    measured.append(skew(0.0, "f9", weight=1.0))
    rule, state, limits = AlarmRule(), None, {}
    for number in range(1, 30):
        shift = 0.9 * (number > 27)
        alarms, state = rule.update(
            window(number), [replace(one, effect=shift, value=shift) for one in measured], state
        )
        limits |= {alarm.measurement.subject: alarm.limit for alarm in alarms}
    assert limits["auc"] == pytest.approx(7 / (0.1 * 0.5))
    assert limits["f0"] == pytest.approx(7 / (0.1 * 0.5 * 0.5 / 5.5))
    assert limits["f9"] == pytest.approx(limits["f0"] / 2)


def test_the_length_of_a_window_sets_its_share_of_the_week(judged):
    alarms, _ = judged(AlarmRule(), [*quiet(60), 0.9, 0.9], length=timedelta(hours=1))
    assert next(iter(alarms.values()))[0].limit == pytest.approx(7 * 24 / 0.1)


@pytest.mark.parametrize(
    "fields",
    [{"false_alarms_per_week": 0.0}, {"harm_share": 1.0}, {"history": 3}, {"close_ratio": 1.5}, {"persistence": 0}],
)
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        AlarmSettings(**fields)
