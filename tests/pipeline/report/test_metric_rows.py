import pytest

from pipeline.report.formatting import ends, fixed, signed
from pipeline.report.metric_rows import beside, metric_rows, tiles
from tests.pipeline.report.a_run import EVALUATION, facts, summary

MINUS = "\N{MINUS SIGN}"


def test_metrics_beside_the_champions():
    rows = {row.key: row for row in metric_rows(facts())}
    assert list(rows) == ["auc", "average_precision", "f1", "log_loss", "threshold"]
    champion = rows["auc"].champion
    assert (rows["auc"].value, champion.value, champion.difference) == ("0.7500", "0.7400", "+0.0100")
    assert [rows[name].champion.better for name in ("auc", "average_precision", "log_loss")] == [True, None, None]
    assert (rows["f1"].value, rows["f1"].champion.difference) == ("unknown", "")
    assert (rows["threshold"].champion.value, rows["threshold"].champion.difference) == ("0.5000", "")
    assert [row.key for row in tiles(list(rows.values()))] == ["auc", "average_precision", "f1"]


def test_what_was_measured_goes_before_what_a_formula_says():
    rows = {row.key: row for row in metric_rows(facts())}
    assert rows["auc"].interval == "0.720 to 0.780"
    low, high = rows["average_precision"].interval.split(" to ")  # not measured here
    assert float(low) < 0.5 < float(high)
    before = {row.key: row for row in metric_rows(facts(evaluation={}))}
    low, high = before["auc"].interval.split(" to ")
    assert float(low) < 0.75 < float(high)
    assert before["auc"].linear.value == ""


def test_baselines_are_beside_with_the_interval_of_the_difference_where_there_is_one():
    rows = {row.key: row for row in metric_rows(facts())}
    linear = rows["auc"].linear
    assert (linear.value, linear.difference, linear.interval, linear.better) == ("0.7000", "+0.0500", "", None)
    assert rows["auc"].others["prior"].value == "0.5000"
    told = [{"baseline": "linear", "metric": "auc", "difference": 0.051, "error": 0.01}]
    linear = metric_rows(facts(evaluation={**EVALUATION, "baseline_differences": told}))[0].linear
    assert (linear.difference, linear.interval) == ("+0.0510", "+0.031 to +0.071")  # 0.051 +- 1.96 x 0.01
    unknown = [{"baseline": "linear", "metric": "auc", "difference": 0.051, "error": None}]
    linear = metric_rows(facts(evaluation={**EVALUATION, "baseline_differences": unknown}))[0].linear
    assert (linear.difference, linear.interval) == ("+0.0500", "")


def test_only_a_tested_difference_to_the_champion_is_called_better():
    told = [
        {"baseline": "champion", "metric": "average_precision", "difference": -0.02, "error": 0.001},
        {"baseline": "champion", "metric": "log_loss", "difference": -0.01, "error": None},
    ]
    rows = {row.key: row for row in metric_rows(facts(evaluation={**EVALUATION, "champion_differences": told}))}
    tested, untested = rows["average_precision"].champion, rows["log_loss"].champion
    assert (tested.better, tested.interval) == (False, f"{MINUS}0.022 to {MINUS}0.018")
    assert (untested.better, untested.interval, untested.difference) == (None, "", f"{MINUS}0.0100")


def test_the_first_model_has_nothing_before_it():
    row = metric_rows(facts(summary=summary(champion=None)))[0]
    assert row.champion.value == row.champion.difference == ""
    assert beside("auc", None, 0.5, None).difference == ""
    level = beside("auc", 0.5, 0.5 + 1e-9, (-1e-9, 0.1))
    assert (level.difference, level.better, level.chance) == ("0.0000", None, False)


@pytest.mark.parametrize(
    ("difference", "error", "better", "chance"),
    [(0.02, 0.01, True, False), (0.019, 0.01, None, True), (-0.019, 0.01, None, True), (-0.02, 0.01, False, False)],
)
def test_an_interval_that_holds_0_calls_no_side_better(difference, error, better, chance):
    found = beside("auc", 0.5, 0.5, (difference, error))
    assert (found.better, found.chance) == (better, chance)


def test_figures_keep_to_the_digits_that_say_something():
    assert [fixed(value) for value in (0.12345, 9.87654, 12.3456, 1234.5, 54321.6, None)] == [
        "0.1235", "9.8765", "12.346", "1,234.5", "54,322", "\N{EN DASH}",
    ]  # fmt: skip
    assert signed(-1234.5, beside=54321.0) == f"{MINUS}1,234"
    assert signed(-0.00001) == "0.0000"
    assert (fixed(3.1e9), signed(-3.1e9)) == ("3.1e+09", f"{MINUS}3.1e+09")
    assert ends((0.6810388, 0.6935773)) == "0.681 to 0.694"
    assert ends((48888.9, 59753.1)) == "48,889 to 59,753"
    assert ends((-0.0031, 0.0004), sign=True) == f"{MINUS}0.003 to 0.000"
    assert ends(None) == ""
