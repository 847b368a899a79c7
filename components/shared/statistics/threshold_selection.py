"""Selects the decision threshold that is best by the criterion of pipeline.toml."""

import numpy as np

from components.shared.statistics.threshold_criteria import Criterion

GRID = np.round(np.arange(1, 100) / 100, 2)
"""Candidate thresholds; two digits for readability."""


def choose_threshold(labels: np.ndarray, probability: np.ndarray, by: Criterion = "f1") -> float:
    """Selects the decision threshold from the grid 0.01, 0.02 .. 0.99 that is best by a criterion.

    Args:
      labels: 0 or 1, [N].
      probability: Probability of class 1, [N]; a row is predicted as 1 if it is at least the threshold.
      by: The criterion.

    Returns:
      The lowest of thresholds that tie. If no threshold reaches the required minimum, the one that comes closest. 0.5
      if no row is positive, or for balanced accuracy if no row is negative.
    """
    positive = labels > 0.5
    if not positive.any() or (by == "balanced_accuracy" and positive.all()):
        return 0.5
    tp, fp = _counts(positive, probability)
    positives, negatives = positive.sum(), (~positive).sum()
    if isinstance(by, str):
        scores = {
            "f1": lambda: 2 * tp / (tp + fp + positives),
            "accuracy": lambda: (tp + negatives - fp) / len(labels),
            "balanced_accuracy": lambda: (tp / positives + (negatives - fp) / negatives) / 2,
        }
        return float(GRID[np.argmax(scores[by]())])
    ((name, least),) = by.items()
    recall = tp / positives
    precision = np.divide(tp, tp + fp, out=np.zeros(len(GRID)), where=tp + fp > 0)
    constrained, maximised = (precision, recall) if name == "precision" else (recall, precision)
    reached = constrained >= least
    if not reached.any():
        reached = constrained == constrained.max()
    return float(GRID[np.argmax(np.where(reached, maximised, -1.0))])


def _counts(positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each threshold of the grid, in memory linear in rows plus thresholds."""
    # In float32, in which the served graph compares; 0.29 differs between float32 and float64.
    place = np.searchsorted(GRID.astype(np.float32), probability.astype(np.float32), side="right")
    counts = [np.bincount(place[rows], minlength=len(GRID) + 1) for rows in (positive, ~positive)]
    tp, fp = (count[::-1].cumsum()[::-1][1:].astype(np.float64) for count in counts)
    return tp, fp
