"""Significance rule of the evaluation, tested on models of known quality."""

from statistics import NormalDist

import numpy as np
import pytest

from components.evaluator import paired_comparison
from components.evaluator.blessing import LOWER_IS_BETTER, ValidationThresholds, find_insignificant, find_violations
from components.evaluator.paired_comparison import (
    MetricComparison,
    compare_metrics,
    draw_samples,
    one_sided_p_value,
    outperforms,
    rejected_hypotheses,
)
from components.shared.statistics.weighted_metrics import MeanMetrics, ThresholdMetrics, regression_metrics

NAN = float("nan")


def models(seed: int, rows: int, loss: float, likeness: float = 0.97, auc: float = 0.72) -> dict[str, ThresholdMetrics]:
    """Two models of equal noise whose true AUCs are `auc` and `auc` - `loss`: AUC = Phi(shift / sqrt 2) of normals."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.24).astype(np.float64)
    noise, other = random.normal(size=(2, rows))
    shifts = [NormalDist().inv_cdf(area) * 2**0.5 for area in (auc, auc - loss)]
    scores = (
        labels * shifts[0] + noise,
        labels * shifts[1] + likeness * noise + (1 - likeness**2) ** 0.5 * other,
    )
    champion, candidate = (ThresholdMetrics(labels, 1 / (1 + np.exp(-score))) for score in scores)
    return {"candidate": candidate, "champion": champion}


def blocked(seed: int, rows: int, loss: float, tolerance: float, slices: int = 0, **more: float) -> bool:
    """Whether the candidate has a violation against the champion, overall or on one of several slices of equal size."""
    policy = ValidationThresholds(tolerance={"auc": tolerance}, slice_tolerance={"auc": tolerance})
    parts = {f"s={one}": np.arange(one, rows, slices) for one in range(slices)}
    draws = draw_samples(models(seed, rows, loss, **more), parts, rows, resamples=100, seed=seed)
    found = compare_metrics(draws, policy.tolerance, policy.slice_tolerance, LOWER_IS_BETTER)
    candidate, champion = (
        {part: {"rows": rows, **draws.measured(part, name)} for part in draws.metrics}
        for name in ("candidate", "champion")
    )
    return bool(find_violations(candidate, champion, policy, found))


@pytest.mark.slow
def test_equal_models_are_rejected_in_at_most_5_percent():
    """Without tolerance, the worst case: 5 % of 300 evaluations are 15; more than 24 have a probability below 1 %."""
    assert sum(blocked(seed, 600, 0.0, 0.0, slices=3, likeness=0.9) for seed in range(300)) <= 24


@pytest.mark.slow
def test_loss_of_twice_the_tolerance_is_detected_on_a_month_of_flights():
    assert sum(blocked(seed, 28_000, 0.006, 0.003) for seed in range(20)) >= 18


def test_detectable_loss_is_detected():
    draws = draw_samples(models(1, 3000, 0.0), {}, 3000)
    seen = compare_metrics(draws, {"auc": 0.0}, {}, LOWER_IS_BETTER)["", "auc"].detectable
    caught = sum(blocked(seed, 3000, seen, 0.0) for seed in range(60))
    assert 47 <= caught <= 60  # 54 of 60 are 90 %


def test_loss_that_is_not_significant_is_reported_and_does_not_block():
    policy = ValidationThresholds(tolerance={"auc": 0.003})
    candidate, champion = {"": {"rows": 500, "auc": 0.70}}, {"": {"rows": 500, "auc": 0.71}}
    unsure = {("", "auc"): MetricComparison(-0.01, 0.01, 0.16, False, 0.03)}
    assert find_violations(candidate, champion, policy, unsure) == []
    (told,) = find_insignificant(candidate, champion, policy, unsure)
    assert (told.metric, told.value, told.limit) == ("auc", 0.7, pytest.approx(0.707))
    assert (told.against, told.significant, told.p_value) == ("champion", False, 0.16)
    sure = {("", "auc"): MetricComparison(-0.01, 0.001, 0.0, True, 0.003)}
    assert [one.metric for one in find_violations(candidate, champion, policy, sure)] == ["auc"]
    assert find_insignificant(candidate, champion, policy, sure) == []


def test_significant_loss_within_the_tolerance_does_not_block():
    sure = {("", "auc"): MetricComparison(-0.002, 0.0001, 0.0, True, 0.003)}
    candidate, champion = {"": {"rows": 500, "auc": 0.708}}, {"": {"rows": 500, "auc": 0.71}}
    assert find_violations(candidate, champion, ValidationThresholds(tolerance={"auc": 0.003}), sure) == []


def test_undefined_comparison_blocks_overall_but_not_on_a_slice():
    policy = ValidationThresholds(tolerance={"auc": 0}, slice_tolerance={"auc": 0})
    candidate = {"": {"rows": 500, "auc": 0.7}, "o=A": {"rows": 40, "auc": 0.5}}
    champion = {"": {"rows": 500, "auc": 0.8}, "o=A": {"rows": 40, "auc": 0.9}}
    nothing = MetricComparison(-0.1, NAN, NAN, None, NAN)
    found = find_violations(candidate, champion, policy, {("", "auc"): nothing, ("o=A", "auc"): nothing})
    assert [one.slice for one in found] == [""]


def test_larger_loss_is_worse():
    random = np.random.default_rng(0)
    truth = random.normal(size=400)
    near, far = truth + 0.1 * random.normal(size=400), truth + random.normal(size=400)
    calculators = {"candidate": regression_metrics(truth, far), "champion": regression_metrics(truth, near)}
    found = compare_metrics(draw_samples(calculators, {}, 400), {"rmse": 0.1}, {}, LOWER_IS_BETTER)["", "rmse"]
    assert found.difference > 0.7
    assert found.significant
    turned = {"candidate": calculators["champion"], "champion": calculators["candidate"]}
    assert not compare_metrics(draw_samples(turned, {}, 400), {"rmse": 0.1}, {}, LOWER_IS_BETTER)[
        "", "rmse"
    ].significant


def test_model_is_never_worse_than_itself():
    one = models(3, 200, 0.0)["candidate"]
    draws = draw_samples({"candidate": one, "champion": one}, {}, 200, resamples=10)
    found = compare_metrics(draws, {"auc": 0.0, "log_loss": 0.0}, {}, LOWER_IS_BETTER)
    assert {(c.difference, c.error, c.p_value, c.significant) for c in found.values()} == {(0.0, 0.0, 1.0, False)}


@pytest.mark.parametrize(
    ("difference", "error", "p"), [(-1.644854, 1, 0.05), (0, 1, 0.5), (-0.1, 0, 0.0), (0.0, 0, 1.0)]
)
def test_p_values(difference, error, p):
    assert one_sided_p_value(difference, error) == pytest.approx(p, abs=1e-6)


def test_holms_procedure():
    """0.01 <= 0.04 / 3 and 0.015 <= 0.04 / 2, but 0.05 > 0.04."""
    p_values = {("", "a"): 0.015, ("", "b"): 0.01, ("", "c"): 0.05}
    assert rejected_hypotheses(p_values, 0.04) == {("", "a"), ("", "b")}
    assert rejected_hypotheses({("", "a"): 0.03, ("", "b"): 0.03}, 0.04) == set()
    assert rejected_hypotheses({}, 0.05) == set()


def test_interval_of_a_share_equals_the_textbook_formula():
    """The standard error of an accuracy of 0.8 on 1000 rows is sqrt(0.8 x 0.2 / 1000) = 0.0126."""
    right = np.arange(1000) % 5 > 0
    low, high = draw_samples({"m": MeanMetrics({"accuracy": right})}, {}, 1000, resamples=2000).interval(
        "", "accuracy", "m"
    )
    assert (low, high) == pytest.approx((0.774, 0.8236), abs=0.003)


def test_intervals_have_nominal_coverage():
    covered = 0
    for seed in range(100):
        draws = draw_samples({"m": models(seed, 500, 0.0)["champion"]}, {}, 500, resamples=60, seed=seed)
        low, high = draws.interval("", "auc", "m")
        covered += low <= 0.72 <= high
    assert covered >= 88  # 95 expected; fewer than 88 has a chance of 1 in 500


def test_intervals_stay_in_range_and_are_omitted_if_undefined():
    labels = np.array([0.0] * 3 + [1.0] * 3)
    perfect = draw_samples({"m": ThresholdMetrics(labels, labels * 0.9 + 0.05)}, {}, 6, resamples=50).intervals("", "m")
    assert "auc" not in perfect  # six rows: too many draws have one class
    assert perfect["accuracy"] == (1.0, 1.0)
    one_class = draw_samples({"m": ThresholdMetrics(labels * 0, labels)}, {}, 6, resamples=50).intervals("", "m")
    assert not {"auc", "average_precision"} & one_class.keys()


def test_very_many_rows_are_sampled_before_resampling(monkeypatch):
    both = models(5, 4000, 0.02)
    slices = {"s=0": np.arange(0, 4000, 2)}
    every = draw_samples(both, slices, 4000)
    monkeypatch.setattr(paired_comparison, "MAX_ROWS", 1000)
    some = draw_samples(both, slices, 4000)
    for part in ("", "s=0"):
        assert some.measured(part, "candidate") == every.measured(part, "candidate")
        (d, error), (d_some, error_some) = (x.difference(part, "auc", "candidate", "champion") for x in (every, some))
        assert d == d_some
        assert error_some == pytest.approx(error, rel=0.35)


def test_better_in_any_metric():
    low = frozenset({"log_loss"})
    assert outperforms({"auc": 0.6, "log_loss": 0.7}, {"auc": 0.5, "log_loss": 0.6}, ["auc", "log_loss"], low)
    assert not outperforms({"auc": 0.5, "log_loss": 0.7}, {"auc": 0.5, "log_loss": 0.6}, ["auc", "log_loss"], low)
    assert outperforms({"auc": NAN}, {"auc": 0.5}, ["auc"], low) is None
