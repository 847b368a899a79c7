import numpy as np
import pytest

from components.error_analysis.importance import permutation_importance
from components.error_analysis.outcomes import outcomes


def test_of_a_known_model():
    draw = np.random.default_rng(0)
    columns = {name: draw.normal(size=4000) for name in ("weak", "strong", "useless")}

    def predict(feature, order):
        moved = {name: values[order] if name == feature else values for name, values in columns.items()}
        return outcomes("regression", columns["strong"] * 3 + columns["weak"], 3 * moved["strong"] + moved["weak"])

    found = permutation_importance(list(columns), 4000, predict, "rmse", 4, seed=1)
    assert [one.feature for one in found] == ["strong", "weak", "useless"]
    # A permuted value is another draw: E(3x - 3x')^2 = 2 * 9.
    assert found[0].drop == pytest.approx(18**0.5, rel=0.05)
    assert found[0].loss == pytest.approx(18, rel=0.1)
    assert 0 < found[0].standard_error < 0.1
    assert (found[2].drop, found[2].standard_error, found[2].loss) == (0, 0, 0)


def test_a_metric_that_cannot_be_told():
    def predict(feature, order):
        return outcomes("binary", np.zeros(3, int), np.array([0.1, 0.2, 0.6])[order])

    (found,) = permutation_importance(["x"], 3, predict, "average_precision", 3, seed=0)
    assert found.drop is None and found.standard_error is None
    assert found.loss == pytest.approx(0)


def test_without_rows():
    assert permutation_importance(["x"], 0, lambda *_: pytest.fail("nothing to predict"), "rmse", 3, 0) == []
