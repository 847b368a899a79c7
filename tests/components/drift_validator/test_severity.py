"""Severity grades the distance of the populations, whatever the number of rows."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstwobign, norm

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.new_values import unknown_share
from components.drift_validator.distances.registry import MEASURES
from components.drift_validator.drift_detection import DriftConfig, DriftResult, find_drift
from components.drift_validator.severity import capped_severity, corrected_distance, severity_of
from components.drift_validator.significance import TestSubject, apply_tests
from components.drift_validator.thresholds import DriftThresholds, SeverityLevels
from components.shared.statistics.severities import worst

distances = st.floats(0, 1)


def measured(distance, noise=None, corrected=None, measure="chebyshev", p_value=1e-9):
    return DistanceResult(measure, distance, p_value=p_value, critical=lambda _: noise, corrected=corrected)


def test_noise_is_subtracted_from_the_square_of_the_distance():
    assert corrected_distance(measured(0.5, noise=0.3)) == pytest.approx(0.4)  # sqrt(0.25 - 0.09)
    assert corrected_distance(measured(0.2, noise=0.3)) == 0
    assert corrected_distance(measured(0.2)) == 0.2  # without a null distribution
    assert corrected_distance(measured(0.5, noise=0.3, corrected=0.1)) == 0.1  # an estimator of its own


@given(distances, distances, distances)
def test_the_corrected_distance_is_at_most_the_distance_and_grows_with_it(one, other, noise):
    low, high = sorted((one, other))
    assert 0 <= corrected_distance(measured(low, noise)) <= low
    assert corrected_distance(measured(low, noise)) <= corrected_distance(measured(high, noise))


def test_levels_by_hand():
    assert [severity_of(effect, 0.1, 0.25) for effect in (0.0, 0.099, 0.1, 0.249, 0.25, 1.0)] == [
        "negligible",
        "negligible",
        "moderate",
        "moderate",
        "severe",
        "severe",
    ]
    assert severity_of(0.0, 0.0, 0.0) == "negligible"
    assert worst(["moderate", "severe", "negligible"]) == "severe"
    assert worst([]) == "negligible"


def test_drift_of_a_feature_that_the_model_hardly_uses_is_at_most_moderate():
    assert [capped_severity(one, 0.0) for one in ("negligible", "moderate", "severe")] == [
        "negligible",
        "moderate",
        "moderate",
    ]
    assert (capped_severity("severe", 0.019), capped_severity("severe", 0.02)) == ("moderate", "severe")
    assert capped_severity("severe", None) == "severe"


def test_levels_of_every_measure_are_in_order():
    for measure in MEASURES:
        assert (measure.effect_size or 0) <= measure.moderate < measure.severe <= 1


def test_levels_follow_the_effect_sizes_that_are_set():
    rules = DriftThresholds(
        effects={"missing": 0.2, "unseen": 0.02}, thresholds={"color": 0.03}, severe={"decimals": 0.9, "missing": 0.1}
    )
    assert rules.levels("color", "chebyshev") == SeverityLevels(0.03, 0.25, True)
    assert rules.levels("height", "kolmogorov_smirnov") == SeverityLevels(0.125, 0.25, False)
    assert rules.levels("height", "missing") == SeverityLevels(0.2, 0.2, True)  # severe is never below moderate
    assert rules.levels("color", "unseen") == SeverityLevels(0.02, 0.25, True)
    assert rules.levels("color", "decimals") == SeverityLevels(0.125, 0.9, False)
    assert DriftThresholds(effects={"missing": 0.2}).levels("color", "missing") == SeverityLevels(0.2, 0.4, True)
    assert DriftThresholds(divergences={"x": 0.6}).levels("x", "jensen_shannon") == SeverityLevels(0.6, 1.0, True)


def grades(found, rules=None):
    rows = apply_tests(found, rules or DriftThresholds())
    return {(row.feature, row.slice): (row.severity, row.drifted) for row in rows}


def test_severity_does_not_depend_on_significance():
    found = [
        (TestSubject("sure"), measured(0.3, 0.01)),
        (TestSubject("unsure"), measured(0.3, 0.01, p_value=0.5)),
        (TestSubject("small"), measured(0.05, 0.01)),
    ]
    assert grades(found) == {
        ("sure", ""): ("severe", True),
        ("unsure", ""): ("severe", False),
        ("small", ""): ("negligible", True),
    }


def test_drift_above_an_effect_size_of_ones_own_is_at_least_moderate():
    found = [(TestSubject("color"), measured(0.031, 0.02)), (TestSubject("dest"), measured(0.029, 0.02))]
    rules = DriftThresholds(thresholds={"color": 0.03, "dest": 0.03})
    assert grades(found, rules) == {("color", ""): ("moderate", True), ("dest", ""): ("negligible", False)}


def test_a_slice_is_graded_by_what_it_moved_more_than_all_rows():
    found = [(TestSubject("color"), measured(0.2, 0.0))]
    found += [(TestSubject("color", f"origin={d}"), measured(d, 0.0)) for d in (0.25, 0.35, 0.5)]
    assert grades(found) == {
        ("color", ""): ("moderate", True),
        ("color", "origin=0.25"): ("negligible", True),
        ("color", "origin=0.35"): ("moderate", True),
        ("color", "origin=0.5"): ("severe", True),
    }
    rules = DriftThresholds(slice_effect=0.2)
    assert grades(found, rules)["color", "origin=0.35"] == ("negligible", False)


def test_importance_lowers_features_only_and_orders_the_findings():
    found = [
        (TestSubject("unused"), measured(0.9, 0.0)),
        (TestSubject("minor"), measured(0.6, 0.0)),
        (TestSubject("major"), measured(0.4, 0.0)),
        (TestSubject("late", role="label"), measured(0.3, 0.0)),
    ]
    rules = DriftThresholds(importance={"unused": 0.0, "minor": 0.1, "major": 1.0, "late": 0.0})
    rows = apply_tests(found, rules)
    assert [(row.feature, row.severity, row.importance) for row in rows] == [
        ("late", "severe", None),
        ("major", "severe", 1.0),
        ("minor", "severe", 0.1),
        ("unused", "moderate", 0.0),
    ]


def normal(shift: float, rows: int, seed: int) -> DriftResult:
    """Compares N(0, 1) with N(shift, 1)."""
    rng = np.random.default_rng(seed)
    sides = (pa.record_batch({"x": rng.normal(mean, 1, rows)}) for mean in (0.0, shift))
    one, other = ([side] for side in sides)
    return find_drift(one, other, DriftConfig(joint_rows=0))


def of_x(result: DriftResult):
    return next(row for row in result.rows if row.measure == "kolmogorov_smirnov")


@pytest.mark.parametrize(("shift", "expected"), [(0.1, "negligible"), (0.42, "moderate"), (1.0, "severe")])
def test_the_number_of_rows_does_not_change_the_severity(shift, expected):
    # Kolmogorov-Smirnov distances of the populations 2 Phi(shift / 2) - 1: 0.040, 0.166, 0.383.
    for rows in (500, 5_000, 50_000):
        found = of_x(normal(shift, rows, seed=rows))
        assert found.severity == expected
        assert found.corrected_distance == pytest.approx(2 * norm.cdf(shift / 2) - 1, abs=2.5 / rows**0.5)


def test_the_corrected_distance_is_less_biased_than_the_distance():
    truth = 2 * norm.cdf(0.125) - 1  # 0.099
    rows = [of_x(normal(0.25, 300, seed)) for seed in range(60)]
    raw, corrected = (
        np.mean([getattr(row, name) for row in rows]) - truth for name in ("distance", "corrected_distance")
    )
    assert raw > 0.015
    assert abs(corrected) < 0.6 * raw


def test_the_noise_is_the_median_of_the_distance_without_drift():
    found = of_x(normal(0.0, 2_000, seed=1))
    median = kstwobign.ppf(0.5) * (2 / 2_000) ** 0.5
    assert found.corrected_distance == pytest.approx(max(0.0, found.distance**2 - median**2) ** 0.5, abs=1e-9)


def test_values_that_a_small_baseline_cannot_know_are_no_new_values():
    # Of 9 baseline values one occurs once, none twice: 1/9 + sqrt(1/81 - 1/729) is unknown. Half of the current values.
    unknown = 1 / 9 + (1 / 81 - 1 / 729) ** 0.5
    assert unknown_share(np.array([8, 1, 0])) == pytest.approx(unknown)
    sides = [pa.record_batch({"x": values}) for values in (["a"] * 8 + ["b"], ["a", "a", "c", "c"])]
    rows = {row.measure: row for row in find_drift(sides[:1], sides[1:], DriftConfig()).rows}
    expected = (0.5 - unknown) / (1 - unknown)
    assert (rows["unseen"].distance, rows["unseen"].corrected_distance) == (0.5, pytest.approx(expected))
    assert (unknown_share(np.array([5, 3])), unknown_share(np.zeros(0, int))) == (0.0, 1.0)
    rng = np.random.default_rng(4)
    sides = [pa.record_batch({"x": [f"v{i}" for i in rng.integers(0, 2000, 1500)]}) for _ in range(2)]
    unseen = next(row for row in find_drift(sides[:1], sides[1:], DriftConfig()).rows if row.measure == "unseen")
    assert unseen.distance > 0.4
    assert unseen.corrected_distance < 0.05
