import pytest

from components.error_analysis.slices import WeakSlice, weakest_slices

OVERALL = {"auc": 0.75, "rows": 1000}


def test_worse_slices_by_what_they_cost():
    slices = {
        "o=A": {"auc": 0.5, "rows": 100},  # 0.25 x 0.1 = 0.025
        "o=B": {"auc": 0.625, "rows": 400},  # 0.125 x 0.4 = 0.05
        "o=C": {"auc": 0.75, "rows": 300},  # as the whole
        "o=D": {"auc": 1.0, "rows": 200},  # better
    }
    assert weakest_slices(slices, OVERALL, "auc", lower_is_better=False, min_rows=1) == [
        WeakSlice("o=B", 400, "auc", 0.625, 0.125, 0.05),
        WeakSlice("o=A", 100, "auc", 0.5, 0.25, 0.025),
    ]


def test_of_a_loss_the_larger_is_the_worse():
    slices = {"o=A": {"rmse": 2.0, "rows": 5}, "o=B": {"rmse": 1.0, "rows": 5}}
    found = weakest_slices(slices, {"rmse": 1.5, "rows": 10}, "rmse", lower_is_better=True, min_rows=1)
    assert found == [WeakSlice("o=A", 5, "rmse", 2.0, 0.5, 0.25)]


@pytest.mark.parametrize(("rows", "counted"), [(49, 0), (50, 1)])
def test_small_slices_are_left_out(rows, counted):
    slices = {"o=A": {"auc": 0.1, "rows": rows}}
    assert len(weakest_slices(slices, OVERALL, "auc", lower_is_better=False, min_rows=50)) == counted


@pytest.mark.parametrize("metrics", [{"auc": None, "rows": 500}, {"rows": 500}, {"auc": 0.1, "rows": None}])
def test_what_cannot_be_told_is_left_out(metrics):
    assert weakest_slices({"o=A": metrics}, OVERALL, "auc", lower_is_better=False, min_rows=1) == []


@pytest.mark.parametrize("overall", [{"auc": None, "rows": 1000}, {"auc": 0.5, "rows": 0}, {"auc": 0.5, "rows": None}])
def test_without_an_overall_figure_nothing_is_weak(overall):
    slices = {"o=A": {"auc": 0.1, "rows": 500}}
    assert weakest_slices(slices, overall, "auc", lower_is_better=False, min_rows=1) == []


def test_equals_come_by_name():
    slices = {name: {"auc": 0.5, "rows": 100} for name in ("o=C", "o=A", "o=B")}
    found = weakest_slices(slices, OVERALL, "auc", lower_is_better=False, min_rows=1)
    assert [slice_.slice for slice_ in found] == ["o=A", "o=B", "o=C"]
