"""Which probability is called 1: the decision threshold that is best by what pipeline.toml names. Pure."""

import numpy as np

from components.shared.statistics.threshold_criteria import Criterion

GRID = np.round(np.arange(1, 100) / 100, 2)
"""Thresholds to choose from: two digits, for people."""


def choose_threshold(labels: np.ndarray, probability: np.ndarray, by: Criterion = "f1") -> float:
    """The decision threshold on the grid 0.01, 0.02 .. 0.99 that is best by a criterion.

    Args:
      labels: 0 or 1, [N].
      probability: Of class 1, [N]; a row is called 1 from the threshold on.
      by: The criterion.

    Returns:
      Of thresholds that tie, the lowest. Where no threshold reaches the least value asked for, the one that comes
      nearest to it. 0.5 where no row is positive, or where balanced accuracy has no negative row to speak of.
    """
    positive = labels > 0.5
    if not positive.any() or (by == "balanced_accuracy" and positive.all()):
        return 0.5
    tp, fp = _called(positive, probability)
    here, elsewhere = positive.sum(), (~positive).sum()
    if isinstance(by, str):
        scores = {
            "f1": lambda: 2 * tp / (tp + fp + here),
            "accuracy": lambda: (tp + elsewhere - fp) / len(labels),
            "balanced_accuracy": lambda: (tp / here + (elsewhere - fp) / elsewhere) / 2,
        }
        return float(GRID[np.argmax(scores[by]())])
    ((name, least),) = by.items()
    recall = tp / here
    precision = np.divide(tp, tp + fp, out=np.zeros(len(GRID)), where=tp + fp > 0)
    asked, wanted = (precision, recall) if name == "precision" else (recall, precision)
    reached = asked >= least
    if not reached.any():
        reached = asked == asked.max()
    return float(GRID[np.argmax(np.where(reached, wanted, -1.0))])


def _called(positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each threshold of the grid, without a matrix of all rows by all thresholds."""
    # In float32, as the model compares: 0.29 in float64 is not the 0.29 that it has.
    place = np.searchsorted(GRID.astype(np.float32), probability.astype(np.float32), side="right")
    counts = [np.bincount(place[rows], minlength=len(GRID) + 1) for rows in (positive, ~positive)]
    tp, fp = (count[::-1].cumsum()[::-1][1:].astype(np.float64) for count in counts)
    return tp, fp
