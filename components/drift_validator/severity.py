"""Severity of drift: how far two populations differ, whatever the number of rows that were compared.

Significance answers whether there is drift; with enough rows every difference is significant. Severity answers how much
there is. It is read from the distance without its sampling noise, so that 1,000 rows and 1,000,000 rows of the same two
populations have the same severity, up to the error of the estimate.

The default levels are 0.125 and 0.25. Between two normal distributions of equal variance, Kolmogorov-Smirnov distance
and total variation are 2 Phi(d/2) - 1 with Cohen's d, and the population stability index is d^2. 0.125 is d = 0.31, a
population stability index of 0.1, from which a shift is customarily called moderate. 0.25 is d = 0.64, between Cohen's
medium effect (0.5, distance 0.20) and his large one (0.8, distance 0.31). Missing cells and numbers out of range are
moderate from 0.05 on, unknown values from 0.02 and repeated rows from 0.01, because they are rather faults than shifts,
and the model was trained on few such rows or on none. A joint distance of 0.25 is an AUC that the interactions raise by
0.125; consecutive months of the flights reach that, so it is severe from 0.5 on.
"""

import math

from components.drift_validator.distances.distance_result import DistanceResult
from components.shared.statistics.relative_importance import MIN_IMPORTANCE
from components.shared.statistics.severities import Severity


def corrected_distance(measured: DistanceResult) -> float:
    """Estimates the distance of the populations from that of the samples.

    Distances of samples are biased upwards: without drift, that of n and m rows has the order of sqrt(1/n + 1/m). With
    b the median of the distance without drift, the estimate is sqrt(max(0, d^2 - b^2)): noise adds to the square of a
    distance, as in the bias correction of Cramer's V (Bergsma 2013, doi 10.1016/j.jkss.2012.10.002). The median is the
    critical value at the level 0.5; where that is an upper bound, the estimate is conservative. Measures with an
    estimator of their own (`unseen`, `vanished`) use that, and those without a null distribution are not corrected.

    Args:
      measured: A measured distance.

    Returns:
      Estimate in [0, 1], at most the measured distance.
    """
    if measured.corrected is not None:
        return min(measured.corrected, measured.distance)
    noise = measured.critical(0.5) if measured.distance > 0 else None
    if noise is None:
        return measured.distance
    return math.sqrt(max(0.0, measured.distance**2 - noise**2))


def severity_of(effect: float, moderate: float, severe: float) -> Severity:
    """Grades an effect.

    Args:
      effect: Corrected distance, in [0, 1]; 0 is negligible.
      moderate: Effect from which it is moderate.
      severe: Effect from which it is severe.
    """
    if effect <= 0 or effect < moderate:
        return "negligible"
    return "severe" if effect >= severe else "moderate"


def capped_severity(severity: Severity, importance: float | None) -> Severity:
    """Limits the severity to "moderate" if the model hardly uses the feature.

    Args:
      severity: Severity of the distance.
      importance: Relative importance of the feature, in [0, 1]; None if unknown.
    """
    if severity == "severe" and importance is not None and importance < MIN_IMPORTANCE:
        return "moderate"
    return severity
