import pytest

from components.shared.statistics.relative_importance import relative_importance


def row(feature, drop, error=0.001, loss=0.1):
    return {"feature": feature, "metric": "auc", "drop": drop, "standard_error": error, "loss": loss}


def test_importance_is_relative_to_the_largest_and_0_where_it_is_not_significant():
    rows = [row("a", 0.04), row("b", 0.01), row("c", 0.002), row("d", -0.01), row("e", 0.0021, error=None)]
    assert relative_importance(rows) == pytest.approx({"a": 1.0, "b": 0.25, "c": 0.0, "d": 0.0, "e": 0.0525})


def test_the_loss_replaces_an_undefined_metric_for_all_features():
    rows = [row("a", None, loss=0.2), row("b", 0.5, loss=0.05), row("c", 0.5, loss=-0.1)]
    assert relative_importance(rows) == pytest.approx({"a": 1.0, "b": 0.25, "c": 0.0})


def test_nothing_is_known():
    assert relative_importance([]) == {}
    assert relative_importance([row("a", -0.1), row("b", 0.0)]) == {}
