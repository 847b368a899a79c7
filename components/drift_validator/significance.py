"""Significance and severity of distances: false discovery rate, effect sizes and the decision what is drift."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.severity import capped_severity, corrected_distance, severity_of
from components.drift_validator.thresholds import MAIN, DriftThresholds
from components.shared.statistics.severities import SEVERITIES, Severity


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
      severity: "negligible", "moderate" or "severe": how large the corrected distance is, whether significant or not;
        at most moderate for a feature that the model hardly uses.
      corrected_distance: The distance without its sampling noise, see severity.corrected_distance; None in a slice
        where the distance itself is negligible.
      moderate: Corrected distance from which it is moderate; in a slice, that of all rows is added to it.
      severe: Corrected distance from which it is severe; in a slice likewise.
      importance: Importance of the feature to the model in production relative to the most important one, in [0, 1];
        None if unknown.
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
    severity: Severity = "negligible"
    corrected_distance: float | None = None
    moderate: float = 0.0
    severe: float = 0.0
    importance: float | None = None


def apply_tests(found: Sequence[tuple[TestSubject, DistanceResult]], rules: DriftThresholds) -> list[DriftFinding]:
    """Decides which distances of a comparison are drift, as one family of tests.

    A distance is drift where it exceeds its effect size and, under the rule "calibrated", is significant after
    Benjamini-Hochberg. The null distribution of the Jensen-Shannon divergence is unknown; it counts as significant
    where the feature's main distance is. The distance of a slice must exceed that of all rows by its effect size, so
    that a change in all rows is reported once. The severity does not depend on the significance; drift above an effect
    size that was set is at least moderate.

    Args:
      found: Distances and what they describe.
      rules: Thresholds and significance level.

    Returns:
      One row for each distance. Drifted rows come first, then the label, all rows before slices, by severity, main
      measures before others, then by distance relative to the threshold, weighted by importance.
    """
    tested = [measured.p_value for _, measured in found if measured.p_value is not None]
    q_values = iter(benjamini_hochberg(tested))
    level = discovery_level(tested, rules.alpha)
    significant, everywhere, corrected = {}, {}, {}
    adjusted = []
    for subject, measured in found:
        q_value = next(q_values) if measured.p_value is not None else None
        if measured.measure in MAIN:
            significant[subject] = q_value is None or q_value <= rules.alpha
        if not subject.slice:
            everywhere[subject.feature, measured.measure] = measured.distance
            corrected[subject.feature, measured.measure] = corrected_distance(measured)
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
        drifted = bool(is_significant and measured.distance > effect)
        grade = _grade(subject, measured, drifted, rules, corrected.get((subject.feature, measured.measure), 0.0))
        rows.append(
            DriftFinding(
                subject.feature,
                measured.measure,
                measured.distance,
                min(threshold, 1.0),
                drifted,
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
                *grade,
            )
        )
    return sorted(rows, key=_urgency)


def _grade(
    subject: TestSubject, measured: DistanceResult, drifted: bool, rules: DriftThresholds, everywhere: float
) -> tuple[Severity, float | None, float, float, float | None]:
    """The last five fields of a finding; `everywhere` is the corrected distance of all rows."""
    moderate, severe, own = rules.levels(subject.feature, measured.measure)
    estimate: float | None = everywhere
    if subject.slice:
        moderate = min(1.0, max(moderate, rules.slice_effect) + everywhere)
        severe = min(1.0, max(moderate, severe + everywhere))
        # The corrected distance costs as much as a critical value, and is never larger than the distance.
        estimate = corrected_distance(measured) if measured.distance >= moderate else None
    severity = severity_of(estimate or 0.0, moderate, severe)
    if own and drifted and severity == "negligible":
        severity = "moderate"
    importance = rules.importance.get(subject.feature) if subject.role == "feature" else None
    return capped_severity(severity, importance), estimate, moderate, severe, importance


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Computes q-values: for each test, the smallest false discovery rate at which it is significant.

    Benjamini and Hochberg (1995), Controlling the false discovery rate, as SciPy computes it. Valid for
    independent tests and under positive dependence, such as between the distances of a feature in all rows and in a
    slice.

    Args:
      p_values: p-values [M], in [0, 1].

    Returns:
      q-values [M], in [0, 1], in the order of `p_values`.
    """
    from scipy.stats import false_discovery_control

    p: np.ndarray = np.asarray(p_values, float)
    return np.asarray(false_discovery_control(p)) if len(p) else p


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
    times *= 1.0 if row.importance is None else max(row.importance, 1e-9)  # not 0: inf * 0 is no number
    rank = SEVERITIES.index(row.severity)
    order = (not row.drifted, row.role != "label", row.slice != "", -rank, row.measure not in MAIN)
    return (*order, -times, row.feature, row.measure, row.slice)


def _json_value(at: str | float | None) -> str | float | None:
    """Infinities as text, because JSON has none."""
    return str(at) if isinstance(at, float) and not math.isfinite(at) else at
