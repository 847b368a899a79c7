import numpy as np
import pytest
import scipy.stats  # noqa: F401  (its import would exceed the deadline of the first example)
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.significance import TestSubject, apply_tests, benjamini_hochberg, discovery_level
from components.drift_validator.thresholds import DriftThresholds

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p_values)
def test_q_values_equal_those_of_statsmodels(p):
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-15)


@given(p_values, st.floats(0.001, 0.5))
def test_discovery_level_separates_significant_tests(p, alpha):
    q, level = benjamini_hochberg(p), discovery_level(p, alpha)
    for p_value, q_value in zip(p, q, strict=True):
        if abs(q_value - alpha) > 1e-9:  # at the level itself rounding decides
            assert (q_value <= alpha) == (p_value <= level * (1 + 1e-12))


def test_by_hand():
    # 4 tests at 0.05: 0.01 <= 0.0125, 0.02 <= 0.025, 0.04 > 0.0375, 0.5 > 0.05: two discoveries, level 2/4 * 0.05
    assert discovery_level([0.5, 0.02, 0.01, 0.04], 0.05) == pytest.approx(0.025)
    assert benjamini_hochberg([0.5, 0.02, 0.01, 0.04]) == pytest.approx([0.5, 0.04, 0.04, 0.04 * 4 / 3])
    assert discovery_level([0.9, 0.8], 0.05) == pytest.approx(0.025)  # no test is significant: level of the first one
    assert discovery_level([], 0.05) == 0.05
    assert len(benjamini_hochberg([])) == 0


def test_family_wise_error_rate_under_the_null_hypothesis():
    draws = np.random.default_rng(5).random((2000, 30))
    false_alarms = np.mean([(benjamini_hochberg(row) <= 0.05).any() for row in draws])
    assert false_alarms < 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5


def row(feature, distance, p_value, measure="chebyshev", slice_="", role="feature", critical=0.03):
    measured = DistanceResult(measure, distance, p_value=p_value, critical=lambda _: critical, detail="d")
    return TestSubject(feature, slice_, role), measured


RULES = DriftThresholds(alpha=0.05, thresholds={"color": 0.1}, divergences={"height": 0.2})


@pytest.mark.parametrize(
    ("distance", "p_value", "calibrated", "fixed"),
    [
        (0.2, 1e-6, True, True),  # significant and large
        (0.2, 0.5, False, True),  # large but not significant
        (0.05, 1e-6, False, False),  # significant but small
        (0.05, 0.5, False, False),
        (0.1, 1e-6, False, False),  # equal to the threshold is not above it
    ],
)
def test_drift_requires_significance_and_effect_size(distance, p_value, calibrated, fixed):
    for rule, expected in (("calibrated", calibrated), ("fixed", fixed)):
        rules = DriftThresholds(rule=rule, alpha=0.05, thresholds={"color": 0.1})
        assert apply_tests([row("color", distance, p_value)], rules)[0].drifted is expected


def test_threshold_is_the_larger_of_critical_value_and_effect_size():
    noisy = apply_tests([row("color", 0.2, 0.5, critical=0.3)], RULES)[0]
    assert (noisy.threshold, noisy.chance, noisy.effect, noisy.drifted) == (0.3, 0.3, 0.1, False)
    quiet = apply_tests([row("color", 0.2, 1e-6, critical=0.03)], RULES)[0]
    assert (quiet.threshold, quiet.chance, quiet.effect, quiet.drifted) == (0.1, 0.03, 0.1, True)
    fixed = apply_tests(
        [row("color", 0.2, 0.5, critical=0.3)], DriftThresholds(rule="fixed", thresholds={"color": 0.1})
    )[0]
    assert (fixed.threshold, fixed.drifted) == (0.1, True)


def test_p_values_are_corrected_for_multiple_testing():
    one = apply_tests([row("color", 0.2, 0.01)], RULES)[0]
    among_many = apply_tests([row("color", 0.2, 0.01), *(row(f"f{i}", 0.02, 0.9) for i in range(20))], RULES)[0]
    assert (one.drifted, among_many.drifted) == (True, False)
    assert (one.q_value, among_many.q_value) == (pytest.approx(0.01), pytest.approx(0.21))


def test_significance_of_the_divergence_is_that_of_the_main_measure():
    for p_value, expected in ((1e-6, True), (0.9, False)):
        rows = apply_tests(
            [
                row("height", 0.5, p_value, "kolmogorov_smirnov"),
                (TestSubject("height"), DistanceResult("jensen_shannon", 0.3, detail="")),
            ],
            RULES,
        )
        divergence = next(r for r in rows if r.measure == "jensen_shannon")
        assert (divergence.drifted, divergence.threshold, divergence.p_value) == (expected, 0.2, None)


def test_rows_are_sorted_by_drift_role_slice_and_ratio():
    found = [
        row("a", 0.02, 0.9),
        row("b", 0.2, 1e-9),
        row("c", 0.9, 1e-9),
        row("d", 0.99, 1e-9, slice_="origin=EWR"),
        row("late", 0.05, 1e-9, role="label"),
    ]
    assert [r.feature for r in apply_tests(found, RULES)] == ["late", "c", "b", "d", "a"]


def test_a_slice_must_exceed_the_distance_of_all_rows():
    found = [row("color", 0.2, 1e-9)] + [row("color", d, 1e-9, slice_=f"origin={d}") for d in (0.25, 0.31)]
    drifted = {r.slice: (r.drifted, r.effect) for r in apply_tests(found, RULES)}
    assert drifted == {
        "": (True, 0.1),
        "origin=0.31": (True, pytest.approx(0.3)),
        "origin=0.25": (False, pytest.approx(0.3)),
    }
    rules = DriftThresholds(alpha=0.05, thresholds={"color": 0.1}, slice_effect=0.15)
    assert [r.slice for r in apply_tests(found, rules) if r.drifted] == [""]


def test_nothing_compared():
    assert apply_tests([], RULES) == []


def test_infinity_is_written_as_text():
    measured = DistanceResult("kolmogorov_smirnov", 0.5, at=float("inf"), p_value=0.1)
    assert apply_tests([(TestSubject("x"), measured)], RULES)[0].at == "inf"
