"""The oracle of the retraining benchmark against all schedules, and costs worked by hand."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.retraining import oracle, total


def replay(windows: int, begin: int, seed: int) -> SimpleNamespace:
    excess = np.triu(np.random.default_rng(seed).uniform(0, 1, (windows, windows)))
    return SimpleNamespace(excess=excess, begin=begin, stream=SimpleNamespace(windows=windows))


@pytest.mark.parametrize("ratio", [0.05, 0.3, 1.0])
def test_oracle_is_the_cheapest_of_all_schedules(ratio: float):
    made = replay(9, 2, 4)
    every = [times for count in range(7) for times in combinations(range(3, 9), count)]
    costs = [total(made, times, ratio) for times in every]  # type: ignore[arg-type]
    assert total(made, oracle(made, ratio), ratio) == pytest.approx(min(costs))  # type: ignore[arg-type]


def test_total_by_hand():
    """Three windows count; the model of window 1 serves two of them, that of window 3 the last: 0.1 + 0.2 + 0 + 1."""
    excess = np.zeros((4, 4))
    excess[1] = [0, 0.1, 0.2, 5.0]
    made = SimpleNamespace(excess=excess, begin=1, stream=SimpleNamespace(windows=4))
    assert total(made, (3,), 1.0) == pytest.approx(1.3)  # type: ignore[arg-type]
    assert total(made, (), 1.0) == pytest.approx(5.3)  # type: ignore[arg-type]
