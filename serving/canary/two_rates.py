"""Sequential comparison of two Bernoulli rates: an e-process, and the confidence sequence that it gives.

For one arm with true rate p, s successes in n observations, and a prior W over rates,

    M(p) = integral of q^s (1 - q)^(n - s) dW(q) / (p^s (1 - p)^(n - s))

is a non-negative martingale with mean 1 (Robbins 1970; the beta-binomial mixture of Howard, Ramdas, McAuliffe and
Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences"). The arms are independent, so the
product of the two is one, too, however the requests are split between the arms. For a null hypothesis H0 about both
rates,

    E = inf over (p, q) in H0 of M_live(p) M_canary(q)
      = (mixture likelihood of both arms) / (largest likelihood of both arms in H0)

is at most the product at the true rates: an e-process (universal inference: Wasserman, Ramdas and Balakrishnan 2020;
Turner and Grünwald 2023, "Exact anytime-valid confidence intervals for contingency tables and beyond"). By Ville's
inequality P(E >= 1 / alpha at any look) <= alpha. E depends on the counts alone, so the looks may be at any time.

All functions work on arrays that broadcast against each other.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PRIOR = ((0.5, 0.5), (0.5, 50.0))
"""W is an equal mixture of two beta distributions: Jeffreys' prior for any rate, and one for rates of a few percent or
less, which most error rates are. Any prior is valid; this one needs fewer requests for small rates."""
_STEPS = 45
_ENDS = 32


def log_e_at(live: ArrayLike, n: ArrayLike, canary: ArrayLike, m: ArrayLike, difference: ArrayLike) -> Floats:
    """Returns log E of H0: canary's rate - live's rate = `difference`.

    Args:
      live: Number of successes of the live arm, 0 to n.
      n: Number of its observations.
      canary: Number of successes of the canary, 0 to m.
      m: Number of its observations.
      difference: In (-1, 1).
    """
    s, n, t, m, d = np.broadcast_arrays(*(np.asarray(value, float) for value in (live, n, canary, m, difference)))
    return _log_mixture(s, n) + _log_mixture(t, m) - _largest_likelihood(s, n, t, m, d)


def log_e_at_most(live: ArrayLike, n: ArrayLike, canary: ArrayLike, m: ArrayLike, difference: ArrayLike) -> Floats:
    """Returns log E of H0: canary's rate - live's rate <= `difference`; large values show that it is larger.

    It is 0, which shows nothing, as long as an arm has no observation.
    """
    s, n, t, m, d = np.broadcast_arrays(*(np.asarray(value, float) for value in (live, n, canary, m, difference)))
    # The likelihood is concave: its largest value in H0 is the overall one, or on the boundary.
    return np.where((n > 0) & (m > 0), log_e_at(s, n, t, m, np.minimum(d, _estimate(s, n, t, m))), 0.0)


def log_e_at_least(live: ArrayLike, n: ArrayLike, canary: ArrayLike, m: ArrayLike, difference: ArrayLike) -> Floats:
    """Returns log E of H0: canary's rate - live's rate >= `difference`; large values show that it is smaller."""
    s, n, t, m, d = np.broadcast_arrays(*(np.asarray(value, float) for value in (live, n, canary, m, difference)))
    return np.where((n > 0) & (m > 0), log_e_at(s, n, t, m, np.maximum(d, _estimate(s, n, t, m))), 0.0)


def difference_interval(
    live: ArrayLike, n: ArrayLike, canary: ArrayLike, m: ArrayLike, lower_level: ArrayLike, upper_level: ArrayLike
) -> tuple[Floats, Floats]:
    """Returns the ends of a confidence sequence for canary's rate - live's rate.

    Each end holds at all looks together with probability at least 1 - its level.

    Args:
      live: Number of successes of the live arm.
      n: Number of its observations.
      canary: Number of successes of the canary.
      m: Number of its observations.
      lower_level: Level of the lower end, in (0, 1).
      upper_level: Level of the upper end, in (0, 1).
    """
    s, n, t, m = np.broadcast_arrays(*(np.asarray(value, float) for value in (live, n, canary, m)))
    estimate = _estimate(s, n, t, m)
    ends = []
    for edge, level in ((-1.0, lower_level), (1.0, upper_level)):
        needed = np.log(1 / np.asarray(level, float))
        outside, inside = np.full(s.shape, edge), estimate
        for _ in range(_ENDS):
            middle = (outside + inside) / 2
            excluded = log_e_at(s, n, t, m, middle) >= needed
            outside, inside = np.where(excluded, middle, outside), np.where(excluded, inside, middle)
        ends.append(outside)
    return ends[0], ends[1]


def _estimate(s: Floats, n: Floats, t: Floats, m: Floats) -> Floats:
    """The difference of the observed rates, limited to (-1, 1); 0 where an arm has no observation."""
    return np.clip(t / np.maximum(m, 1) - s / np.maximum(n, 1), -1 + 1e-12, 1 - 1e-12)


def _log_mixture(s: Floats, n: Floats) -> Floats:
    """Log of the mixture likelihood of s successes in n observations, in their order."""
    from scipy.special import betaln

    parts = [betaln(a + s, b + n - s) - betaln(a, b) for a, b in PRIOR]
    found: Floats = np.logaddexp(*parts) - np.log(2)
    return found


def _largest_likelihood(s: Floats, n: Floats, t: Floats, m: Floats, d: Floats) -> Floats:
    """Largest log likelihood with rates p and p + d: the derivative by p decreases, so bisection finds its root."""
    from scipy.special import xlog1py, xlogy

    low, high = np.maximum(0.0, -d), np.minimum(1.0, 1.0 - d)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_STEPS):
            p = (low + high) / 2
            q = p + d
            rising = s / p - (n - s) / (1 - p) + t / q - (m - t) / (1 - q) > 0
            low, high = np.where(rising, p, low), np.where(rising, high, p)
    p = (low + high) / 2
    q = np.clip(p + d, 0.0, 1.0)
    found: Floats = xlogy(s, p) + xlog1py(n - s, -p) + xlogy(t, q) + xlog1py(m - t, -q)
    return found
