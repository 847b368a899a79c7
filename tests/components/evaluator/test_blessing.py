import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.blessing import ValidationThresholds, find_violations

NAN = float("nan")


def found(candidate, champion, **policy) -> list[tuple]:
    return [
        (s.slice, s.metric, s.value, s.limit, s.against)
        for s in find_violations(candidate, champion, ValidationThresholds(**policy))
    ]


def overall(**metrics) -> dict:
    return {"": {"rows": 1000, **metrics}}


@pytest.mark.parametrize(("auc", "blessed"), [(0.71, True), (0.7, True), (0.69, False)])
def test_without_champion_only_thresholds_apply(auc, blessed):
    expected = [] if blessed else [("", "auc", 0.69, 0.7, "threshold")]
    assert found(overall(auc=auc), None, thresholds={"auc": 0.7}, tolerance={"auc": 0.0}) == expected


@pytest.mark.parametrize(
    ("auc", "tolerance", "blessed"),
    [
        (0.80, 0.0, True),  # better
        (0.75, 0.0, True),  # equal
        (0.74, 0.0, False),  # worse
        (0.74, 0.25, True),  # worse within the tolerance
        (0.50, 0.25, True),  # worse by the tolerance (both figures are exact in binary)
        (0.49, 0.25, False),  # worse beyond it
    ],
)
def test_against_the_champion(auc, tolerance, blessed):
    expected = [] if blessed else [("", "auc", auc, 0.75 - tolerance, "champion")]
    assert found(overall(auc=auc), overall(auc=0.75), tolerance={"auc": tolerance}) == expected


@pytest.mark.parametrize("metric", ["log_loss", "rmse", "mae", "mse"])
@pytest.mark.parametrize(
    ("value", "tolerance", "blessed"),
    [(0.4, 0.0, True), (0.5, 0.0, True), (0.6, 0.0, False), (0.6, 0.25, True), (0.75, 0.25, True), (0.76, 0.25, False)],
)
def test_lower_is_better_for_errors_and_losses(metric, value, tolerance, blessed):
    expected = [] if blessed else [("", metric, value, 0.5 + tolerance, "champion")]
    assert found(overall(**{metric: value}), overall(**{metric: 0.5}), tolerance={metric: tolerance}) == expected


def test_threshold_of_a_loss_is_an_upper_bound():
    assert found(overall(log_loss=0.5), None, thresholds={"log_loss": 0.5}) == []
    assert found(overall(log_loss=0.6), None, thresholds={"log_loss": 0.5}) == [("", "log_loss", 0.6, 0.5, "threshold")]


def test_threshold_and_champion_both_apply():
    assert found(overall(auc=0.6), overall(auc=0.8), thresholds={"auc": 0.7}, tolerance={"auc": 0}) == [
        ("", "auc", 0.6, 0.7, "threshold"),
        ("", "auc", 0.6, 0.8, "champion"),
    ]


def test_better_metric_does_not_compensate_a_worse_one():
    candidate, champion = overall(auc=0.9, log_loss=0.6), overall(auc=0.7, log_loss=0.5)
    assert found(candidate, champion, tolerance={"auc": 0, "log_loss": 0}) == [("", "log_loss", 0.6, 0.5, "champion")]


def test_metric_without_threshold_is_ignored():
    assert found(overall(auc=0.1, f1=0.0), overall(auc=0.9, f1=1.0)) == []


@pytest.mark.parametrize("value", [NAN, None, "absent"])
@pytest.mark.parametrize("champion", [None, overall(auc=0.7), overall(auc=NAN)])
def test_undefined_metric_is_a_violation_overall(value, champion):
    candidate = overall() if value == "absent" else overall(auc=value)
    (shortfall,) = find_violations(candidate, champion, ValidationThresholds(thresholds={"auc": 0.5}))
    assert (shortfall.slice, shortfall.metric, shortfall.against) == ("", "auc", "threshold")
    assert bool(find_violations(candidate, champion, ValidationThresholds(tolerance={"auc": 0.0}))) == (
        champion is not None
    )


def test_no_metrics_at_all_prevent_the_blessing():
    assert [s.metric for s in find_violations({}, None, ValidationThresholds(thresholds={"auc": 0.5}))] == ["auc"]
    only_slices = {"o=A": {"rows": 9, "auc": 0.9}}
    assert [s.slice for s in find_violations(only_slices, None, ValidationThresholds(thresholds={"auc": 0.5}))] == [""]


@pytest.mark.parametrize("value", [NAN, None])
def test_undefined_metric_is_no_violation_on_a_slice(value):
    candidate = {**overall(auc=0.8), "o=A": {"rows": 1000, "auc": value}}
    champion = {**overall(auc=0.8), "o=A": {"rows": 1000, "auc": 0.9}}
    assert found(candidate, champion, slice_thresholds={"auc": 0.9}, slice_tolerance={"auc": 0}) == []


def test_undefined_metric_of_the_champion_sets_no_limit():
    candidate = {**overall(auc=0.1), "o=A": {"rows": 1000, "auc": 0.1}}
    champion = {**overall(auc=NAN), "o=A": {"rows": 1000, "auc": None}}
    assert found(candidate, champion, tolerance={"auc": 0}, slice_tolerance={"auc": 0}) == []


def test_slices_have_their_own_thresholds():
    candidate = {**overall(auc=0.75), "o=A": {"rows": 500, "auc": 0.5}, "o=B": {"rows": 500, "auc": 0.9}}
    champion = {**overall(auc=0.75), "o=A": {"rows": 500, "auc": 0.75}, "o=B": {"rows": 500, "auc": 0.8}}
    assert found(candidate, champion, thresholds={"auc": 0.7}, tolerance={"auc": 0.0}) == []
    assert found(candidate, champion, slice_thresholds={"auc": 0.6}, slice_tolerance={"auc": 0.125}) == [
        ("o=A", "auc", 0.5, 0.6, "threshold"),
        ("o=A", "auc", 0.5, 0.625, "champion"),
    ]
    assert found(candidate, champion, slice_tolerance={"auc": 0.25}) == []


@pytest.mark.parametrize(("rows", "counted"), [(99, False), (100, True)])
def test_small_slices_are_ignored(rows, counted):
    candidate = {**overall(auc=0.8), "o=A": {"rows": rows, "auc": 0.1}}
    assert bool(found(candidate, None, slice_thresholds={"auc": 0.5}, min_slice_rows=100)) == counted


def test_overall_thresholds_apply_to_few_rows():
    assert found({"": {"rows": 3, "auc": 0.1}}, None, thresholds={"auc": 0.5}, min_slice_rows=100)


def test_slice_that_the_champion_lacks_is_compared_with_thresholds_only():
    candidate = {**overall(auc=0.8), "o=New": {"rows": 1000, "auc": 0.1}}
    policy = {"slice_thresholds": {"auc": 0.05}, "slice_tolerance": {"auc": 0.0}}
    assert found(candidate, overall(auc=0.8), **policy) == []
    assert found(candidate, overall(auc=0.8), slice_thresholds={"auc": 0.2}) == [
        ("o=New", "auc", 0.1, 0.2, "threshold")
    ]


def test_overall_violations_come_first_then_slices_by_name():
    candidate = {"b=1": {"rows": 9, "auc": 0.1}, "a=1": {"rows": 9, "auc": 0.1}, **overall(auc=0.1)}
    shortfalls = find_violations(
        candidate, None, ValidationThresholds(thresholds={"auc": 0.5}, slice_thresholds={"auc": 0.5})
    )
    assert [shortfall.slice for shortfall in shortfalls] == ["", "a=1", "b=1"]


shares = st.floats(0, 1)


@given(shares, st.floats(0, 0.5))
def test_model_never_violates_thresholds_against_itself(auc, tolerance):
    assert found(overall(auc=auc), overall(auc=auc), tolerance={"auc": tolerance}) == []


@given(shares, shares)
def test_without_tolerance_one_of_two_models_is_better_or_they_are_equal(one, other):
    policy = {"tolerance": {"auc": 0.0}}
    forth = found(overall(auc=one), overall(auc=other), **policy)
    back = found(overall(auc=other), overall(auc=one), **policy)
    assert (bool(forth), bool(back)) == (one < other, other < one)
