"""Confident learning: from out-of-sample probabilities to how likely each given label is right.

The confident joint (Northcutt, Jiang & Chuang, 2021; the cleanlab library) estimates the noise matrix
T[k, j] = P(given j | true k). With a row's probabilities C[k] of its true class, the given label j is right with

    quality = C[j] T[j, j] / sum over k of C[k] T[k, j].

What is C? The model learnt from given labels, so it predicts P = C T. Two cases, told apart by `separation`:

- Classes that can be told apart: the probabilities that noise leaves are nearly the rows of T, one vector a class, and
  T is trustworthy. C is solved from P = C T, and as many rows are doubtful as the joint says are wrong, the worst
  first.
- Classes that overlap, as late and punctual flights do: probabilities form a continuum, and the joint takes hard rows
  for wrong ones. Solving for C with too large a T would make it worse. C = P, and a row is doubtful where its quality
  is below OVERLAPPING.

Chosen by measurement on the data of benchmarks/label_noise.py, and with it SEPARABLE, OVERLAPPING and the settings of
the models: its figures are not those of data never seen.
"""

from dataclasses import dataclass

import numpy as np

SEPARABLE = 0.75
"""Separation from which classes count as told apart: what two classes' probabilities, spread evenly over 0..1, have."""
OVERLAPPING = 0.53
"""Quality below which a label is doubtful where classes overlap. F1 is best where rows are marked from somewhat below
even odds of being wrong (Lipton et al., 2014); 0.50 to 0.55 differ little, see the benchmark."""
STEPS = 40
"""Of the solution of P = C T."""
CHUNK = 1 << 14


@dataclass(frozen=True, eq=False)
class Doubt:
    """What is doubtful.

    Attributes:
      quality: N, in [0, 1]: 0 = the given label is surely wrong, 1 = surely right.
      doubtful: N, True where the label should be looked at.
      suggested: N, code of the likeliest other class.
      noise_matrix: K x K, T[k, j] = estimated P(given j | true k).
      separation: In [0, 1]; see `separation`.
    """

    quality: np.ndarray
    doubtful: np.ndarray
    suggested: np.ndarray
    noise_matrix: np.ndarray
    separation: float

    @property
    def separable(self) -> bool:
        """False where a doubtful label is mostly a hard row."""
        return self.separation >= SEPARABLE

    @property
    def ranked(self) -> np.ndarray:
        """Doubtful rows, worst first."""
        rows = np.flatnonzero(self.doubtful)
        return rows[np.argsort(self.quality[rows], kind="stable")]


def find_doubt(labels: np.ndarray, probabilities: np.ndarray) -> Doubt:
    """Judges every label.

    Args:
      labels: Codes in 0..K-1, N; every class occurs.
      probabilities: Out of sample, N x K, rows sum to 1.
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
    return Doubt(np.clip(quality, 0.0, 1.0), doubtful, suggested, noise, spread)


def separation(probabilities: np.ndarray) -> float:
    """How far classes can be told apart, in [0, 1].

    The share of the variation of the probability vectors that lies between rows of different predicted classes
    (eta squared of an analysis of variance). 1 = one vector for each class, whatever the noise; 0.75 = two classes
    and probabilities spread evenly; 0 = the prediction says nothing.
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
    """C with rows in the simplex that fits P = C T best: least Kullback-Leibler divergence, by Richardson-Lucy steps.

    Args:
      probabilities: P, N x K.
      noise: T, K x K, rows sum to 1.
    """
    observed = np.asarray(probabilities, np.float64)
    found = np.maximum(observed, 1e-9)  # what starts at 0 stays there
    for _ in range(STEPS):
        found *= (observed / np.maximum(found @ noise, 1e-12)) @ noise.T
        found /= np.maximum(found.sum(axis=1, keepdims=True), 1e-300)
    return found
