"""Confident learning: label quality from out-of-sample probabilities.

The confident joint (Northcutt, Jiang & Chuang, 2021; the cleanlab library) estimates the noise matrix
T[k, j] = P(given j | true k). Let C[k] be a row's probabilities of its true class. The given label j is right with
probability

    quality = C[j] T[j, j] / sum over k of C[k] T[k, j].

The model is trained on given labels, so it predicts P = C T. How C is estimated depends on `separation`:

- Separable classes: the predicted probabilities are close to the rows of T, one vector for each class, and the estimate
  of T is reliable. C is solved from P = C T. The number of label issues is that of the estimated joint; the rows of
  lowest quality are taken.
- Overlapping classes, such as late and punctual flights: probabilities form a continuum, and the confident joint counts
  rows that are hard to predict as label errors. T is then too large, and solving for C would amplify its error. So
  C = P, and a label is an issue where its quality is below OVERLAPPING.

The two cases, SEPARABLE, OVERLAPPING and the models' hyperparameters were selected on the data of
benchmarks/label_noise.py. The benchmark's figures are therefore optimistic for other data.
"""

from dataclasses import dataclass

import numpy as np

SEPARABLE = 0.75
"""Separation from which classes count as separable: the value for two classes with uniformly distributed
probabilities."""
OVERLAPPING = 0.53
"""Quality below which a label is an issue where classes overlap. F1 is best where the probability of an error is
somewhat below one half (Lipton et al., 2014); thresholds from 0.50 to 0.55 differ little, see the benchmark."""
STEPS = 40
"""Richardson-Lucy iterations for P = C T."""
CHUNK = 1 << 14
"""Rows that are processed at a time."""


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """Label issues among N rows with K classes.

    Attributes:
      quality: Label quality [N], in [0, 1]; near 0 the given label is probably wrong.
      doubtful: True for suspected label errors, bool [N].
      suggested: Code of the most probable other class, [N].
      noise_matrix: T[k, j] = estimated P(given j | true k), [K, K].
      separation: Separation of the classes in [0, 1]; see `separation`.
    """

    quality: np.ndarray
    doubtful: np.ndarray
    suggested: np.ndarray
    noise_matrix: np.ndarray
    separation: float

    @property
    def separable(self) -> bool:
        """Whether the classes are separable; if not, many issues are rows that are merely hard to predict."""
        return self.separation >= SEPARABLE

    @property
    def ranked(self) -> np.ndarray:
        """Indices of the label issues, lowest quality first."""
        rows = np.flatnonzero(self.doubtful)
        return rows[np.argsort(self.quality[rows], kind="stable")]


def find_label_issues(labels: np.ndarray, probabilities: np.ndarray) -> LabelIssues:
    """Estimates the quality of every label and finds label issues.

    Args:
      labels: Class codes in 0..K-1, [N]; every class occurs.
      probabilities: Out-of-sample probabilities [N, K]; rows sum to 1.
    """
    from cleanlab.count import compute_confident_joint, estimate_joint, estimate_latent

    joint = compute_confident_joint(labels, probabilities)
    _, given_by_true, _ = estimate_latent(joint, labels)
    noise = np.asarray(given_by_true).T
    spread = separation(probabilities)
    rows = np.arange(len(labels))
    quality, suggested = np.empty(len(labels)), np.empty(len(labels), np.int64)
    for start in range(0, len(labels), CHUNK):
        part = slice(start, start + CHUNK)
        true = true_classes(probabilities[part], noise) if spread >= SEPARABLE else probabilities[part]
        posterior = true * noise[:, labels[part]].T
        posterior /= np.maximum(posterior.sum(axis=1, keepdims=True), 1e-300)
        at = rows[: len(posterior)]
        quality[part] = posterior[at, labels[part]]
        posterior[at, labels[part]] = -1.0
        suggested[part] = posterior.argmax(axis=1)
    if spread >= SEPARABLE:
        wrong = 1.0 - np.trace(estimate_joint(labels, probabilities, confident_joint=joint))
        doubtful = np.zeros(len(labels), bool)
        doubtful[np.argsort(quality, kind="stable")[: int(wrong * len(labels))]] = True
    else:
        doubtful = quality < OVERLAPPING
    return LabelIssues(np.clip(quality, 0.0, 1.0), doubtful, suggested, noise, spread)


def separation(probabilities: np.ndarray) -> float:
    """Measures how well the model separates the classes.

    It is eta squared of an analysis of variance: the share of the variance of the probability vectors that lies between
    predicted classes.

    Args:
      probabilities: Out-of-sample probabilities [N, K].

    Returns:
      Separation in [0, 1]: 1 = one probability vector for each class (at any noise level), 0.75 = two classes with
      uniformly distributed probabilities, 0 = constant predictions.
    """
    predicted = probabilities.argmax(axis=1)
    center = probabilities.mean(axis=0)
    total = ((probabilities - center) ** 2).sum()
    between = 0.0
    for k in np.unique(predicted):
        mine = probabilities[predicted == k]
        between += len(mine) * ((mine.mean(axis=0) - center) ** 2).sum()
    return float(min(between / total, 1.0)) if total > 1e-12 else 0.0


def true_classes(probabilities: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Solves P = C T for C by Richardson-Lucy iterations, which minimise the Kullback-Leibler divergence.

    Args:
      probabilities: P, [N, K].
      noise: T, [K, K]; rows sum to 1.

    Returns:
      C, [N, K]; rows are non-negative and sum to 1.
    """
    observed = np.asarray(probabilities, np.float64)
    found = np.maximum(observed, 1e-9)  # the update is multiplicative: 0 would stay 0
    for _ in range(STEPS):
        found *= (observed / np.maximum(found @ noise, 1e-12)) @ noise.T
        found /= np.maximum(found.sum(axis=1, keepdims=True), 1e-300)
    return found
