import numpy as np
import pytest

from components.error_analysis.importance import MAX_CELLS, affordable, correlation_ratios, permutation_importance
from components.error_analysis.row_losses import row_losses


def test_of_a_known_model():
    draw = np.random.default_rng(0)
    columns = {name: draw.normal(size=4000) for name in ("weak", "strong", "useless")}

    def predict(permutations):
        for feature, order in permutations:
            permuted = {name: values[order] if name == feature else values for name, values in columns.items()}
            yield row_losses(
                "regression", columns["strong"] * 3 + columns["weak"], 3 * permuted["strong"] + permuted["weak"]
            )

    found = permutation_importance(list(columns), 4000, predict, "rmse", 4, seed=1)
    assert [one.feature for one in found] == ["strong", "weak", "useless"]
    # A permuted value is an independent draw: E(3x - 3x')^2 = 2 * 9.
    assert found[0].drop == pytest.approx(18**0.5, rel=0.05)
    assert found[0].loss == pytest.approx(18, rel=0.1)
    assert 0 < found[0].standard_error < 0.1
    assert (found[2].drop, found[2].standard_error, found[2].loss) == (0, 0, 0)


def test_an_undefined_metric():
    def predict(permutations):
        return [row_losses("binary", np.zeros(3, int), np.array([0.1, 0.2, 0.6])[order]) for _, order in permutations]

    (found,) = permutation_importance(["x"], 3, predict, "average_precision", 3, seed=0)
    assert found.drop is None and found.standard_error is None
    assert found.loss == pytest.approx(0)


def test_without_rows():
    assert permutation_importance(["x"], 0, lambda _: pytest.fail("nothing to predict"), "rmse", 3, 0) == []


def test_correlation_ratio_by_hand():
    """Scores 0, 2 | 2, 4 around 2: all squares are 4 + 0 + 0 + 4 = 8, those between the slices 2 x 1 + 2 x 1 = 4."""
    scores = np.array([0.0, 2.0, 2.0, 4.0])
    codes = {"half": np.array([0, 0, 1, 1]), "all": np.arange(4), "none": np.zeros(4, int)}
    assert correlation_ratios(codes, scores) == pytest.approx({"half": 0.5, "all": 1.0, "none": 0.0})
    assert correlation_ratios(codes, np.ones(4)) == {"half": 0.0, "all": 0.0, "none": 0.0}
    # Two outputs, the second of which only tells the halves apart: (4 + 4) / (8 + 4).
    both = np.column_stack([scores, [0.0, 0.0, 2.0, 2.0]])
    assert correlation_ratios(codes, both)["half"] == pytest.approx(8 / 12)


@pytest.mark.parametrize(("features", "expected"), [(1, (1, 2000)), (23, (23, 2000)), (50, (50, 800))])
def test_features_and_rows_within_the_budget(features, expected):
    assert affordable(features, 2000, 3) == expected


@pytest.mark.parametrize("features", [60, 100, 200, 500, 1000, 2000])
def test_cost_grows_at_most_linearly_with_the_number_of_features(features):
    measured, rows = affordable(features, 2000, 3)
    assert 10 <= measured <= features and 100 <= rows <= 2000
    assert measured * 3 * rows * features <= max(MAX_CELLS, 10 * 3 * 100 * features)
