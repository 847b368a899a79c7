"""The classifier two-sample test detects drift of the joint distribution and not that of single columns."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from components.drift_validator.multivariate.c2st import (
    MIN_ROWS,
    C2STResult,
    _auc,
    _placements,
    _variances,
    classifier_two_sample_test,
    to_measured,
)
from components.drift_validator.multivariate.feature_encoding import encode_samples
from components.drift_validator.multivariate.pair_dependence import bin_columns, lift


def flights(rows, seed):
    """`late` depends on hour and origin, arrival on departure; `temp` is independent of all."""
    draw = np.random.default_rng(seed)
    dep = draw.integers(300, 1200, rows)
    origin = draw.choice(["EWR", "JFK", "LGA"], rows)
    late = draw.random(rows) < 0.1 + 0.2 * (dep > 900) + 0.2 * (origin == "EWR")
    return pd.DataFrame(
        {
            "dep": dep,
            "arr": dep + draw.integers(60, 240, rows),
            "origin": origin,
            "temp": np.where(draw.random(rows) < 0.05, np.nan, draw.normal(70, 9, rows)),
            "late": late.astype(int),
        }
    )


def swapped(frame, share):
    """Swaps values between rows of a share of the table, which keeps the distribution of each column."""
    frame = frame.copy()
    some = np.arange(int(share * len(frame)))
    frame.loc[some, "arr"] = frame.loc[some, "arr"].to_numpy()[::-1]
    return frame


def flipped(frame):
    """Flips labels of a third of EWR's rows and as many in the opposite direction elsewhere; the rate is unchanged."""
    frame = frame.copy()
    at = np.flatnonzero(frame["origin"] == "EWR")
    at = at[: len(at) // 3]
    more = int((1 - 2 * frame.loc[at, "late"]).sum())
    frame.loc[at, "late"] = 1 - frame.loc[at, "late"]
    rest = np.flatnonzero((frame["origin"] != "EWR") & (frame["late"] == int(more > 0)))[: abs(more)]
    frame.loc[rest, "late"] = 1 - frame.loc[rest, "late"]
    return frame


def test_dependence_broken_in_a_tenth_of_the_rows():
    current = swapped(flights(4000, 2), 0.1)
    found = classifier_two_sample_test(flights(4000, 1), current)
    assert sorted(current["arr"]) == sorted(flights(4000, 2)["arr"])
    assert found.p_value < 0.001
    assert {name for name, _ in found.features[:2]} == {"dep", "arr"}
    assert abs(found.auc_alone - 0.5) < 0.03 < found.auc - 0.5


def test_labels_flipped_in_one_slice():
    current = flipped(flights(4000, 2))
    assert current["late"].sum() == flights(4000, 2)["late"].sum()
    found = classifier_two_sample_test(flights(4000, 1), current)
    assert found.p_value < 0.001
    assert {name for name, _ in found.features[:2]} == {"origin", "late"}


def test_three_way_dependence_reversed_in_one_slice():
    """The sign of c is that of a * b, in current its opposite; any two of the three are independent in both tables."""

    def sides(sign, seed):
        draw = np.random.default_rng(seed)
        a, b = draw.choice([-1, 1], (2, 2000))
        return pd.DataFrame({"a": a, "b": b, "c": sign * a * b, "noise": draw.normal(size=2000)})

    found = classifier_two_sample_test(sides(1, 1), sides(-1, 2))
    assert found.p_value < 1e-6
    assert found.distance > 0.9
    assert {name for name, _ in found.features[:3]} == {"a", "b", "c"}


def test_drift_of_single_columns_is_no_drift_of_the_joint_distribution():
    draw = np.random.default_rng(5)
    baseline, current = (pd.DataFrame(draw.normal(size=(2000, 4)), columns=list("abcd")) for _ in range(2))
    current["a"] += 1
    current["b"] *= 2
    found = classifier_two_sample_test(baseline, current)
    assert found.auc_alone > 0.7
    assert found.p_value > 0.05
    assert found.distance < 0.02


@pytest.mark.slow
@pytest.mark.long
def test_false_alarms_stay_below_their_level():
    """Of 60 tests under the null hypothesis at 5 %, 8 or more are significant with a probability of 1 %."""
    alarms = sum(
        classifier_two_sample_test(flights(150, seed), flights(150, seed + 1000), seed=seed).p_value <= 0.05
        for seed in range(60)
    )
    assert alarms < 8


def test_identical_data_have_no_drift():
    frame = flights(800, 1)
    found = classifier_two_sample_test(frame, frame)
    assert found.distance == 0.0
    assert found.p_value == 1.0


def test_result_is_independent_of_row_order_and_threads():
    baseline, current = flights(400, 1), swapped(flights(500, 2), 0.3)
    found = classifier_two_sample_test(baseline, current)
    with threadpool_limits(1):
        again = classifier_two_sample_test(
            baseline.sample(frac=1, random_state=1), current.sample(frac=1, random_state=2)
        )
    assert again == found
    assert (found.baseline_rows, found.current_rows) == (400, 500)


def test_result_is_independent_of_units_and_accepts_infinities():
    baseline, current = flights(300, 1), swapped(flights(300, 2), 0.5)
    baseline.loc[0, "temp"], current.loc[0, "temp"] = np.inf, -np.inf
    found = classifier_two_sample_test(baseline, current)
    assert (
        classifier_two_sample_test(baseline.assign(dep=baseline["dep"] / 60), current.assign(dep=current["dep"] / 60))
        == found
    )


def test_more_rows_than_the_maximum_are_sampled():
    found = classifier_two_sample_test(flights(600, 1), flights(500, 2), max_rows=200)
    assert (found.baseline_rows, found.current_rows) == (200, 200)


def test_all_column_types():
    frame = flights(200, 1)
    frame["nullable"] = frame["dep"].astype("Int64").where(frame["dep"] > 500)
    frame["truth"] = frame["dep"] > 800
    frame["truth or nothing"] = frame["truth"].astype("boolean").where(frame["dep"] > 500)
    frame["objects"] = pd.Series([None, True, 2.5, 3] * 50, dtype=object)
    frame["category"] = frame["origin"].astype("category")
    frame["Gepäck ✈"] = frame["origin"].where(frame["dep"] > 500, None)
    frame["when"] = pd.to_datetime(frame["dep"], unit="D").where(frame["dep"] > 500)
    frame["constant"] = 1
    frame["nothing"] = np.nan
    frame["nothing at all"] = None
    frame["identity"] = [f"row {n}" for n in range(200)]
    other = frame.assign(only_here=1, dep=frame["dep"].astype(str))  # numeric in one table, text in the other
    found = classifier_two_sample_test(frame, other[::-1])
    assert 0 <= found.distance <= 1
    assert set(encode_samples(frame, other, seed=1).names) == set(frame) - {"constant", "nothing", "nothing at all"}


@pytest.mark.parametrize(
    ("baseline", "current"),
    [
        (flights(MIN_ROWS - 1, 1), flights(500, 2)),
        (flights(500, 1), flights(MIN_ROWS - 1, 2)),
        (flights(500, 1), flights(0, 2)),
        (flights(0, 1), flights(0, 2)),
        (flights(500, 1)[["dep"]], flights(500, 2)),
        (flights(500, 1).assign(dep=1)[["dep", "arr"]], flights(500, 2).assign(dep=1)),
        (pd.DataFrame(index=range(500)), pd.DataFrame(index=range(500))),
    ],
)
def test_no_result_for_small_data(baseline, current):
    found = classifier_two_sample_test(baseline, current)
    assert found == C2STResult(0.5, 0.5, 0.0, 1.0, (), len(baseline), len(current))
    row = to_measured(found)
    assert (row.distance, row.at, row.p_value, row.critical(0.05)) == (0.0, None, 1.0, None)
    assert row.detail.startswith("no verdict on the columns together: ")


def test_conversion_to_a_report_row():
    found = C2STResult(
        0.56, 0.501, 0.005, 1e-20, (("sched_arr", 0.5), ("sched_dep", 0.4), ("dest", 0.1)), 10_000, 9_000
    )
    row = to_measured(found)
    assert (row.measure, row.at, row.p_value) == ("joint", "sched_arr x sched_dep", 1e-20)
    assert row.distance == pytest.approx(0.118)  # 2 (0.560 - 0.501)
    assert row.critical(0.05) == pytest.approx(2 * 0.005 * 1.959964)  # 0.05 over two models: 2.5 % above
    assert row.detail == (
        "together the columns tell current from baseline with AUC 0.560, one by one 0.501; "
        "most by sched_arr, sched_dep, dest"
    )


def test_distance_is_0_where_the_additive_classifier_is_better_and_auc_is_at_least_a_half():
    assert C2STResult(0.6, 0.7, 0.01, 1.0, (), 100, 100).distance == 0.0
    assert C2STResult(0.6, 0.4, 0.01, 0.0, (), 100, 100).distance == pytest.approx(0.2)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.06, 0.1])
def test_critical_value_is_consistent_with_the_p_value(share):
    found = classifier_two_sample_test(flights(1000, 3), swapped(flights(1000, 4), share))
    for alpha in (0.5, 0.2, 0.05, 0.01, 1e-4):
        assert (found.p_value <= alpha) == (found.distance >= found.critical(alpha))


def test_placements_by_hand():
    # Against 1 and 2: 2 is above one of them and ties with the other, 3 is above both.
    below, above = _placements(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0, 0, 1, 1]))
    assert below.tolist() == [0.75, 1.0]
    assert above.tolist() == [1.0, 0.75]


def test_null_variance_equals_that_over_all_assignments():
    score = np.array([0.3, 0.1, 0.9, 0.4, 0.6, 0.8, 0.2])
    areas = []
    for chosen in combinations(range(7), 3):
        side = np.isin(np.arange(7), chosen).astype(int)
        areas.append(_auc(score, side))
        assert _variances(score, score, side)[0] == pytest.approx(8 / 144)  # (3 + 4 + 1) / (12 * 3 * 4)
    assert np.mean(areas) == pytest.approx(0.5)
    assert np.var(areas) == pytest.approx(8 / 144)


def test_variance_of_the_auc_difference_by_hand():
    side = np.array([0, 0, 1, 1])
    together, alone = np.array([1.0, 2.0, 2.0, 3.0]), np.zeros(4)
    # Placements minus 0.5: 0.25, 0.5 and 0.5, 0.25; the variance of each pair is 1/32, over 2 rows of each table.
    assert _variances(together, alone, side)[1] == pytest.approx(1 / 32)


def test_lift_by_hand():
    bins = np.array([[1, 1], [1, 1], [2, 2], [2, 1]])
    # Cell (1, 1): seen 2, expected 2 * 3 / 4; (2, 2): 1 and 2 * 1 / 4; (2, 1): 1 and 1.5.
    expected = np.log([2.5 / 2, 2.5 / 2, 1.5 / 1, 1.5 / 2])
    assert lift(bins, 0, 1).of(bins) == pytest.approx(expected)


def test_bins_by_hand():
    values = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [np.nan, np.nan]], dtype=float)
    bins = bin_columns(values, np.array([False, True]), 4)
    assert bins[:, 0].tolist() == [1, 1, 2, 2, 3, 3, 0]  # thirds
    assert bins[:, 1].tolist() == [1, 2, 3, 3, 3, 3, 0]  # the two most frequent, and the rest


def test_equal_rows_of_both_tables_have_the_same_position():
    frame = pd.DataFrame({"a": [1, 1, 2, 3] * 50, "b": list("xxyz") * 50})
    rows = encode_samples(frame, frame[::-1], seed=7)
    baseline, current = rows.side == 0, rows.side == 1
    assert np.array_equal(rows.values[baseline], rows.values[current])
    assert np.array_equal(rows.place[baseline], rows.place[current])
