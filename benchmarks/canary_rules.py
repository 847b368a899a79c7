"""Rules that decide about simulated canaries: ours, Kayenta's, and a fixed-horizon test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr, ndtri

from benchmarks.canary_arms import LOSSES, Arm
from serving.canary import mean_ratio, quantile_ratio, two_rates
from serving.canary.arm_statistics import BIN_RATIO
from serving.canary.policy import CanaryPolicy

CONFIDENCE, TOLERANCE, PASS, MARGINAL = 0.98, 0.25, 90, 75
"""Kayenta's defaults: confidence of the Mann-Whitney interval, tolerance of its bounds, thresholds of the score."""
_FIRST_JUDGEMENT = 5
"""Batches before Kayenta's first judgement."""

Looks = NDArray[np.bool_]


@dataclass(frozen=True)
class Verdicts:
    """Verdicts of a rule on R canaries at L looks.

    Attributes:
      bad: Whether it would end the canary; shape (R, L).
      good: Whether it would promote the canary; shape (R, L).
    """

    bad: Looks
    good: Looks


def ours(live: Arm, canary: Arm, policy: CanaryPolicy) -> Verdicts:
    """Applies serving.canary.decision.decide at each look, all checks required, vectorised; a test compares the two."""
    x, y = live.cumulative(), canary.cumulative()
    harm, alpha = np.log(1 / policy.harm_level), np.log(1 / policy.alpha)
    counts = x.errors, x.requests, y.errors, y.requests
    bad = two_rates.log_e_at_most(*counts, policy.harm * policy.error_margin) >= harm
    good = two_rates.log_e_at_least(*counts, policy.error_margin) >= alpha
    slow, slower = x.latencies.cumsum(axis=-1), y.latencies.cumsum(axis=-1)
    for p in policy.latency_quantiles:
        ratio = 1 + policy.harm * policy.latency_margin
        bad |= quantile_ratio.log_e_at_most(slow, slower, p, ratio, BIN_RATIO) >= harm
        good &= quantile_ratio.log_e_at_least(slow, slower, p, 1 + policy.latency_margin, BIN_RATIO) >= alpha
    rows = [counts.sum(axis=-1, keepdims=True) for counts in (x.predictions, y.predictions)]
    bins = x.predictions, rows[0], y.predictions, rows[1]
    level, margin = np.log(2 * x.predictions.shape[-1] / policy.harm_level), policy.prediction_margin
    bad |= (two_rates.log_e_at_most(*bins, policy.harm * margin) >= level).any(axis=-1)
    bad |= (two_rates.log_e_at_least(*bins, -policy.harm * margin) >= level).any(axis=-1)
    good &= (two_rates.log_e_at_least(*bins, margin) >= alpha).all(axis=-1)
    good &= (two_rates.log_e_at_most(*bins, -margin) >= alpha).all(axis=-1)
    (n, mean, variance), (m, mean_y, variance_y) = x.loss_moments(), y.loss_moments()
    moments = mean, variance, n, mean_y, variance_y, m
    margin, labelled = policy.metric_margin, np.minimum(n, m) >= policy.min_labels
    bad |= (mean_ratio.log_e_of_means(*moments, 1 + policy.harm * margin, margin, 1) >= harm) & labelled
    good &= (mean_ratio.log_e_of_means(*moments, 1 + margin, margin, -1) >= alpha) & labelled
    return Verdicts(bad, good & ~bad & (y.requests >= policy.min_requests))


def fixed_horizon(live: Arm, canary: Arm, alpha: float) -> Looks:
    """Whether classical tests reject "the canary is no worse" at each look, shape (R, L): valid for one look only.

    z tests for the error rate, the share of requests above live's p50 and p99, and the mean loss, one-sided; a
    chi-square test for the predictions; Bonferroni over the five.
    """
    x, y = live.cumulative(), canary.cumulative()
    p_values = [_rates(x.errors, x.requests, y.errors, y.requests)]
    slow, slower = x.latencies.cumsum(axis=-1), y.latencies.cumsum(axis=-1)
    for p in (0.5, 0.99):
        at = (slow >= p * slow[..., -1:]).argmax(axis=-1)[..., None]
        above, more = (counts[..., -1] - np.take_along_axis(counts, at, axis=-1)[..., 0] for counts in (slow, slower))
        p_values.append(_rates(above, slow[..., -1], more, slower[..., -1]))
    n, m = (arm.predictions.sum(axis=-1, keepdims=True) for arm in (x, y))
    pooled = np.maximum((x.predictions + y.predictions) / (n + m), 1e-12)
    chi = ((y.predictions - m * pooled) ** 2 / (m * pooled) + (x.predictions - n * pooled) ** 2 / (n * pooled)).sum(-1)
    p_values.append(chdtrc(x.predictions.shape[-1] - 1, chi))
    (n, mean, variance), (m, mean_y, variance_y) = x.loss_moments(), y.loss_moments()
    p_values.append(ndtr((mean - mean_y) / np.sqrt(variance / n + variance_y / m)))
    return np.min(p_values, axis=0) < alpha / len(p_values)


def kayenta(live: Arm, canary: Arm) -> Verdicts:
    """Applies Kayenta's judge to the batches so far, at each look.

    A metric's samples are its values in each batch. MannWhitneyClassifier: confidence interval of the Hodges-Lehmann
    estimate, normal approximation; High if its lower end is above TOLERANCE times the estimate (Low accordingly, which
    fails only the mean prediction). The score is the percentage of metrics that pass, all with one weight: below
    MARGINAL ends the canary, from PASS on promotes it. (Kayenta's documentation advises 50 samples or more.)
    """
    metrics = _samples(live), _samples(canary)
    runs, looks = live.requests.shape
    failed = np.zeros((len(metrics[0]), runs, looks), bool)
    z = float(ndtri((1 + CONFIDENCE) / 2))
    for metric, (x, y) in enumerate(zip(*metrics, strict=True)):
        differences = y[:, :, None] - x[:, None, :]
        for size in range(_FIRST_JUDGEMENT, looks + 1):
            pairs = np.sort(differences[:, :size, :size].reshape(runs, -1), axis=1)
            k = max(0, round(size**2 / 2 - z * np.sqrt(size**2 * (2 * size + 1) / 12)))
            bound = TOLERANCE * np.abs(np.median(pairs, axis=1))
            high = pairs[:, k] > bound
            low = pairs[:, -1 - k] < -bound
            failed[metric, :, size - 1] = high | low if metric == 3 else high
    score = 100 * (~failed).mean(axis=0)
    judged = np.arange(looks) >= _FIRST_JUDGEMENT - 1
    return Verdicts((score < MARGINAL) & judged, (score >= PASS) & judged)


def _samples(arm: Arm) -> list[NDArray[np.float64]]:
    """Error rate, p50 and p99 of the latency, mean prediction and mean loss of each batch; each of shape (R, L)."""
    counts = arm.latencies.cumsum(axis=-1)
    middles = np.arange(arm.predictions.shape[-1])
    rows = np.maximum(arm.losses.sum(axis=-1), 1)
    return [
        arm.errors / np.maximum(arm.requests, 1),
        *(BIN_RATIO ** (counts >= p * counts[..., -1:]).argmax(axis=-1).astype(float) for p in (0.5, 0.99)),
        arm.predictions @ middles / np.maximum(arm.predictions.sum(axis=-1), 1),
        arm.losses @ LOSSES / rows,
    ]


def _rates(s: NDArray, n: NDArray, t: NDArray, m: NDArray) -> NDArray[np.float64]:
    """One-sided p-value of the z test for "t of m is a larger rate than s of n"."""
    pooled = (s + t) / (n + m)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-300))
    return np.asarray(ndtr((s / n - t / m) / error))
