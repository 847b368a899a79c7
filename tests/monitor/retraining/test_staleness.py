"""Growth of staleness and the saving of a retraining, against values worked by hand and exhaustive search."""

from itertools import product

import numpy as np
import pytest

from monitor.retraining.staleness import Costs, StalenessPoint, calibrated, expected_saving, fit_growth, saving_of

COSTS = Costs(retraining=10.0, loss=1.0, rows_per_day=1000.0, horizon_days=28.0, step_days=7.0)


def line(version: int, rate: float, ages=(7, 14, 21, 28), error: float = 1e-5):
    return [StalenessPoint(version, float(age), rate * age, error, 1000) for age in ages]


def plan_cost(first: np.ndarray, new: np.ndarray, times: tuple[int, ...], cost: float) -> float:
    """Cost of retrainings before the steps in `times`."""
    total, since, trained = 0.0, 0, False
    for step in range(len(first)):
        if step in times:
            total, since, trained = total + cost, 0, True
        total += new[since] if trained else first[step]
        since += 1
    return total


def test_saving_against_all_plans():
    rng = np.random.default_rng(3)
    kept, new = rng.uniform(0, 8, (20, 6)), np.sort(rng.uniform(0, 5, (20, 6)), axis=1)
    found = saving_of(kept, new, 6.0)
    for at in range(20):
        plans = [tuple(np.flatnonzero(bits)) for bits in product((0, 1), repeat=6)]
        costs = {plan: plan_cost(kept[at], new[at], plan, 6.0) for plan in plans}
        now = min(cost for plan, cost in costs.items() if 0 in plan)
        later = min(cost for plan, cost in costs.items() if 0 not in plan)
        assert found[at] == pytest.approx(later - now)


def test_saving_by_hand():
    """Three steps: keeping costs 4 each, a new model 0: a retraining for 5 now saves 4 against one step later."""
    kept, new = np.full((1, 3), 4.0), np.zeros((1, 3))
    assert saving_of(kept, new, 5.0) == pytest.approx([4.0])
    assert saving_of(kept, new, 13.0) == pytest.approx([-1.0])  # never is best: 12 against 13
    assert saving_of(np.full((1, 1), 4.0), np.zeros((1, 1)), 5.0) == pytest.approx([-1.0])


def test_growth_of_a_line():
    growth = fit_growth(line(1, 0.001), 1)
    assert growth.mean == pytest.approx([0.028, 0.001], rel=0.02)
    later = growth.at(35.0)
    assert later.mean[0] == pytest.approx(0.035, rel=0.02) and later.covariance[0, 0] >= growth.covariance[0, 0]


def test_former_models_are_the_prior():
    """With two noisy measurements the rate is near that of the former models; without them it is that of the data."""
    noisy = line(9, 0.0, (7, 14), error=0.02)
    former = [one for version in (1, 2, 3) for one in line(version, 0.002, error=0.001)]
    assert fit_growth([*former, *noisy], 9).mean[1] == pytest.approx(0.002, rel=0.15)
    assert abs(fit_growth(noisy, 9).mean[1]) < 0.0005
    assert fit_growth([*former, *noisy], 9).covariance[1, 1] < fit_growth(noisy, 9).covariance[1, 1]


def test_expected_saving():
    stale = expected_saving(line(1, 0.001), 1, 28.0, COSTS)
    assert stale is not None and stale.probability > 0.95 and stale.mean > 0 and stale.low <= stale.mean <= stale.high
    fresh = expected_saving(line(1, 0.0), 1, 28.0, COSTS)
    assert fresh is not None and fresh.probability < 0.05 and fresh.mean < 0
    dear = expected_saving(line(1, 0.001), 1, 28.0, Costs(1e6, 1.0, 1000.0, 28.0, 7.0))
    assert dear is not None and dear.probability == 0.0
    assert expected_saving(line(1, 0.001)[:1], 1, 28.0, COSTS) is None
    new = expected_saving(line(1, 0.001), 2, 0.0, COSTS)  # a new model: what is known is the growth of the former one
    assert new is not None and new.points == 0 and new.excess == pytest.approx(0.0, abs=1e-9) and new.mean < 0
    assert new.rate == pytest.approx(0.001, rel=0.2)


def test_uncertainty_widens_the_interval():
    sure, unsure = (expected_saving(line(1, 0.001, error=error), 1, 28.0, COSTS) for error in (1e-5, 0.01))
    assert sure is not None and unsure is not None and unsure.high - unsure.low > 5 * (sure.high - sure.low)


def test_what_retrainings_gained_scales_what_windows_forecast():
    """Windows forecast 0.02 to 0.04 for each model, and each retraining gained a fifth of that."""
    points = []
    for version in (1, 2, 3, 4):
        points += [*line(version, 0.001, error=0.0005), StalenessPoint(version, 35.0, 0.007, 0.001, 900, "evaluation")]
    found = calibrated(points)
    assert found[0].excess == pytest.approx(0.007 * 0.2, rel=0.1)
    assert found[4] == points[4]  # an evaluation is what it is
    assert calibrated(line(1, 0.001)) == line(1, 0.001)  # without a retraining, the windows are believed
    fast = [StalenessPoint(1, 35.0, 0.5, 0.0001, 900, "evaluation"), *line(1, 0.001, error=0.0001)]
    assert calibrated(fast)[1].excess == pytest.approx(1.5 * 0.007)
