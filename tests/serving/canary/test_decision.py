"""The decision, its reasons, and the steps of the automatic mode."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from serving.canary.arm_statistics import ArmStatistics, LossSums
from serving.canary.decision import Hold, Promote, Rollback, decide
from serving.canary.policy import CanaryPolicy
from serving.canary.steps import PromoteCanary, RaiseShare, RollBackCanary, Step, Wait, next_step
from serving.canary.two_rates import log_e_at_least
from tests.serving.canary.arms import drawn

POLICY = CanaryPolicy()


def pair(**canary) -> tuple[ArmStatistics, ArmStatistics]:
    rng = np.random.default_rng(21)
    size = canary.pop("requests", 20_000)
    labelled = canary.get("labelled", 0)
    return drawn(rng, 10 * size, labelled=10 * labelled), drawn(rng, size, **canary)


def state(decision, name):
    return next(finding.state for finding in decision.findings if finding.name == name)


def test_equal_versions_are_promoted():
    decision = decide(*pair())
    assert isinstance(decision, Promote)
    assert {state(decision, name) for name in ("error rate", "latency p50", "latency p99", "predictions")} == {
        "non-inferior"
    }
    assert (state(decision, "mean loss"), decision.needed) == ("no data", 0)


@pytest.mark.parametrize(
    ("worse", "name"),
    [
        ({"error_rate": 0.02}, "error rate"),
        ({"slower": 1.3}, "latency p50"),
        ({"slower": 1.3}, "latency p99"),
        ({"shift": 0.1}, "predictions"),
        ({"loss": 0.15, "labelled": 20_000}, "mean loss"),
    ],
)
def test_harm_leads_to_a_rollback(worse, name):
    decision = decide(*pair(**worse))
    assert isinstance(decision, Rollback)
    assert state(decision, name) == "harm"
    assert name in decision.reasons[0]
    (line,) = (line for line in decision.to_text().splitlines() if line.startswith(f"  {name}:"))
    assert "harm is shown: more than" in line


def test_hold_says_what_is_missing_and_how_many_requests_more():
    decision = decide(*pair(requests=3_000))
    assert isinstance(decision, Hold)
    assert "error rate and latency p99 not yet shown to be within the margin" in decision.reasons
    assert 5_000 < decision.needed < 50_000
    assert "more canary requests are expected if the versions are equal (power 0.9)" in decision.to_text()


def test_stated_requests_are_enough_with_the_stated_power():
    """Of 1,000 equal versions, about 90 % show non-inferiority after the number of requests that Hold states."""
    rng = np.random.default_rng(22)
    policy = replace(POLICY, required=("errors",), min_requests=0)
    start = decide(ArmStatistics(10_000, 100), ArmStatistics(1_000, 10), policy)
    size = 1_000 + math.ceil(start.needed)
    live, canary = rng.binomial(10 * size, 0.01, 1_000), rng.binomial(size, 0.01, 1_000)
    e = log_e_at_least(live, 10 * size, canary, size, policy.error_margin)
    assert 0.8 < (e >= math.log(1 / policy.alpha)).mean() < 0.97


def test_no_data():
    decision = decide(ArmStatistics(), ArmStatistics())
    assert isinstance(decision, Hold)
    assert {finding.state for finding in decision.findings} == {"no data"}
    assert "error rate: required, but too few requests yet (0 of the canary)" in decision.to_text()
    assert decision.to_json()["needed"] is None
    json.dumps(decision.to_json(), allow_nan=False)


def test_minimum_requests():
    decision = decide(*pair(), replace(POLICY, min_requests=50_000))
    assert isinstance(decision, Hold)
    assert decision.needed == 30_000
    assert "20,000 of at least 50,000 canary requests" in decision.reasons


@pytest.mark.parametrize("limit", [{"max_hours": 2.0}, {"max_requests": 1_000}])
@pytest.mark.parametrize(("timeout", "expected"), [("rollback", Rollback), ("hold", Hold)])
def test_time_is_up(limit, timeout, expected):
    decision = decide(*pair(requests=1_000), replace(POLICY, timeout=timeout, **limit), hours=2.5)
    assert isinstance(decision, expected)
    assert "are allowed" in decision.reasons[0]
    # What is shown to be good is promoted all the same.
    assert isinstance(decide(*pair(), replace(POLICY, timeout=timeout, **limit), hours=2.5), Promote)


def test_metric_that_is_required_waits_for_labels():
    policy = replace(POLICY, required=("errors", "metric"))
    assert isinstance(decide(*pair(), policy), Hold)
    assert isinstance(decide(*pair(labelled=20_000), replace(policy, metric_margin=0.25)), Promote)


def test_unlabelled_rows_are_in_no_sum():
    one = ArmStatistics(10, 0, losses=LossSums(2, 1.0, 1.0))
    assert (one + ArmStatistics(5, 1)).losses == LossSums(2, 1.0, 1.0)


def test_merged_parts_decide_as_the_whole():
    live, canary = pair()
    parts = [drawn(np.random.default_rng(seed), 100) for seed in (1, 2)]
    merged = live + parts[0]
    assert (merged + parts[1]).requests == live.requests + 200
    assert decide(merged, canary).to_json() == decide(parts[0] + live, canary).to_json()
    assert (ArmStatistics() + canary).predictions.tolist() == canary.predictions.tolist()


def test_predictions_in_different_bins_are_refused():
    with pytest.raises(ValueError, match="10 bins for live and 3"):
        decide(pair()[0], ArmStatistics(5, 0, predictions=np.array([1, 2, 2])))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0}, "alpha: 0: must be between 0 and 1"),
        ({"error_margin": 0.0}, "error_margin: 0.0: must be above 0"),
        ({"prediction_margin": 1.0}, "must be below 1"),
        ({"latency_quantiles": (50,)}, "latency_quantiles"),
        ({"required": ("speed",)}, "required: speed: no such check; legal: errors, latency, predictions, metric"),
        ({"steps": (0.5, 0.1, 1)}, "steps: .*must increase"),
        ({"steps": (0.1, 0.5)}, "steps"),
    ],
)
def test_impossible_policies_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        CanaryPolicy(**wrong)


def test_steps():
    promote, hold, rollback = decide(*pair()), decide(*pair(requests=600)), decide(*pair(slower=1.5))
    few = decide(*pair(requests=400))
    assert [type(one) for one in (promote, hold, rollback, few)] == [Promote, Hold, Rollback, Hold]
    later = 1.0
    assert next_step(Step(0, 0.0), rollback, POLICY) == RollBackCanary()
    assert next_step(Step(0, 0.01), promote, POLICY) == Wait()  # the first 5 minutes
    assert next_step(Step(0, later), promote, POLICY) == RaiseShare(1, 0.05)
    assert next_step(Step(1, later), hold, POLICY) == RaiseShare(2, 0.25)
    assert next_step(Step(1, later), few, POLICY) == Wait()
    assert next_step(Step(1, later), hold, replace(POLICY, step_requests=0)) == Wait()
    assert next_step(Step(2, later), hold, POLICY) == Wait()
    assert next_step(Step(2, later), promote, POLICY) == PromoteCanary()
    assert next_step(Step(0, later), promote, replace(POLICY, steps=(0.5, 1.0))) == PromoteCanary()
    assert POLICY.of_one_step().alpha == pytest.approx(0.05 / 3)
