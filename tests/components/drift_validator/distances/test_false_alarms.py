"""Simulated pairs of samples from one distribution: p-values are at or below a level at most as often as the level."""

from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import binom

from components.drift_validator.distances.column_distances import measure_column
from tests.components.drift_validator.distributions import column, numbers, texts


def zipf(random, size, kinds, power):
    weights = 1 / np.arange(1, kinds + 1) ** power
    return random.choice(kinds, size, p=weights / weights.sum())


def mixed(random, size):
    exact = random.normal(size=size)
    return np.where(random.random(size) < 0.2, exact.round(1), exact.round(4))


SOURCES = {
    "two values": lambda random, size: zipf(random, size, 2, 1.0),
    "one large value": lambda random, size: zipf(random, size, 4, 3.0),
    "sixteen": lambda random, size: zipf(random, size, 16, 1.0),
    "a long tail": lambda random, size: zipf(random, size, 3000, 1.0),
    "nearly unique": lambda random, size: random.integers(0, 10**6, size),
    "continuous": lambda random, size: random.normal(size=size),
    "ties": lambda random, size: random.poisson(3, size).astype(float),
    "decimals": mixed,
}


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(20, 20), (400, 400), (300, 3000)])
@pytest.mark.parametrize("source", SOURCES)
def test_false_alarms(source, n, m):
    random, times = np.random.default_rng(n + m), 300
    p_values = defaultdict(list)
    for _ in range(times):
        sides = []
        for size in (n, m):
            rows = SOURCES[source](random, size)
            there = rows[random.random(size) > 0.1]
            kind = texts if rows.dtype.kind == "i" else numbers
            sides.append(column(kind(there), missing=size - len(there)))
        for measured in measure_column(*sides):
            p_values[measured.measure].append(measured.p_value)
    for measure, found in p_values.items():
        for level in (0.05, 0.01):
            alarms = int((np.array(found) <= level).sum())
            assert alarms <= binom.isf(1e-4, times, level), (measure, level, alarms)
