"""p-values and e-values worked by hand, and the average run length of the e-detector."""

import numpy as np
import pytest
from scipy.stats import norm

from monitor.alarms.e_detector import BETS, advance, bets, conformal_p_value, evidence

PAST = np.array([0.0, 1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("score", "u", "p"),
    [
        (2.5, 0.5, (1 + 0.5) / 5),  # one is larger
        (2.0, 0.5, (1 + 0.5 * 2) / 5),  # one is larger, one the same
        (-1.0, 0.25, (4 + 0.25) / 5),
        (3.0, 0.5, (0 + 0.5 * 2) / 5),
        (6.0, 0.5, 2**-4 / 5),  # twice the largest: the Pareto tail
    ],
)
def test_p_values_by_hand(score, u, p):
    assert conformal_p_value(PAST, score, u, 1.0) == pytest.approx(p)


def test_the_tail_begins_at_the_floor():
    assert conformal_p_value(PAST, 6.0, 0.5, 6.0) == pytest.approx(0.5 / 5)
    assert conformal_p_value(np.array([]), 6.0, 0.5, 6.0) == 1.0


def test_bets_by_hand():
    p = 1 - norm.cdf(2.0)
    assert bets(p) == pytest.approx([b * 2.0 - b * b / 2 for b in BETS])
    assert np.exp(bets(1.0)) == pytest.approx(np.zeros(len(BETS)))


def test_each_bet_has_mean_one_for_uniform_p_values():
    p = (np.arange(20_000) + 0.5) / 20_000
    mean = np.mean([np.exp(bets(value)) for value in p], axis=0)
    assert np.all(mean <= 1.01)
    assert mean[:3] == pytest.approx(np.ones(3), abs=0.02)


def test_the_sum_by_hand():
    e = np.log([2.0] * len(BETS))
    once = advance([], e)
    assert evidence(once) == pytest.approx(2.0)
    assert evidence(advance(once, e)) == pytest.approx(2 * (2 + 1))
    assert evidence([]) == 0.0


def test_average_run_length_is_at_least_the_limit():
    rng = np.random.default_rng(5)
    limit, alarms, looks = 20.0, 0, 6000
    sums: list[float] = []
    for p in rng.random(looks):
        sums = advance(sums, bets(float(p)))
        if evidence(sums) >= limit:
            alarms, sums = alarms + 1, []
    assert 0 < alarms <= looks / limit
