"""How much a retraining is expected to save: the staleness of the live model, forecast with its uncertainty.

The staleness of a model at one window is its mean loss minus that of the same model refreshed on all labelled rows
before the window (refresh.py). Both losses are of the same rows, so a window that is hard for every model adds nothing.
As a function of the age a of the model (time since it began to serve) it follows a local linear trend
(Durbin & Koopman, Time Series Analysis by State Space Methods, 2012, section 3.2):

    level(0) = 0    rate ~ N(m, v)    level(a + d) = level(a) + rate d + N(0, q d)    y(a) = level(a) + N(0, s^2 + w)

m and v come from the rates of the former models (partial pooling), q and w (an effect of the window that does not last)
maximise the likelihood of all of them, and s is the standard error of each measurement.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

Noise = tuple[float, float]
"""q, variance of the level per day, and w, variance of the effect of a window."""
Source = Literal["window", "evaluation"]
MIN_MEASUREMENTS = 2
"""Measurements, of the live model or of a former one, before anything is forecast."""
_FACTOR_VARIANCE = 0.25
DRAWS = 400
MAX_STEPS = 60
_NOISE = np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 9)])
"""Candidates of q times the mean spacing, in units of the median squared standard error."""
_EFFECTS = (0.0, 1.0, 4.0, 16.0, 64.0)
"""Candidates of w, in the same unit."""


@dataclass(frozen=True)
class StalenessPoint:
    """One measurement.

    Attributes:
      version: Model version.
      age: Days from the beginning of its service to the middle of the window, above 0.
      excess: Mean loss of the model minus that of the refreshed one, on one row.
      error: Standard error of `excess`, above 0.
      rows: Labelled rows of the window.
      source: "window": against the refreshed model (refresh.py). "evaluation": against the new model of a retraining.
    """

    version: int
    age: float
    excess: float
    error: float
    rows: int
    source: Source = "window"

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Growth:
    """Posterior of level and rate at one age.

    Attributes:
      age: Days.
      mean: Level (loss on one row) and rate (loss on one row, per day), (2,).
      covariance: (2, 2).
      noise: q, variance of the level per day.
    """

    age: float
    mean: np.ndarray
    covariance: np.ndarray
    noise: float

    def at(self, age: float) -> "Growth":
        """The forecast at a later age."""
        days = max(0.0, age - self.age)
        step = np.array([[1.0, days], [0.0, 1.0]])
        covariance = step @ self.covariance @ step.T + np.diag([self.noise * days, 0.0])
        return Growth(age, step @ self.mean, covariance, self.noise)


@dataclass(frozen=True)
class Saving:
    """Expected saving of a retraining now against waiting, over the horizon.

    Attributes:
      mean: Mean saving, in the user's unit; below 0: waiting is better.
      low: 5 % quantile of the posterior.
      high: 95 % quantile.
      probability: Posterior probability that it is above 0.
      excess: Staleness of the live model now, loss on one row.
      rate: Its growth per day.
      cost: Cost of a retraining.
      points: Number of measurements of the live model.
    """

    mean: float
    low: float
    high: float
    probability: float
    excess: float
    rate: float
    cost: float
    points: int

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return asdict(self)

    def to_text(self) -> str:
        """Returns it in one sentence."""
        return (
            f"a retraining now saves {self.mean:.3g} [{self.low:.3g}, {self.high:.3g}] more than waiting, after its "
            f"cost of {self.cost:g}, with probability {self.probability:.2f}; staleness {self.excess:.4g} a row, "
            f"{self.rate:+.3g} a day"
        )


@dataclass(frozen=True)
class Costs:
    """Costs that are compared.

    Attributes:
      retraining: Cost of one retraining, in the user's unit.
      loss: Cost of one unit of loss on one row.
      rows_per_day: Rows that are answered in a day.
      horizon_days: Days over which they are compared.
      step_days: Time between two decisions.
    """

    retraining: float
    loss: float
    rows_per_day: float
    horizon_days: float
    step_days: float


def expected_saving(
    points: Sequence[StalenessPoint], version: int, age: float, costs: Costs, seed: int = 0
) -> Saving | None:
    """Compares a retraining now with the best later one, on the forecast staleness of the live and of a new model.

    Args:
      points: Measurements of all models so far.
      version: Live version.
      age: Its age now, days.
      costs: The costs.
      seed: Seed of the posterior draws.

    Returns:
      The saving; None if no model has MIN_MEASUREMENTS measurements.
    """
    points = calibrated(points)
    own = sum(one.version == version for one in points)
    if max(Counter(one.version for one in points).values(), default=0) < MIN_MEASUREMENTS:
        return None
    now = fit_growth(points, version).at(age)
    draws = np.random.default_rng(seed).multivariate_normal(now.mean, now.covariance, DRAWS, method="eigh")
    steps = int(min(MAX_STEPS, max(1, round(costs.horizon_days / costs.step_days))))
    days = (np.arange(steps) + 0.5) * costs.step_days
    scale = costs.loss * costs.rows_per_day * costs.step_days
    level, rate = draws[:, :1], draws[:, 1:]
    kept = scale * np.maximum(0.0, level + rate * days)
    new = scale * np.maximum(0.0, rate * days)
    savings = saving_of(kept, new, costs.retraining)
    low, high = np.quantile(savings, [0.05, 0.95])
    return Saving(
        float(savings.mean()),
        float(low),
        float(high),
        float((savings > 0).mean()),
        float(now.mean[0]),
        float(now.mean[1]),
        costs.retraining,
        own,
    )


def saving_of(kept: np.ndarray, new: np.ndarray, cost: float) -> np.ndarray:
    """Saving of a retraining now against the best plan that waits at least one step, by dynamic programming.

    Args:
      kept: Staleness cost of the live model in each step, (S, H) for S scenarios.
      new: Staleness cost of a new model in each step after its training, (S, H).
      cost: Cost of a retraining.

    Returns:
      Cost of the best plan that waits minus that of the best plan that retrains now, (S,).
    """
    scenarios, steps = kept.shape
    zero = np.zeros((scenarios, 1))
    kept_sum = np.hstack([zero, np.cumsum(kept, axis=1)])
    new_sum = np.hstack([zero, np.cumsum(new, axis=1)])
    best = np.zeros((scenarios, steps + 1))  # best[:, n]: n steps remain, the model was trained this moment
    for remaining in range(1, steps + 1):
        options = new_sum[:, 1 : remaining + 1] + cost + best[:, remaining - 1 :: -1][:, :remaining]
        options[:, -1] -= cost  # no retraining at the end of the horizon
        best[:, remaining] = options.min(axis=1)
    later = kept_sum[:, 1:] + cost + best[:, steps - 1 :: -1][:, :steps]
    later[:, -1] -= cost
    return later.min(axis=1) - (cost + best[:, steps])


def calibrated(points: Sequence[StalenessPoint]) -> list[StalenessPoint]:
    """Scales measurements of source "window" to what retrainings gained.

    The refreshed model may follow what a retraining does not (a level that moves from week to week), or find less. The
    factor is the posterior mean of f in gain = f forecast + noise, over the retrainings so far, with f ~ N(1, 0.5^2)
    before the first one; it lies in [0.05, 1.5].
    """
    gain, precision = 1 / _FACTOR_VARIANCE, 1 / _FACTOR_VARIANCE
    weak = 4 * max((one.error**2 + one.excess**2 for one in points), default=0.0)
    for end in points:
        before = [one for one in points if one.version == end.version and one.source == "window" and one.age <= end.age]
        if end.source == "evaluation" and before:
            forecast = _filtered(sorted(before, key=lambda one: one.age), (0.0, 0.0), 0.0, weak)[0].at(end.age)
            level, variance = float(forecast.mean[0]), float(forecast.covariance[0, 0]) + end.error**2
            gain += level * end.excess / variance
            precision += level**2 / variance
    factor = min(1.5, max(0.05, gain / precision))
    return [
        replace(one, excess=factor * one.excess, error=max(factor, 0.2) * one.error) if one.source == "window" else one
        for one in points
    ]


def fit_growth(points: Sequence[StalenessPoint], version: int) -> Growth:
    """Posterior of level and rate of one model at its last measurement, or at age 0 if it has none.

    Args:
      points: Measurements of all models, at least one.
      version: The model.
    """
    cycles: dict[int, list[StalenessPoint]] = {}
    for one in sorted(points, key=lambda one: one.age):
        cycles.setdefault(one.version, []).append(one)
    unit = float(np.median([one.error**2 for one in points]))
    spacing = float(np.median([_spacing(found) for found in cycles.values()]))
    weak = 4 * max(one.error**2 + one.excess**2 for one in points) / spacing**2  # prior variance without former models
    candidates = [(q * unit / spacing, effect * unit) for q in _NOISE for effect in _EFFECTS]
    noise = max(candidates, key=lambda one: sum(_filtered(cycle, one, 0.0, weak)[1] for cycle in cycles.values()))
    mean, variance = _pooled([found for key, found in cycles.items() if key != version], noise, weak)
    return _filtered(cycles.get(version, []), noise, mean, variance)[0]


def _pooled(others: Sequence[Sequence[StalenessPoint]], noise: Noise, weak: float) -> tuple[float, float]:
    """Mean and variance of the prior of the rate, from the rates of former models (DerSimonian & Laird, 1986)."""
    if not others:
        return 0.0, weak
    found = [_filtered(one, noise, 0.0, weak)[0] for one in others]
    rates = np.array([one.mean[1] for one in found])
    within = np.array([max(one.covariance[1, 1], 1e-30) for one in found])
    weights = 1 / within
    fixed = float(weights @ rates / weights.sum())
    excess = float(weights @ (rates - fixed) ** 2) - (len(rates) - 1)
    spread = weights.sum() - (weights**2).sum() / weights.sum()
    between = max(0.0, excess / spread) if len(rates) > 1 else weak / 4
    weights = 1 / (within + between)
    mean = float(weights @ rates / weights.sum())
    return mean, min(weak, between + 1 / float(weights.sum()))


def _filtered(found: Sequence[StalenessPoint], noise: Noise, mean: float, variance: float) -> tuple[Growth, float]:
    """Kalman filter over one model: posterior at its last measurement, log-likelihood of the measurements."""
    walk, effect = noise
    state = Growth(0.0, np.array([0.0, mean]), np.diag([0.0, variance]), walk)
    likelihood = 0.0
    for one in found:
        state = state.at(one.age)
        spread = state.covariance[0, 0] + one.error**2 + effect
        surprise = one.excess - state.mean[0]
        likelihood -= 0.5 * (math.log(2 * math.pi * spread) + surprise**2 / spread)
        gain = state.covariance[:, 0] / spread
        covariance = state.covariance - np.outer(gain, state.covariance[0])
        state = Growth(one.age, state.mean + gain * surprise, (covariance + covariance.T) / 2, walk)
    return state, likelihood


def _spacing(found: Sequence[StalenessPoint]) -> float:
    ages = [0.0, *(one.age for one in found)]
    return max(1e-9, (ages[-1] - ages[0]) / (len(ages) - 1))


def points_from_json(records: Sequence[Mapping[str, Any]]) -> list[StalenessPoint]:
    """Reads a list of `StalenessPoint.to_json`."""
    return [StalenessPoint(**one) for one in records]
