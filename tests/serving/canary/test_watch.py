"""The automatic mode on a real registry: steps, promotion, rollback, and other processes that interfere."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from serving.canary.policy import CanaryPolicy
from serving.canary.steps import PromoteCanary, RaiseShare, RollBackCanary, Wait
from serving.canary.watch import decision_now, look, watch
from tests.components.registry.conftest import model as model
from tests.serving.canary.arms import drawn

POLICY = CanaryPolicy(step_minutes=0)


@pytest.fixture
def registry(tmp_path, model) -> Registry:
    found = Registry(tmp_path / "registry")
    for name in ("a", "b", "c"):
        found.push(model(name), {}, alias="none")
    return found


def statistics(requests: int = 30_000, **canary):
    rng = np.random.default_rng(31)
    arms = drawn(rng, 10 * requests), drawn(rng, requests, **canary)
    return lambda aliases: arms


def test_good_canary_goes_through_the_steps_and_becomes_live(registry):
    registry.start_canary(2, 0.01, step=0)
    pauses = []
    looks = list(watch(registry, statistics(), POLICY, 7.0, pauses.append))
    assert [found.action for found in looks] == [RaiseShare(1, 0.05), RaiseShare(2, 0.25), PromoteCanary()]
    assert pauses == [7.0, 7.0]
    labels = registry.labels()
    assert (labels.live, labels.canary, labels.previous) == (2, None, 1)


def test_bad_canary_ends_at_the_first_look(registry):
    registry.start_canary(2, 0.01, step=0)
    (found,) = watch(registry, statistics(error_rate=0.03), POLICY, 0.0)
    assert isinstance(found.action, RollBackCanary)
    assert (registry.labels().live, registry.labels().canary, registry.labels().decided) == (1, None, 2)


def test_share_of_a_person_is_only_reported(registry):
    registry.start_canary(2, 0.1)
    found = look(registry, statistics(error_rate=0.03), POLICY)
    assert (found.decision.name, found.action, found.after) == ("rollback", Wait(), registry.labels())


def test_killed_watch_continues_at_its_step(registry):
    registry.start_canary(2, 0.01, step=0)
    next(watch(registry, statistics(), POLICY, 0.0))
    assert registry.labels().step == 1
    (again, *_) = watch(Registry(registry.folder), statistics(), POLICY, 0.0)
    assert again.action == RaiseShare(2, 0.25)


def test_canary_that_another_process_replaced_is_left_alone(registry):
    registry.start_canary(2, 0.01, step=0)
    watched = watch(registry, statistics(), replace(POLICY, step_minutes=60), 0.0)
    assert next(watched).action == Wait()
    registry.stop_canary()
    other = registry.start_canary(3, 0.01, step=0)
    with pytest.raises(UsageError, match="was ended by another process"):
        next(watched)
    assert registry.labels() == other


def test_change_during_a_look_is_noticed_and_looked_at_again(registry):
    registry.start_canary(2, 0.01, step=0)
    calls = []

    def interfering(aliases):
        calls.append(aliases.share)
        if len(calls) == 1:
            registry.set_share(0.05, 1)
        return statistics()(aliases)

    first = next(watch(registry, interfering, POLICY, 0.0))
    assert (calls, first.action) == ([0.01, 0.05], RaiseShare(2, 0.25))


def test_statistics_that_cannot_be_read_are_an_error_and_change_nothing(registry):
    before = registry.start_canary(2, 0.01, step=0)

    def unreadable(aliases):
        raise PlumblineError("requests: cannot be read")

    with pytest.raises(PlumblineError, match="cannot be read"):
        next(watch(registry, unreadable, POLICY, 0.0))
    assert registry.labels() == before


def test_hours_count_from_the_share(registry):
    aliases = registry.start_canary(2, 0.1)
    now = datetime.fromisoformat(aliases.since) + timedelta(hours=3)
    decision, hours = decision_now(aliases, statistics(600), replace(POLICY, max_hours=2), now)
    assert hours == pytest.approx(3)
    assert decision.reasons[0].startswith("3.0 hours have passed, at most 2 are allowed")
    assert now.tzinfo == timezone.utc
    with pytest.raises(UsageError, match="no version is the canary"):
        decision_now(registry.stop_canary(), statistics(), POLICY)
