"""Fairness of a binary model: differences of its decisions between the groups of sensitive columns.

For each value of a sensitive column, with rows predicted as 1 if probability >= decision threshold:

    positive_rate        share predicted as 1                (equal: demographic parity)
    true_positive_rate   share of positives predicted as 1   (equal: equal opportunity; with the next: equalized odds)
    false_positive_rate  share of negatives predicted as 1
    precision            share of positives among the rows predicted as 1   (equal: predictive parity)
    bias                 mean probability - share of positives              (equal: calibration in the large)

after M. Hardt, E. Price and N. Srebro, Equality of Opportunity in Supervised Learning, 2016, and A. Chouldechova, Fair
Prediction with Disparate Impact, 2017. If the shares of positives differ between groups, not all can be equal at once.

The disparity of a metric is the difference of its largest and smallest value over groups with enough rows. It is
significant if p < 5 %, two-sided, Bonferroni-corrected for the number of pairs of groups.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

from components.shared.serving.serving_contract import decides
from components.shared.statistics.metric_names import RATES
from components.shared.statistics.weighted_metrics import calibration_error

ALPHA = 0.05
MAX_GROUPS = 50
"""Maximum reported groups of a column; the largest ones."""


@dataclass(frozen=True)
class FairnessDisparity:
    """The largest disparity of a metric: group `high` exceeds group `low` by `value`."""

    column: str
    metric: str
    value: float
    low: str
    high: str
    significant: bool


def fairness_disparities(
    labels: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    groups: Mapping[str, Mapping[str, np.ndarray]],
    min_rows: int,
) -> tuple[dict[str, dict[str, dict[str, float]]], list[FairnessDisparity]]:
    """Computes the metrics of groups and their disparities.

    Args:
      labels: 0 or 1, [N].
      probability: Probability of 1, [N].
      threshold: Decision threshold.
      groups: Column -> value -> row indices.
      min_rows: Groups with fewer rows are reported but not compared.

    Returns:
      Column -> value -> metric -> value (NaN if undefined), with `rows`, `base_rate` (share of positives) and
      `calibration_error`; and the disparities, the largest first.
    """
    measured: dict[str, dict[str, dict[str, float]]] = {}
    gaps: list[FairnessDisparity] = []
    for column, values in groups.items():
        largest = sorted(values, key=lambda value: (-len(values[value]), value))[:MAX_GROUPS]
        found = {value: _measure(labels[values[value]], probability[values[value]], threshold) for value in largest}
        measured[column] = {value: metrics for value, (metrics, _) in found.items()}
        compared = {value: both for value, both in found.items() if both[0]["rows"] >= min_rows}
        gaps += [gap for metric in RATES if (gap := _gap(column, metric, compared)) is not None]
    return measured, sorted(gaps, key=lambda gap: (-gap.value, gap.column, gap.metric))


def _measure(
    labels: np.ndarray, probability: np.ndarray, threshold: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of a group, and the standard errors of RATES."""
    there, said = labels > 0.5, decides(probability, threshold)
    rows, positives, called, hits = len(labels), int(there.sum()), int(said.sum()), int((there & said).sum())
    surplus = probability.astype(np.float64) - there
    shares = {
        "positive_rate": (called, rows),
        "true_positive_rate": (hits, positives),
        "false_positive_rate": (called - hits, rows - positives),
        "precision": (hits, called),
    }
    rates = {name: part / whole if whole else float("nan") for name, (part, whole) in shares.items()}
    errors = {name: math.sqrt(rates[name] * (1 - rates[name]) / max(1, whole)) for name, (_, whole) in shares.items()}
    return {
        "rows": float(rows),
        "base_rate": positives / rows if rows else float("nan"),
        **rates,
        "bias": float(surplus.mean()) if rows else float("nan"),
        "calibration_error": calibration_error(there, probability),
    }, {**errors, "bias": float(surplus.std() / math.sqrt(rows)) if rows else float("nan")}


def _gap(
    column: str, metric: str, groups: Mapping[str, tuple[dict[str, float], dict[str, float]]]
) -> FairnessDisparity | None:
    known = {value: (m[metric], e[metric]) for value, (m, e) in groups.items() if math.isfinite(m[metric])}
    if len(known) < 2:
        return None
    low, high = min(known, key=lambda v: known[v][0]), max(known, key=lambda v: known[v][0])
    apart = known[high][0] - known[low][0]
    error = math.hypot(known[high][1], known[low][1])
    pairs = len(list(combinations(known, 2)))
    critical = NormalDist().inv_cdf(1 - ALPHA / 2 / pairs) * error
    return FairnessDisparity(column, metric, apart, low, high, bool(apart > critical))
