"""Severity of drift: how far two populations differ, whatever the number of rows that were compared.

Significance answers whether there is drift; with enough rows every difference is significant. Severity answers how much
there is. It is read from the distance without its sampling noise, so that 1,000 rows and 1,000,000 rows of the same two
populations have the same severity, up to the error of the estimate.

The default levels are 0.1 and 0.25. Between two normal distributions of equal variance the Kolmogorov-Smirnov distance
and the total variation are 2 Phi(d/2) - 1, with Cohen's d: 0.1 is d = 0.25 (Cohen's small effect, 0.2, is 0.08), 0.25
is d = 0.64 (his medium effect, 0.5, is 0.20; his large one, 0.8, is 0.31). By the population stability index d^2, of
which 0.1 is called moderate and 0.25 a major shift, the levels would be 0.125 and 0.2. Measures of what is no sampling
of the same values (missing cells, values outside the known ones, repeated rows) are moderate from 0.05 or 0.01 on,
because the model was not trained on such rows. Of the joint distance 0.25 is an AUC that interactions raise by 0.125;
consecutive months of the flights have that, so it is severe from 0.5 on.
"""

import math
from collections.abc import Iterable
from typing import Literal, get_args

from components.drift_validator.distances.distance_result import DistanceResult

Severity = Literal["negligible", "moderate", "severe"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""In ascending order."""

UNUSED = 0.0
"""Importance of a feature that the model does not use."""


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


def weighted_severity(severity: Severity, importance: float | None) -> Severity:
    """Lowers the severity by one level if the model does not use the feature.

    Args:
      severity: Severity of the distance.
      importance: Relative importance of the feature, in [0, 1]; None if unknown.
    """
    if importance is None or importance > UNUSED:
        return severity
    return SEVERITIES[max(0, SEVERITIES.index(severity) - 1)]


def worst(severities: Iterable[Severity]) -> Severity:
    """Returns the highest severity; "negligible" for none."""
    return max(severities, key=SEVERITIES.index, default="negligible")
