"""What the benchmark of public tables makes of several models' answers, and how it shows it."""

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.tables import result
from benchmarks.tables_judging import judge
from benchmarks.tables_page import markdown

ROWS = 400


def _binary(strengths: Mapping[str, float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels, and a score of each model that is the label times its strength, plus the same noise."""
    random = np.random.default_rng(1)
    labels = (random.random(ROWS) < 0.3).astype(float)
    noise = random.normal(size=ROWS)
    return labels, {name: 1 / (1 + np.exp(-strength * labels - noise)) for name, strength in strengths.items()}


def test_metrics_are_those_of_scikit_learn() -> None:
    labels, answers = _binary({"ours": 1.0, "linear": 0.5})
    found = judge("binary", labels, answers, resamples=50)
    assert found.metrics["linear"]["auc"].value == pytest.approx(roc_auc_score(labels, answers["linear"]))
    difference = found.differences["linear"]["auc"]
    assert difference.value == pytest.approx(
        roc_auc_score(labels, answers["ours"]) - roc_auc_score(labels, answers["linear"])
    )
    assert difference.low < difference.value < difference.high


def test_who_is_surely_worse() -> None:
    labels, answers = _binary({"ours": 1.0, "boosting": 3.0, "lightgbm": 1.0, "linear": 0.0})
    found = judge("binary", labels, answers, resamples=200)
    assert found.worse == ("boosting",)
    assert found.better == ("linear",)
    assert found.best == "boosting" and not found.level_with_best


def test_of_equal_models_ours_is_the_best() -> None:
    labels, answers = _binary({"boosting": 1.0, "ours": 1.0})
    found = judge("binary", labels, answers, resamples=50)
    assert found.best == "ours" and found.level_with_best and not found.worse


def test_a_lower_error_is_better() -> None:
    labels = np.arange(ROWS, dtype=float)
    wave = np.where(np.arange(ROWS) % 2, 1.0, -1.0)
    answers = {"ours": labels + wave, "linear": labels + 2 * wave, "flaml": labels + 0.5 * wave}
    found = judge("regression", labels, answers, resamples=50)
    assert {name: row["rmse"].value for name, row in found.metrics.items()} == {"ours": 1, "linear": 2, "flaml": 0.5}
    assert found.best == "flaml" and found.worse == ("flaml",) and found.better == ("linear",)


def test_of_classes_any_metric_makes_worse_and_the_first_makes_the_best() -> None:
    labels = np.arange(ROWS) % 3
    sharp = np.full((ROWS, 3), 0.05) + 0.85 * np.eye(3)[labels]
    wrong = np.arange(ROWS) % 10 == 0  # a tenth of the rows is called another class, and only a little less sure
    sure = np.full((ROWS, 3), 0.0005) + 0.9985 * np.eye(3)[labels]
    sure[wrong] = 0.3 + 0.1 * np.eye(3)[(labels[wrong] + 1) % 3]
    found = judge("multiclass", labels, {"ours": sure, "boosting": sharp}, resamples=50)
    assert found.metrics["boosting"]["log_loss"].value == pytest.approx(log_loss(labels, sharp))
    assert found.metrics["ours"]["accuracy"].value == pytest.approx(0.9)
    assert found.metrics["boosting"]["accuracy"].value == 1
    assert found.differences["boosting"]["accuracy"].high < 0
    assert "boosting" in found.worse


def test_a_draw_without_a_class_is_left_out() -> None:
    labels = np.array([1.0, 0.0, 0.0])
    found = judge("binary", labels, {"ours": np.array([0.9, 0.2, 0.1])}, resamples=200)
    assert found.metrics["ours"]["auc"].to_json() == [1, 1, 1]


def _table(name: str, best: str, worse: tuple[str, ...], level: bool) -> dict[str, object]:
    figures = {model: {"auc": [0.7, 0.65, 0.75]} for model in ("ours", "boosting", "lightgbm", "linear")}
    figures[best] = {"auc": [0.8, 0.79, 0.81]}
    return {
        "name": name,
        "task": "binary",
        "rows": 12000,
        "columns": 7,
        "positive": 0.056,
        "judged": {"best": best, "metrics": figures, "worse_than": list(worse), "level_with_best": level},
        "seconds": {"ours": {"trainer": 10.4, "run": 60.2, "cpu_seconds": 70}},
    }


def test_counts() -> None:
    tables = [
        _table("a", "ours", (), True),
        _table("b", "linear", ("linear", "flaml"), False),
        _table("c", "flaml", ("flaml",), False),
        {"name": "d", "failed": "no"},
    ]
    found = result(tables)
    assert {key: found[key] for key in found if key != "tables"} == {
        "surely_worse_than_simple": 1,
        "best_or_level": 1,
        "failed": 1,
        "of": 4,
    }


def test_a_row_for_each_table() -> None:
    head, _, first, second = markdown(
        [_table("a", "ours", (), True), _table("b", "linear", ("linear",), False)]
    ).splitlines()
    assert head.count("|") == first.count("|") == second.count("|")
    assert first == (
        "| a | 12,000 x 7 | binary, 5.6% positive | auc | **0.800 ±0.010** | 0.700 ±0.050 | 0.700 ±0.050 | "
        "0.700 ±0.050 | failed | best | 10 / 60 |"
    )
    assert "surely worse than linear" in second
