"""The share of each class in rows without labels, if only it moved: p(x | class) as in the reference.

EM: M. Saerens, P. Latinne, C. Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities, 2002;
it is the maximum likelihood of the shares given calibrated scores. BBSE: Z. Lipton, Y.-X. Wang, A. Smola, Detecting and
Correcting for Label Shift, 2018; it needs no calibration and is the check of the other. Whether p(x | class) is the
same is tested by the fit of the score's histogram: a mixture of the classes' reference histograms has to explain it.
"""

from dataclasses import dataclass

import numpy as np

ROUNDS = 2000
BINS = 20


@dataclass(frozen=True, eq=False)
class PriorEstimate:
    """Shares of the classes.

    Attributes:
      shares: EM's estimate, [K], sum 1.
      errors: Standard errors of the shares, from their information and the reference's size, [K].
      bbse: BBSE's estimate, [K]; may lie outside [0, 1] where classes are hard to tell.
      reference: Shares in the reference, [K].
      fit: p-value of "a mixture of the reference's classes explains the scores"; small = p(x | class) moved, too.
    """

    shares: np.ndarray
    errors: np.ndarray
    bbse: np.ndarray
    reference: np.ndarray
    fit: float


def em_shares(probabilities: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Returns the maximum likelihood shares, [K].

    Args:
      probabilities: Calibrated probabilities under `prior`, [N, K].
      prior: Shares of the classes that they are calibrated for, [K].
    """
    shares = prior.copy()
    for _ in range(ROUNDS):
        posterior = probabilities * (shares / prior)
        posterior /= posterior.sum(axis=1, keepdims=True)
        new = posterior.mean(axis=0)
        done = np.abs(new - shares).max() < 1e-7
        shares = new
        if done:
            break
    return shares


def estimate_prior(
    reference: np.ndarray, labels: np.ndarray, current: np.ndarray, calibrated: np.ndarray | None = None
) -> PriorEstimate:
    """Estimates the shares of the classes among current rows.

    Args:
      reference: Probabilities of the reference rows, [N, K].
      labels: Their class codes, [N].
      current: Probabilities of the current rows, [M, K].
      calibrated: The same, calibrated on the reference, [M, K]; None: `current` are.
    """
    k = reference.shape[1]
    counts = np.bincount(labels.astype(np.int64), minlength=k).astype(np.float64)
    prior = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    probabilities = np.clip(current if calibrated is None else calibrated, 1e-9, 1.0)
    shares = em_shares(probabilities, prior)
    density = probabilities / prior
    density /= density @ shares[:, None]
    information = density.T @ density  # of the mixture's log likelihood
    inverse = np.linalg.pinv(_contrast(k).T @ information @ _contrast(k))
    covariance = _contrast(k) @ inverse @ _contrast(k).T
    errors = np.sqrt(np.diag(covariance) + shares * (1 - shares) / len(reference))
    predicted = reference.argmax(axis=1)
    confusion = np.zeros((k, k))
    np.add.at(confusion, (predicted, labels.astype(np.int64)), 1 / len(reference))
    seen = np.bincount(current.argmax(axis=1), minlength=k) / len(current)
    bbse = prior * (np.linalg.pinv(confusion) @ seen)
    return PriorEstimate(shares, errors, bbse, prior, _fit(reference, labels, current, shares))


def _fit(reference: np.ndarray, labels: np.ndarray, current: np.ndarray, shares: np.ndarray) -> float:
    """Chi-square test of the histogram of the class with the most variable score, with the error of both samples."""
    from scipy.stats import chi2

    at = int(np.argmax(reference.var(axis=0)))
    edges = np.unique(np.quantile(np.append(reference[:, at], current[:, at]), np.arange(1, BINS) / BINS))
    place, now = (np.searchsorted(edges, rows[:, at]) for rows in (reference, current))
    bins = len(edges) + 1
    seen = np.bincount(now, minlength=bins) / len(current)
    expected, variance = np.zeros(bins), np.zeros(bins)
    for code, share in enumerate(shares):
        own = place[labels == code]
        if len(own):
            rate = np.bincount(own, minlength=bins) / len(own)
            expected += share * rate
            variance += share**2 * rate * (1 - rate) / len(own)
    variance += np.maximum(expected * (1 - expected), 1e-12) / len(current)
    used = expected > 1e-9
    statistic = float(np.sum((seen - expected)[used] ** 2 / variance[used] * (1 - expected[used])))
    degrees = max(int(used.sum()) - len(shares), 1)
    return float(chi2.sf(statistic, degrees))


def _contrast(k: int) -> np.ndarray:
    """Basis of the shares' changes, [K, K - 1]: sums stay 1."""
    return np.vstack([np.eye(k - 1), -np.ones((1, k - 1))])
