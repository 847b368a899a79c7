"""The checks of the canary analysis: each compares one property of two arms against its margin.

Levels. A rollback follows from harm in any check, so the checks split alpha (Bonferroni), as do the bins of the
predictions. A promotion follows only if every required check shows non-inferiority; a canary that is beyond a margin is
promoted wrongly only if that check errs, so each check has the level alpha (intersection-union test, Berger 1982).
"""

import math
from collections.abc import Callable

import numpy as np

from serving.canary import mean_ratio, quantile_ratio, two_rates
from serving.canary.arm_statistics import BIN_RATIO, SHORTEST, ArmStatistics, LossSums
from serving.canary.findings import CanaryFinding, State
from serving.canary.policy import CanaryPolicy

_MAX_MULTIPLE = 1e6
"""Largest multiple of the present requests that is considered for `needed`."""


def check_errors(live: ArmStatistics, canary: ArmStatistics, policy: CanaryPolicy) -> CanaryFinding:
    """Compares the error rates by an e-process for two Bernoulli rates, see two_rates.py."""
    s, n, t, m = live.errors, live.requests, canary.errors, canary.requests
    margin, harm_at, level = policy.error_margin, policy.harm * policy.error_margin, policy.harm_level
    lower, upper = two_rates.difference_interval(s, n, t, m, level, policy.alpha)
    harm = two_rates.log_e_at_most(s, n, t, m, harm_at) >= math.log(1 / level)
    shown = two_rates.log_e_at_least(s, n, t, m, margin) >= math.log(1 / policy.alpha)
    rate = (s + t + 0.5) / (n + m + 1)

    def would_show(factor: float) -> bool:
        more = factor * m
        worse = min(more, more * rate + _z(policy) * math.sqrt(more * rate * (1 - rate)))
        e = two_rates.log_e_at_least(factor * n * rate, factor * n, worse, more, margin)
        return bool(e >= math.log(1 / policy.alpha))

    state = _state(bool(n and m), bool(harm), bool(shown))
    return CanaryFinding(
        "errors",
        "error rate",
        state,
        estimate=t / m - s / n if n and m else math.nan,
        lower=float(lower),
        upper=float(upper),
        margin=margin,
        harm_at=harm_at,
        live=s / n if n else math.nan,
        canary=t / m if m else math.nan,
        observations=m,
        needed=_needed(state, m, would_show),
        required="errors" in policy.required,
    )


def check_latency(live: ArmStatistics, canary: ArmStatistics, policy: CanaryPolicy, p: float) -> CanaryFinding:
    """Compares one quantile of the latency by a confidence sequence, see quantile_ratio.py."""
    x, y = live.latencies.cumsum(), canary.latencies.cumsum()
    n, m = int(x[-1]), int(y[-1])
    margin, harm_at, level = policy.latency_margin, policy.harm * policy.latency_margin, policy.harm_level
    lower, upper = quantile_ratio.ratio_interval(x, y, p, BIN_RATIO, level, policy.alpha)
    harm = quantile_ratio.log_e_at_most(x, y, p, 1 + harm_at, BIN_RATIO) >= math.log(1 / level)
    shown = quantile_ratio.log_e_at_least(x, y, p, 1 + margin, BIN_RATIO) >= math.log(1 / policy.alpha)

    def would_show(factor: float) -> bool:
        counts = factor * m * x / n
        slower = np.maximum(0, counts - _z(policy) * math.sqrt(factor * m * p * (1 - p)))
        slower[-1] = counts[-1]
        e = quantile_ratio.log_e_at_least(factor * x, slower, p, 1 + margin, BIN_RATIO)
        return bool(e >= math.log(1 / policy.alpha))

    state = _state(bool(n and m), bool(harm), bool(shown))
    slow, fast = (quantile_ratio.quantile(counts, p, SHORTEST, BIN_RATIO) for counts in (y, x))
    return CanaryFinding(
        "latency",
        f"latency p{100 * p:g}",
        state,
        estimate=slow / fast - 1,
        lower=lower - 1,
        upper=upper - 1,
        margin=margin,
        harm_at=harm_at,
        live=fast,
        canary=slow,
        observations=m,
        needed=_needed(state, m, would_show),
        required="latency" in policy.required,
    )


def check_predictions(live: ArmStatistics, canary: ArmStatistics, policy: CanaryPolicy) -> CanaryFinding:
    """Compares the distributions of the predictions by their Chebyshev distance, max over bins of |q - p|.

    The distance is that of components/drift_validator/distances/chebyshev.py, here between two arms that answered at
    the same time. Each bin is compared as two Bernoulli rates (two_rates.py), the bins with a union bound.
    """
    x, y = live.predictions, canary.predictions
    if x.size and y.size and x.shape != y.shape:
        raise ValueError(f"predictions are counted in {x.size} bins for live and {y.size} for the canary")
    bins = max(x.size, y.size, 1)
    x, y = (counts if counts.size else np.zeros(bins, np.int64) for counts in (x, y))
    n, m = int(x.sum()), int(y.sum())
    margin, harm_at = policy.prediction_margin, policy.harm * policy.prediction_margin
    level = policy.harm_level / (2 * bins)
    enough = bool(n and m and bins > 1)
    lower, upper = two_rates.difference_interval(x, n, y, m, level, policy.alpha)
    other_lower, other_upper = two_rates.difference_interval(x, n, y, m, policy.alpha, level)
    harm = max(two_rates.log_e_at_most(x, n, y, m, harm_at).max(), two_rates.log_e_at_least(x, n, y, m, -harm_at).max())
    shown = min(two_rates.log_e_at_least(x, n, y, m, margin).min(), two_rates.log_e_at_most(x, n, y, m, -margin).min())
    differences = y / max(m, 1) - x / max(n, 1)
    at = int(np.argmax(np.abs(differences)))
    shares = (x + y + 0.5) / (n + m + 0.5 * bins)
    share = float(shares[np.argmin(np.abs(shares - 0.5))])

    def would_show(factor: float) -> bool:
        more = factor * m
        shift = _z(policy) * math.sqrt(more * share * (1 - share))
        counts = factor * n * share, factor * n, np.clip(more * share + shift * np.array([1, -1]), 0, more), more
        e = two_rates.log_e_at_least(*counts, margin)[0], two_rates.log_e_at_most(*counts, -margin)[1]
        return bool(min(e) >= math.log(1 / policy.alpha))

    state = _state(enough, bool(harm >= math.log(1 / level)), bool(shown >= math.log(1 / policy.alpha)))
    return CanaryFinding(
        "predictions",
        "predictions",
        state,
        estimate=float(np.abs(differences).max()) if enough else math.nan,
        lower=max(0.0, float(lower.max()), float(-other_upper.min())),
        upper=max(float(upper.max()), float(-other_lower.min())) if enough else math.inf,
        margin=margin,
        harm_at=harm_at,
        live=float(x[at]) / n if enough else math.nan,
        canary=float(y[at]) / m if enough else math.nan,
        observations=m,
        needed=_needed(state, m, would_show),
        required="predictions" in policy.required,
    )


def check_metric(live: ArmStatistics, canary: ArmStatistics, policy: CanaryPolicy) -> CanaryFinding:
    """Compares the mean losses on labelled rows by an asymptotic confidence sequence, see mean_ratio.py."""
    x, y = live.losses, canary.losses
    margin, harm_at, level = policy.metric_margin, policy.harm * policy.metric_margin, policy.harm_level
    enough = min(x.rows, y.rows) >= max(2, policy.min_labels)
    harm = shown = False
    lower, upper = 0.0, math.inf
    if enough:
        lower, upper = mean_ratio.ratio_interval(x, y, margin, level, policy.alpha)
        harm = mean_ratio.log_e(x, y, 1 + harm_at, margin, 1) >= math.log(1 / level)
        shown = mean_ratio.log_e(x, y, 1 + margin, margin, -1) >= math.log(1 / policy.alpha)

    def would_show(factor: float) -> bool:
        worse = x.mean + _z(policy) * math.sqrt(x.variance / (factor * y.rows))
        e = mean_ratio.log_e_of_means(
            x.mean, x.variance, factor * x.rows, worse, x.variance, factor * y.rows, 1 + margin, margin, -1
        )
        return bool(e >= math.log(1 / policy.alpha))

    state = _state(enough, harm, shown)
    return CanaryFinding(
        "metric",
        "mean loss",
        state,
        estimate=_relative(x, y),
        lower=lower - 1,
        upper=upper - 1,
        margin=margin,
        harm_at=harm_at,
        live=x.mean,
        canary=y.mean,
        observations=y.rows,
        needed=_needed(state, y.rows, would_show),
        required="metric" in policy.required,
    )


def _relative(live: LossSums, canary: LossSums) -> float:
    return canary.mean / live.mean - 1 if live.rows and live.mean > 0 else math.nan


def _state(enough: bool, harm: bool, shown: bool) -> State:
    if not enough:
        return "no data"
    return "harm" if harm else "non-inferior" if shown else "undecided"


def _z(policy: CanaryPolicy) -> float:
    from scipy.special import ndtri

    return float(ndtri(policy.power))


def _needed(state: State, now: int, would_show: Callable[[float], bool]) -> float:
    """Number of further observations after which `would_show` (a multiple of the present ones) is true."""
    if state == "non-inferior":
        return 0.0
    if state == "no data" or not now:
        return math.inf
    high = 1.0
    while not would_show(high):
        high *= 2
        if high > _MAX_MULTIPLE:
            return math.inf
    low = high / 2 if high > 1 else 1.0
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (low, middle) if would_show(middle) else (middle, high)
    return max(1.0, (high - 1) * now)
