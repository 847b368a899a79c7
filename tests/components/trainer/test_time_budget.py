"""Division of the time budget, worked by hand."""

import numpy as np
import pytest

from components.trainer.network_layers import Heads, Shape, build_model, multiplications
from components.trainer.time_budget import AUTO_MAX, Size, network_seconds, plan_training, round_seconds, seconds_of

SETTINGS = {"trees": {"n_estimators": 600, "num_leaves": 63, "colsample_bytree": 0.3}}


def test_auto_is_ten_seconds_plus_one_for_140_000_values() -> None:
    assert seconds_of("auto", Size(300_000, 23, 1)) == pytest.approx(10 + 6_900_000 / 140_000)  # about a minute
    assert seconds_of("auto", Size(35_000, 9, 49)) == pytest.approx(10 + 315_000 * 7 / 140_000)
    assert seconds_of("auto", Size(10_000_000, 50, 1)) == AUTO_MAX
    assert seconds_of(7, Size(300_000, 23, 1)) == 7


def test_cost_of_a_round_depends_on_values_and_bins() -> None:
    assert round_seconds(Size(250_000, 10, 1), 63, 0.3) == pytest.approx(3e-4 + 0.01 + 63 * 255 * 10 * 0.3e-9)
    assert round_seconds(Size(250_000, 10, 48), 63, 0.3) == pytest.approx(
        48 * round_seconds(Size(250_000, 10, 1), 63, 0.3)
    )


def test_sufficient_budget_has_all_folds_and_rounds() -> None:
    found = plan_training("auto", Size(3000, 10, 1), SETTINGS, fits=5.0)
    assert (found.cheap, found.rounds, found.reasons) == (False, 600, {})


def test_smaller_budget_has_one_fold_then_fewer_rounds_then_no_trees() -> None:
    size = Size(300_000, 23, 1)
    one_fold = plan_training(20, size, SETTINGS, fits=3.1)
    assert one_fold.cheap
    assert 300 < one_fold.rounds < 600
    assert 30 <= plan_training(5, size, SETTINGS, fits=3.1).rounds < one_fold.rounds
    none = plan_training(0.5, size, SETTINGS, fits=3.1)
    assert none.rounds == 0
    assert none.reasons["trees"].startswith("not tried: 30 rounds take")


def test_cost_of_the_network_grows_with_its_multiplications() -> None:
    settings = {"members": 8, "hidden_units": (256, 128)}
    flights = multiplications(Shape({"categorical": 8, "numeric": 15}, ids=2_000, outputs=1), settings)
    assert flights == 8 * ((8 * 8 + 15 * 17 + 1) * 256 + 256 * 128 + 128)
    wide = multiplications(Shape({"categorical": 1_291, "numeric": 200}, ids=5_000, outputs=1), settings)
    assert network_seconds(18_000, 1, flights) == pytest.approx(1.0, rel=0.02)
    assert network_seconds(6_000, 20, wide) > AUTO_MAX / 3  # three fits of 8,000 rows exceed every automatic budget


def test_multiplications_are_those_of_the_dense_layers() -> None:
    settings = {"members": 2, "hidden_units": (5,)}
    shape = Shape({"categorical": 3, "numeric": 2, "cyclical": 4, "missing": 6}, ids=9, outputs=7)
    model = build_model(shape, settings | {"dropout": 0.0})
    dense = sum(
        w.shape[0] * w.shape[1]
        for layer in model.layers
        for w in layer.weights
        if type(layer).__name__ == "Dense" and len(w.shape) == 2
    )
    heads = next(layer for layer in model.layers if isinstance(layer, Heads)).kernel
    assert multiplications(shape, settings) == 2 * dense + int(np.prod(heads.shape))
