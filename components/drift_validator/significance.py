"""From distances to verdicts: is it real, and does it matter?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.thresholds import MAIN, Rules


@dataclass(frozen=True)
class Subject:
    """What was measured.

    Attributes:
      feature: Name of the column; "(rows)" where it is about rows, "(columns)" about columns together.
      slice: "" for all rows, otherwise such as "origin=EWR".
      role: "feature", "label", "prediction", "id", or "table".
    """

    feature: str
    slice: str = ""
    role: str = "feature"


@dataclass(frozen=True)
class Drift:
    """One distance and the verdict on it. The first six fields are a contract (design.md).

    Attributes:
      feature: See Subject.
      measure: See Measured.
      distance: In [0, 1].
      threshold: The distance beyond which this row counts as drifted.
      drifted: The verdict.
      detail: What moved, for a person.
      slice: See Subject.
      role: See Subject.
      p_value: Probability of such a distance by chance; None where no law is known.
      q_value: The same after Benjamini-Hochberg: the least false discovery rate at which this row is a discovery.
      chance: The distance that chance alone exceeds at the level that Benjamini-Hochberg leaves to a row; None where
        no law is known, and in slices where chance explains the distance.
      effect: The distance that matters, as set (in a slice: on top of that of all rows); `threshold` is the larger of
        the two under the calibrated rule.
      at: Value or point where the distance is attained.
      baseline_share: Share of the baseline there.
      current_share: Share of the current data there.
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


def judge(found: Sequence[tuple[Subject, Measured]], rules: Rules) -> list[Drift]:
    """Judges all distances of one comparison together.

    A divergence has no law of its own; under the calibrated rule it needs that feature's main distance to be real. A
    slice has to move by its threshold more than all rows do: what moved everywhere is told once.

    Returns:
      One row for each, the drifted first; among them the label, then all rows before slices, main distances before
      others, then by how many times the threshold they are.
    """
    tested = [measured.p_value for _, measured in found if measured.p_value is not None]
    q_values = iter(benjamini_hochberg(tested))
    level = discovery_level(tested, rules.alpha)
    real, everywhere = {}, {}
    judged = []
    for subject, measured in found:
        q_value = next(q_values) if measured.p_value is not None else None
        if measured.measure in MAIN:
            real[subject] = q_value is None or q_value <= rules.alpha
        if not subject.slice:
            everywhere[subject.feature, measured.measure] = measured.distance
        judged.append((subject, measured, q_value))
    rows = []
    for subject, measured, q_value in judged:
        effect = rules.threshold(subject.feature, measured.measure)
        if subject.slice:
            whole = everywhere.get((subject.feature, measured.measure), 0.0)
            effect = min(1.0, max(effect, rules.slice_effect) + whole)
        is_real = real.get(subject, True) if q_value is None else q_value <= rules.alpha
        # It takes longer than the distance, and of slices there are many.
        chance = measured.critical(level) if is_real or not subject.slice else None
        threshold = effect
        if rules.rule == "fixed":
            is_real = True
        else:
            if is_real and chance is not None:
                chance = min(chance, measured.distance)  # a bound on it may lie beyond what the exact p-value allows
            threshold = max(effect, chance or 0.0)
        rows.append(
            Drift(
                subject.feature,
                measured.measure,
                measured.distance,
                min(threshold, 1.0),
                bool(is_real and measured.distance > effect),
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
    """q-values: for each test the least false discovery rate at which it is among the discoveries.

    Benjamini and Hochberg (1995), Controlling the false discovery rate. With p sorted ascending,
    q_(i) = min over j >= i of p_(j) * m / j. Valid for independent tests and for those that depend positively, as
    distances of one feature in all rows and in a slice do.

    Args:
      p_values: In [0, 1], [M].

    Returns:
      In [0, 1], [M], in the order of `p_values`.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def discovery_level(p_values: Sequence[float], alpha: float) -> float:
    """The p-value at or below which a test is a discovery; what the next one would have needed where there is none."""
    if not len(p_values):
        return alpha
    p = np.sort(np.asarray(p_values, float))
    accepted = np.flatnonzero(p <= alpha * np.arange(1, len(p) + 1) / len(p))
    return float(alpha * max(1, accepted[-1] + 1 if len(accepted) else 1) / len(p))


def _urgency(row: Drift) -> tuple[object, ...]:
    times = row.distance / row.threshold if row.threshold else math.inf
    order = (not row.drifted, row.role != "label", row.slice != "", row.measure not in MAIN)
    return (*order, -times, row.feature, row.measure, row.slice)


def _json_value(at: str | float | None) -> str | float | None:
    """JSON has no infinity."""
    return str(at) if isinstance(at, float) and not math.isfinite(at) else at
