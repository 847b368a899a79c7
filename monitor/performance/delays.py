"""Label delay: its distribution, the probability that a label has arrived by an age, and when a window is mature.

A label that has not come yet is no negative (S. I. Ktena et al., Addressing Delayed Feedback for Continuous Training,
arXiv 1907.06558; arXiv 2002.02068). Rows still waiting are right-censored at their age, so the distribution of all rows
is Kaplan and Meier's (1958). Delay may depend on the label itself: a late flight is known to be late later. Its
distribution by label comes from rows of mature windows, whose labels are in; weighting each label that has come by 1 /
P(arrived by its age | label) then corrects what is missing not at random.
"""

from dataclasses import dataclass

import numpy as np

MIN_PROBABILITY = 0.1
"""Ages at which any label arrives with less probability are not used: their weights would exceed 10."""
MIN_OF_GROUP = 50
REGRESSION_GROUPS = 3


@dataclass(frozen=True, eq=False)
class DelayCurve:
    """P(label has arrived by an age).

    Attributes:
      times: Delays at which labels arrived, ascending, [T], seconds.
      arrived: Probability that a label arrives by that delay, [T], ascending, at most 1.
      rows: Rows that it was estimated from.
    """

    times: np.ndarray
    arrived: np.ndarray
    rows: int = 0

    @classmethod
    def fit(cls, delay: np.ndarray, age: np.ndarray) -> "DelayCurve":
        """Computes the estimate of Kaplan and Meier.

        Args:
          delay: Seconds from event to label, [N]; NaN = the label has not come.
          age: Seconds from event until now, [N]: rows without a label are censored then.
        """
        came = np.isfinite(delay)
        end = np.where(came, delay, age)
        times, counts = np.unique(delay[came], return_counts=True)
        at_risk = len(end) - np.searchsorted(np.sort(end), times, side="left")
        survival = np.cumprod(1 - counts / np.maximum(at_risk, 1))
        return cls(times, 1 - survival, len(end))

    def at(self, age: np.ndarray) -> np.ndarray:
        """Returns the probability that a label has arrived at each age, [N]."""
        if not len(self.times):
            return np.zeros(len(age))
        place = np.searchsorted(self.times, age, side="right")
        found: np.ndarray = np.append(0.0, self.arrived)[place]
        return found

    @property
    def ever(self) -> float:
        """Probability that a label arrives within the delays seen."""
        return float(self.arrived[-1]) if len(self.arrived) else 0.0

    def quantile(self, share: float) -> float:
        """Returns the delay by which `share` of the labels that ever arrive have done so; infinity if none has."""
        if not len(self.times):
            return float("inf")
        return float(self.times[np.searchsorted(self.arrived, share * self.ever - 1e-12)])


@dataclass(frozen=True, eq=False)
class ArrivalModel:
    """Probability that a row's label has arrived, by age and label.

    Attributes:
      edges: Upper bounds of the groups of labels except the last, [G - 1]; a label belongs to the first it does not
        exceed.
      curves: Delay of the labels of each group, [G].
    """

    edges: np.ndarray
    curves: tuple[DelayCurve, ...]

    @classmethod
    def fit(cls, targets: np.ndarray, delay: np.ndarray, *, regression: bool = False) -> "ArrivalModel":
        """Fits to labels of mature windows: none of them is censored.

        Args:
          targets: Labels or class codes, [N].
          delay: Seconds from event to label, [N], no NaN.
          regression: Groups are thirds of the targets, otherwise classes; groups below MIN_OF_GROUP are merged.
        """
        if regression:
            edges = np.unique(np.quantile(targets, np.arange(1, REGRESSION_GROUPS) / REGRESSION_GROUPS))
        else:
            edges = np.unique(targets)[:-1].astype(np.float64)
        group = np.searchsorted(edges, targets, side="left")
        if np.bincount(group, minlength=len(edges) + 1).min(initial=len(targets)) < MIN_OF_GROUP:
            edges, group = np.array([]), np.zeros(len(targets), dtype=np.int64)
        curves = tuple(DelayCurve.fit(delay[group == g], delay[group == g]) for g in range(len(edges) + 1))
        return cls(edges, curves)

    def probability(self, targets: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Returns P(arrived by its age | label), [N]."""
        group = np.searchsorted(self.edges, targets, side="left")
        found: np.ndarray = np.stack([curve.at(age) for curve in self.curves])[group, np.arange(len(age))]
        return found

    def error(self, targets: np.ndarray, age: np.ndarray, parts: np.ndarray) -> float:
        """Returns the variance of sum_i parts_i / probability_i from the estimated curves, an upper bound.

        Args:
          targets: Labels, [n].
          age: Ages of their rows, [n].
          parts: What is weighted, [n].
        """
        group = np.searchsorted(self.edges, targets, side="left")
        p = np.clip(self.probability(targets, age), 1e-9, 1.0)
        rows = np.array([max(curve.rows, 1) for curve in self.curves])
        # Errors of one curve at different ages are positively correlated; the bound takes them as equal.
        moved = np.bincount(group, parts / p * np.sqrt((1 - p) / (p * rows[group])), minlength=len(self.curves))
        return float(np.sum(moved**2))

    def least(self, age: np.ndarray) -> np.ndarray:
        """Returns the least probability over all labels at each age, [N]."""
        found: np.ndarray = np.min([curve.at(age) for curve in self.curves], axis=0)
        return found


def arrival_probabilities(
    targets: np.ndarray | None, known: np.ndarray, age: np.ndarray | None, model: ArrivalModel | None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which rows are old enough, bool [N], and for each the probability that its label has arrived, [N].

    Args:
      targets: Labels, [N]; any value where not known.
      known: Whether the label has come, bool [N].
      age: Seconds since the event, [N]; None: labels are taken as missing at random.
      model: Of mature windows; None likewise.
    """
    if model is None or age is None or targets is None:
        share = float(known.mean()) if len(known) else 0.0
        return np.ones(len(known), dtype=bool), np.full(len(known), max(share, 1e-9))
    old = model.least(age) >= MIN_PROBABILITY
    probability = model.probability(np.where(known, targets, 0), age)
    # Rows whose label never comes are missing at random among the labels: the share that came corrects for them.
    inside = known & old
    ever = 1.0
    if inside.any():
        ever = float(np.clip(np.sum(1 / probability[inside]) / max(old.sum(), 1), 1e-3, 1.0))
        ever = ever if ever < 0.98 else 1.0
    return old, np.clip(probability * ever, 1e-9, 1.0)


def mature_after(curve: DelayCurve, share: float) -> float:
    """Seconds after its end from which a window is mature: `share` of the labels that ever arrive are in."""
    return curve.quantile(share)
