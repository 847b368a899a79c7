"""Significance of distances: false discovery rate, effect sizes and the decision whether a distance is drift."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.thresholds import MAIN, DriftThresholds


@dataclass(frozen=True)
class TestSubject:
    """The part of the data that a distance describes.

    Attributes:
      feature: Name of the column; "(rows)" for duplicate rows, "(columns)" for the joint distribution.
      slice: Slice such as "origin=EWR"; "" for all rows.
      role: "feature", "label", "prediction", "id" or "table".
    """

    feature: str
    slice: str = ""
    role: str = "feature"


@dataclass(frozen=True)
class DriftFinding:
    """A distance with its threshold and the decision. The first six fields are a contract of drift.json.

    Attributes:
      feature: See TestSubject.
      measure: Name of the measure, see distances/registry.py.
      distance: In [0, 1].
      threshold: Distance above which the row counts as drifted.
      drifted: Whether it counts as drifted.
      detail: Description of the change for the user.
      slice: See TestSubject.
      role: See TestSubject.
      p_value: Probability of a distance at least as large under the null hypothesis of equal distributions; None where
        the null distribution is unknown.
      q_value: p-value adjusted by Benjamini-Hochberg: the smallest false discovery rate at which it is significant.
      chance: Critical value of the distance at the level that Benjamini-Hochberg accepts; None where the null
        distribution is unknown, and in slices without significance.
      effect: Effect size as set; in a slice, the distance of all rows is added to it. `threshold` is the larger of
        `chance` and `effect` under the rule "calibrated", and `effect` under "fixed".
      at: Value or point where the distance is attained.
      baseline_share: Share of the baseline data there, in [0, 1].
      current_share: Share of the current data there, in [0, 1].
    """

    feature: str
    measure: str
    distance: float
    threshold: float
    drifted: bool
    detail: str
    slice: str = ""
    role: str = "feature"
    p_value: float | None = None
    q_value: float | None = None
    chance: float | None = None
    effect: float = 0.0
    at: str | float | None = None
    baseline_share: float | None = None
    current_share: float | None = None


def apply_tests(found: Sequence[tuple[TestSubject, DistanceResult]], rules: DriftThresholds) -> list[DriftFinding]:
    """Decides which distances of a comparison are drift, as one family of tests.

    A distance is drift where it exceeds its effect size and, under the rule "calibrated", is significant after
    Benjamini-Hochberg. The null distribution of the Jensen-Shannon divergence is unknown; it counts as significant
    where the feature's main distance is. The distance of a slice must exceed that of all rows by its effect size, so
    that a change in all rows is reported once.

    Args:
      found: Distances and what they describe.
      rules: Thresholds and significance level.

    Returns:
      One row for each distance. Drifted rows come first, then the label, all rows before slices, main measures before
      others, then by distance relative to the threshold.
    """
    tested = [measured.p_value for _, measured in found if measured.p_value is not None]
    q_values = iter(benjamini_hochberg(tested))
    level = discovery_level(tested, rules.alpha)
    significant, everywhere = {}, {}
    adjusted = []
    for subject, measured in found:
        q_value = next(q_values) if measured.p_value is not None else None
        if measured.measure in MAIN:
            significant[subject] = q_value is None or q_value <= rules.alpha
        if not subject.slice:
            everywhere[subject.feature, measured.measure] = measured.distance
        adjusted.append((subject, measured, q_value))
    rows = []
    for subject, measured, q_value in adjusted:
        effect = rules.threshold(subject.feature, measured.measure)
        if subject.slice:
            whole = everywhere.get((subject.feature, measured.measure), 0.0)
            effect = min(1.0, max(effect, rules.slice_effect) + whole)
        is_significant = significant.get(subject, True) if q_value is None else q_value <= rules.alpha
        # Critical values are expensive; skip them for non-significant slices.
        chance = measured.critical(level) if is_significant or not subject.slice else None
        threshold = effect
        if rules.rule == "fixed":
            is_significant = True
        else:
            if is_significant and chance is not None:
                chance = min(chance, measured.distance)  # the critical value may be an upper bound
            threshold = max(effect, chance or 0.0)
        rows.append(
            DriftFinding(
                subject.feature,
                measured.measure,
                measured.distance,
                min(threshold, 1.0),
                bool(is_significant and measured.distance > effect),
                measured.detail,
                subject.slice,
                subject.role,
                measured.p_value,
                q_value,
                chance,
                effect,
                _json_value(measured.at),
                measured.baseline_share,
                measured.current_share,
            )
        )
    return sorted(rows, key=_urgency)


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Computes q-values: for each test, the smallest false discovery rate at which it is significant.

    Benjamini and Hochberg (1995), Controlling the false discovery rate. With p sorted ascending,
    q_(i) = min over j >= i of p_(j) * m / j. Valid for independent tests and under positive dependence, such as between
    the distances of a feature in all rows and in a slice.

    Args:
      p_values: p-values [M], in [0, 1].

    Returns:
      q-values [M], in [0, 1], in the order of `p_values`.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def discovery_level(p_values: Sequence[float], alpha: float) -> float:
    """Returns the p-value at or below which Benjamini-Hochberg accepts a test as significant.

    Args:
      p_values: p-values [M].
      alpha: False discovery rate, in (0, 1).

    Returns:
      alpha k / M with k accepted tests; alpha / M if none is accepted; alpha without tests.
    """
    if not len(p_values):
        return alpha
    p = np.sort(np.asarray(p_values, float))
    accepted = np.flatnonzero(p <= alpha * np.arange(1, len(p) + 1) / len(p))
    return float(alpha * max(1, accepted[-1] + 1 if len(accepted) else 1) / len(p))


def _urgency(row: DriftFinding) -> tuple[object, ...]:
    times = row.distance / row.threshold if row.threshold else math.inf
    order = (not row.drifted, row.role != "label", row.slice != "", row.measure not in MAIN)
    return (*order, -times, row.feature, row.measure, row.slice)


def _json_value(at: str | float | None) -> str | float | None:
    """Infinities as text, because JSON has none."""
    return str(at) if isinstance(at, float) and not math.isfinite(at) else at
