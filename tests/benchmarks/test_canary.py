"""The vectorised rule of the benchmark decides as serving.canary.decision, and the simulation is what it says."""

import numpy as np
import pytest

from benchmarks.canary_arms import LATENCY_BINS, LIVE, LOSSES, MEDIAN, SCENARIOS, SHARES, Arm, draw
from benchmarks.canary_rules import fixed_horizon, kayenta, ours
from serving.canary.arm_statistics import BINS, ArmStatistics, LossSums, latency_bins
from serving.canary.decision import decide
from serving.canary.policy import CHECKS, CanaryPolicy

POLICY = CanaryPolicy(required=CHECKS)


def statistics(arm: Arm, run: int, at: int) -> ArmStatistics:
    """The statistics of one simulated arm at one look."""
    latencies = np.zeros(BINS, np.int64)
    first = int(latency_bins(np.array([MEDIAN]))[0]) - LATENCY_BINS // 2
    latencies[first : first + LATENCY_BINS] = arm.latencies[run, at]
    losses = arm.losses[run, at]
    sums = LossSums(int(losses.sum()), float(losses @ LOSSES), float(losses @ LOSSES**2))
    return ArmStatistics(
        int(arm.requests[run, at]), int(arm.errors[run, at]), latencies, arm.predictions[run, at], sums
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_vectorised_rule_decides_as_the_decision(scenario):
    live, canary = draw(np.random.default_rng(5), SCENARIOS[scenario], 2, 8, 16_000, 0.25)
    verdicts = ours(live, canary, POLICY)
    x, y = live.cumulative(), canary.cumulative()
    for run in range(2):
        for at in (0, 3, 7):
            expected = decide(statistics(x, run, at), statistics(y, run, at), POLICY).name
            found = "rollback" if verdicts.bad[run, at] else "promote" if verdicts.good[run, at] else "hold"
            assert found == expected


def test_scenarios_are_what_their_names_say():
    mean = SHARES @ LOSSES
    assert SCENARIOS["metric worse by the margin"].losses() @ LOSSES == pytest.approx(1.1 * mean)
    limit = SCENARIOS["limit of harm"]
    assert np.abs(limit.predictions() - LIVE.predictions()).max() <= POLICY.harm * POLICY.prediction_margin
    assert limit.losses() @ LOSSES / mean == pytest.approx(1 + POLICY.harm * POLICY.metric_margin)
    assert np.abs(SCENARIOS["predictions shifted"].predictions() - LIVE.predictions()).max() > 0.1


def test_rules_find_a_large_fault():
    live, canary = draw(np.random.default_rng(6), SCENARIOS["latency + 30 %"], 3, 20, 4_000, 0.25)
    assert fixed_horizon(live, canary, 0.05)[:, -1].all()
    assert kayenta(live, canary).bad[:, -1].all()  # p50 and p99 fail: a score of 60
