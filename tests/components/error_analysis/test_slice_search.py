from dataclasses import replace

import numpy as np
import pytest

from components.error_analysis.binning import CategoricalColumn
from components.error_analysis.row_losses import row_losses
from components.error_analysis.settings import ErrorAnalysisSettings
from components.error_analysis.slice_search import weak_slices
from tests.components.error_analysis import made_up

SETTINGS = ErrorAnalysisSettings(min_rows=100)


def names(search):
    return [one.slice for one in search.slices]


@pytest.mark.parametrize("seed", range(5))
def test_no_weak_slice(seed):
    world = made_up.world(seed=seed)
    search = weak_slices(world.found, world.columns, SETTINGS)
    assert search.slices == ()
    assert search.looked > 200
    assert search.says() == (
        f"No weak slice among {search.looked:,} tested: no gap is significantly above 10% of the mean loss."
    )


def test_wrong_labels_in_a_slice_are_on_top(world):
    rows = world.where(carrier="UA")
    noisy = world.with_flipped(rows, 0.25)
    search = weak_slices(noisy.found, noisy.columns, SETTINGS)
    assert names(search) == ["carrier=UA"]  # and none of its pairs, which are equally weak
    found = search.slices[0]
    assert (found.rows, found.share) == (rows.sum(), rows.mean())
    assert found.weight == found.gap * found.share
    assert found.value == pytest.approx(noisy.found.loss[rows].mean())
    assert found.rest == pytest.approx(noisy.found.loss[~rows].mean())
    # About the loss due to the wrong labels; they also change the base rate, which explains a part of it.
    cost = (noisy.found.loss - world.found.loss)[rows].mean()
    assert 0.7 * cost < found.gap < 1.1 * cost
    assert found.figures["auc"] < found.elsewhere["auc"] - 0.1
    assert "1 weak slice among" in search.says() and "carrier=UA adds most to the loss" in search.says()


def test_wrong_labels_in_a_pair_are_found_as_the_pair(world):
    noisy = world.with_flipped(world.where(carrier="UA", origin="LGA"), 0.4)
    assert names(weak_slices(noisy.found, noisy.columns, SETTINGS)) == ["carrier=UA, origin=LGA"]


def test_a_pair_within_a_weak_slice_is_listed_where_it_is_weaker_still(world):
    noisy = world.with_flipped(world.where(carrier="UA"), 0.15).with_flipped(
        world.where(carrier="UA", origin="LGA"), 0.5
    )
    assert set(names(weak_slices(noisy.found, noisy.columns, SETTINGS))) == {"carrier=UA", "carrier=UA, origin=LGA"}


def test_a_feature_garbled_in_a_slice_is_on_top(world):
    rows = world.where(origin="JFK")
    garbled = world.with_garbled("wind", rows)
    assert names(weak_slices(garbled.found, garbled.columns, SETTINGS))[0] == "origin=JFK"


def test_a_missing_feature_is_a_slice(world):
    lost = np.random.default_rng(0).random(len(world.labels)) < 0.2
    columns = {**world.columns, "wind": np.where(lost, np.nan, world.columns["wind"])}
    filled = made_up.sigmoid(made_up.logits({**columns, "wind": np.where(lost, 0.0, world.columns["wind"])}))
    blind = replace(world, columns=columns, probabilities=filled)
    assert names(weak_slices(blind.found, columns, SETTINGS))[0] == "wind missing"


def test_weak_slices_are_sorted_by_weight(world):
    noisy = world.with_flipped(world.where(carrier="UA"), 0.2).with_flipped(world.where(origin="EWR"), 0.2)
    found = weak_slices(noisy.found, noisy.columns, SETTINGS).slices
    assert [one.slice for one in found[:2]] == ["origin=EWR", "carrier=UA"]
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)


def test_regression(world):
    draw = np.random.default_rng(7)
    rows = world.where(carrier="DL")
    predicted = 10 * world.columns["wind"]
    target = predicted + draw.normal(size=len(rows)) * np.where(rows, 2.0, 1.0)
    search = weak_slices(row_losses("regression", target, predicted), world.columns, SETTINGS)
    assert names(search) == ["carrier=DL"]
    assert search.slices[0].gap == pytest.approx(3.0, rel=0.15)  # variance 4 against 1
    assert search.slices[0].metric == "squared_error"
    even = predicted + draw.normal(size=len(rows))
    assert not weak_slices(row_losses("regression", even, predicted), world.columns, SETTINGS).slices


def test_multiclass(world):
    draw = np.random.default_rng(8)
    logits = np.stack([world.columns["wind"], world.columns["temp"], world.columns["hour"]], axis=1) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label = (draw.random(len(logits))[:, None] > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=2)
    assert not weak_slices(row_losses("multiclass", label, probabilities), world.columns, SETTINGS).slices
    rows = world.where(origin="LGA") & (draw.random(len(logits)) < 0.3)
    wrong = np.where(rows, draw.integers(0, 3, len(logits)), label)
    assert (
        names(weak_slices(row_losses("multiclass", wrong, probabilities), world.columns, SETTINGS))[0] == "origin=LGA"
    )


def test_small_gaps_and_small_slices_are_left_out(world):
    noisy = world.with_flipped(world.where(carrier="UA"), 0.25)
    assert not weak_slices(noisy.found, noisy.columns, replace(SETTINGS, effect_size=1.5)).slices
    search = weak_slices(noisy.found, noisy.columns, replace(SETTINGS, min_rows=10_000))
    assert search.least == 400  # a twentieth of the rows, since min_rows exceeds their number
    assert names(search) == ["carrier=UA"]


def test_pairs_are_bounded_to_those_of_the_weakest_features(world):
    noisy = world.with_flipped(world.where(carrier="UA", origin="LGA"), 0.4)
    few = weak_slices(noisy.found, noisy.columns, replace(SETTINGS, max_pairs=1))
    assert names(few) == ["carrier=UA, origin=LGA"]
    none = weak_slices(noisy.found, noisy.columns, replace(SETTINGS, max_pairs=0))
    assert none.looked == 4 * 5 + 5 + 3


def test_too_few_rows():
    column = {"carrier": CategoricalColumn(np.array([0]), ("UA",))}
    one = weak_slices(row_losses("binary", [1], [0.2]), column, SETTINGS)
    assert one.slices == () and "Too few rows" in one.says()
    empty = {"carrier": CategoricalColumn(np.array([], int), ())}
    none = weak_slices(row_losses("binary", np.array([]), np.array([])), empty, SETTINGS)
    assert none.slices == () and "no labelled row" in none.says()
    assert weak_slices(row_losses("binary", [1, 0], [0.2, 0.1]), {}, SETTINGS).slices == ()


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_and_an_all_missing_feature(world, label):
    columns = {**world.columns, "absent": np.full(len(world.labels), np.nan)}
    found = row_losses("binary", np.full(len(world.labels), label), world.probabilities)
    search = weak_slices(found, columns, SETTINGS)
    assert search.looked
    for one in search.slices:
        assert "absent" not in one.slice and np.isfinite(one.gap)
        assert one.figures["auc"] is None
