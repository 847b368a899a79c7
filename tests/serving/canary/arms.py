"""Statistics of arms, drawn at random."""

import numpy as np

from serving.canary.arm_statistics import ArmStatistics, LossSums, latency_counts


def drawn(
    rng: np.random.Generator,
    requests: int,
    error_rate: float = 0.01,
    slower: float = 1.0,
    shift: float = 0.0,
    loss: float = 0.1,
    labelled: int = 0,
) -> ArmStatistics:
    """An arm: log-normal latencies of 20 ms, predictions from a beta distribution in 10 bins, losses 0 or 1."""
    scores = np.clip(rng.beta(2, 5, requests) + shift, 0, 0.999)
    wrong = int(rng.binomial(labelled, loss))
    return ArmStatistics(
        requests,
        int(rng.binomial(requests, error_rate)),
        latency_counts(0.02 * slower * rng.lognormal(0, 0.5, requests)),
        np.bincount((scores * 10).astype(int), minlength=10),
        LossSums(labelled, wrong, wrong),
    )
