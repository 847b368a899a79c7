"""Shapley values against the definition, computed over all coalitions, and against values worked by hand."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.shapley import ROWS_PER_CALL, Explanation, explain, sampled_orders

Inputs = dict[str, np.ndarray]
NAMES = ["a", "b", "c", "d", "e"]


def single(names: list[str]) -> dict[str, list[str]]:
    return {name: [name] for name in names}


def linear(rows: Inputs) -> np.ndarray:
    return 2 * rows["a"] - 3 * rows["b"] + 0.5 * rows["c"] + 7


def products(rows: Inputs) -> np.ndarray:
    """Interactions of up to three features, a step and a text."""
    result: np.ndarray = rows["a"] * rows["b"] * rows["c"] - np.sin(rows["d"]) * rows["a"] + (rows["b"] > 0.3)
    return result + np.where(rows["e"] == b"jfk", 1.5 * rows["a"], -0.25)


def drawn(size: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    rows: dict[str, np.ndarray] = {name: generator.normal(size=size) for name in NAMES[:4]}
    return rows | {"e": generator.choice(np.array([b"jfk", b"lga"], object), size)}


def by_coalitions(row: Inputs, background: Inputs, names: list[str]) -> dict[str, float]:
    """Sum over coalitions S without i of |S|! (M - |S| - 1)! / M! (v(S + i) - v(S)); v: mean over the background."""
    size = len(background[names[0]])

    def value(coalition: frozenset[str]) -> float:
        rows = {name: np.repeat(row[name], size) if name in coalition else background[name] for name in background}
        return float(products(rows).mean())

    found = {}
    for name in names:
        others = [one for one in names if one != name]
        found[name] = sum(
            factorial(count)
            * factorial(len(others) - count)
            / factorial(len(names))
            * (value(frozenset(some) | {name}) - value(frozenset(some)))
            for count in range(len(names))
            for some in combinations(others, count)
        )
    return found


def difference(explanation: Explanation) -> float:
    return explanation.output - explanation.base


def test_a_linear_model_has_its_weight_times_the_distance_from_the_background_mean() -> None:
    background = {"a": np.array([0.0, 2.0]), "b": np.array([1.0, 3.0]), "c": np.array([4.0, 4.0])}
    row = {"a": np.array([5.0]), "b": np.array([2.0]), "c": np.array([4.0])}
    found = explain(linear, row, background, 2, 0, single(["a", "b", "c"]))
    assert found.base == pytest.approx((2 * 1 - 3 * 2 + 0.5 * 4) + 7)
    assert found.output == pytest.approx(10 - 6 + 2 + 7)
    # a: 2 (5 - 1), b: -3 (2 - 2), c: as in every background row
    assert found.contributions == pytest.approx({"a": 8.0, "b": 0.0, "c": 0.0})
    # a: 2 * 5 and 2 * 3, b: -3 and 3: standard deviation / sqrt(2)
    assert found.standard_errors == pytest.approx({"a": 2.0, "b": 3.0, "c": 0.0})
    # The explained row, two background rows, and of each of four walks the row after one of two changes.
    assert found.evaluations == 3 + 4


def test_two_features_that_interact_share_the_interaction() -> None:
    row, background = {"a": np.array([3.0]), "b": np.array([4.0])}, {"a": np.array([1.0]), "b": np.array([2.0])}
    found = explain(lambda rows: rows["a"] * rows["b"], row, background, 2, 0, single(["a", "b"]))
    # a first: 6 - 2 = 4, then b: 12 - 6; b first: 4 - 2 = 2, then a: 12 - 4
    assert found.contributions == pytest.approx({"a": (4 + 8) / 2, "b": (6 + 2) / 2})
    assert np.isnan(list(found.standard_errors.values())).all()  # one background row says nothing about others


@pytest.mark.parametrize("count", [3, 4])
def test_with_all_permutations_the_values_are_exact(count: int) -> None:
    names, row, background = NAMES[:count], drawn(1, 5), drawn(6, 6)
    fixed = {name: row[name] for name in NAMES[count:]}
    background |= {name: np.repeat(cell, 6) for name, cell in fixed.items()}
    found = explain(lambda rows: products(rows | fixed), row, background, factorial(count), 0, single(names))
    assert found.contributions == pytest.approx(by_coalitions(row, background, names), abs=1e-12)


def test_sampled_values_come_near_the_exact_ones() -> None:
    row, background = drawn(1, 1), drawn(4, 2)
    exact = by_coalitions(row, background, NAMES)
    # 118 permutations for a row are below 5! = 120; so they are sampled.
    far, near = (explain(products, row, background, number, 3, single(NAMES)).contributions for number in (2, 118))
    error = [max(abs(found[name] - exact[name]) for name in NAMES) for found in (far, near)]
    assert error[1] < 0.05 and error[1] < error[0]


def test_the_standard_error_is_the_spread_over_samples_of_the_background() -> None:
    row, names = drawn(1, 1), single(NAMES)
    found = [explain(products, row, drawn(30, 100 + seed), 2, seed, names) for seed in range(400)]
    for name in NAMES:
        spread = np.std([one.contributions[name] for one in found], ddof=1)
        told = np.sqrt(np.mean([one.standard_errors[name] ** 2 for one in found]))
        assert told == pytest.approx(spread, rel=0.15)


@given(st.integers(1, 20), st.sampled_from([2, 4, 10]), st.integers(0, 1000))
def test_contributions_add_up_to_the_difference_from_the_base_value(size: int, permutations: int, seed: int) -> None:
    row, background = drawn(1, seed), drawn(size, seed + 1)
    found = explain(products, row, background, permutations, seed, single(NAMES))
    assert found.output == pytest.approx(float(products(row)[0]))
    assert found.base == pytest.approx(float(products(background).mean()))
    assert sum(found.contributions.values()) == pytest.approx(difference(found), rel=1e-9, abs=1e-12)


def test_inputs_of_one_feature_are_replaced_together() -> None:
    row, background = drawn(1, 1), drawn(3, 2)
    found = explain(products, row, background, 2, 0, {"ab": ["a", "b"], "cde": ["c", "d", "e"]})
    first = {**background, **{name: np.repeat(row[name], 3) for name in ("a", "b")}}
    second = {**background, **{name: np.repeat(row[name], 3) for name in ("c", "d", "e")}}
    at_first, at_second = products(first).mean(), products(second).mean()
    expected = ((at_first - found.base) + (found.output - at_second)) / 2
    assert found.contributions["ab"] == pytest.approx(expected)


def test_vectors_are_features_and_a_missing_number_equals_a_missing_number() -> None:
    background = {"v": np.array([[1.0, 2.0], [3.0, 4.0]]), "x": np.array([np.nan, 1.0])}
    row = {"v": np.array([[5.0, 6.0]]), "x": np.array([np.nan])}
    found = explain(lambda rows: rows["v"].sum(axis=1) + np.isnan(rows["x"]), row, background, 2, 0, single(["v", "x"]))
    assert found.contributions == pytest.approx({"v": 11 - 5, "x": 0.5})
    # The first background row differs in v alone: no row between it and the explained one.
    assert found.evaluations == 3 + 2


def test_a_row_like_the_background_has_no_contributions() -> None:
    row = drawn(1, 1)
    found = explain(products, row, row, 2, 0, single(NAMES))
    assert set(found.contributions.values()) == {0.0} and found.evaluations == 2


def test_the_same_seed_gives_the_same_values_and_another_one_does_not() -> None:
    row, background = drawn(1, 1), drawn(4, 2)
    first, again, other = (explain(products, row, background, 2, seed, single(NAMES)) for seed in (1, 1, 2))
    assert first == again and first.contributions != other.contributions


def test_the_model_is_called_with_at_most_2048_rows() -> None:
    sizes = []

    def predict(rows: Inputs) -> np.ndarray:
        sizes.append(len(rows["a"]))
        return products(rows)

    found = explain(predict, drawn(1, 1), drawn(100, 2), 10, 0, single(NAMES))
    assert max(sizes) == ROWS_PER_CALL and sum(sizes) == found.evaluations
    assert len(sizes) == -(-found.evaluations // ROWS_PER_CALL)
    assert sum(found.contributions.values()) == pytest.approx(difference(found))


def test_half_of_the_permutations_are_the_reverses_of_the_others() -> None:
    orders = sampled_orders(6, 5, 4, 0).reshape(5, 4, 6)
    assert (np.sort(orders, axis=2) == np.arange(6)).all()
    assert (orders[:, 2:] == orders[:, :2, ::-1]).all()
    every = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    assert sampled_orders(3, 2, 6, 0).tolist() == every + every


@pytest.mark.parametrize("permutations", [0, 1, 3, -2])
def test_an_odd_number_of_permutations_is_refused(permutations: int) -> None:
    with pytest.raises(ValueError, match=f"permutations={permutations}: must be a positive even number"):
        explain(products, drawn(1, 1), drawn(4, 2), permutations, 0, single(NAMES))


def test_a_prediction_that_is_not_finite_cannot_be_explained() -> None:
    with pytest.raises(FloatingPointError, match="NaN or infinite"):
        explain(
            lambda rows: np.where(rows["a"] > 9, np.inf, 0), {"a": np.array([10.0])}, drawn(4, 2), 2, 0, single(["a"])
        )
