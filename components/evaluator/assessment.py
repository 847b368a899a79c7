"""Statistical assessment of a candidate: intervals, baselines, fairness, calibration, significance of differences."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from components.evaluator.baseline_comparison import (
    StrongestColumnResult,
    compare_with_linear,
    compare_with_prior,
    compare_with_strongest_column,
    linear_leads,
)
from components.evaluator.baselines import LINEAR, PRIOR, STRONGEST
from components.evaluator.blessing import LOWER_IS_BETTER, OVERALL, ValidationThresholds
from components.evaluator.fairness import fairness_disparities
from components.evaluator.findings import (
    FairnessGap,
    FairnessNotCompared,
    Finding,
    LowPower,
    Miscalibration,
    StrongestColumn,
)
from components.evaluator.independence import independence_p_value
from components.evaluator.paired_comparison import (
    ALPHA,
    Z95,
    BootstrapSamples,
    MetricComparison,
    compare_metrics,
    draw_samples,
    one_sided_p_value,
    rejected_hypotheses,
)
from components.shared.serving.predictions import CANDIDATE, CHAMPION
from components.shared.serving.serving_contract import NO_THRESHOLD, decides
from components.shared.statistics.weighted_metrics import (
    ThresholdMetrics,
    WeightedMetrics,
    calibration_error,
    multiclass_metrics,
    regression_metrics,
)

MISCALIBRATED = 0.1
"""Minimum difference of mean score and observed rate, as a share of the rate, for a finding."""


@dataclass(frozen=True)
class Assessment:
    """Results that become part of verdict.json.

    Attributes:
      intervals: Slice ("" is overall) -> metric -> (low, high), 95 % confidence intervals of the candidate.
      measured: Candidate and champion -> slice -> metric -> value: `rows`, the task's metrics, the expected calibration
        error (classifiers), mean probability divided by the share of 1 (`calibration`) and the decision threshold
        (binary).
      baselines: Baseline -> metric -> value.
      baseline_differences: For each baseline and metric: candidate minus baseline, its standard error, the p-value of
        "the candidate is no worse", and whether it is significant by Holm's procedure over the baseline's metrics.
      comparisons: (slice, metric) -> comparison of the candidate with the champion.
      fairness: Groups and their disparities; empty if no column is sensitive.
      violations: Findings that prevent the blessing.
      notices: Findings that do not.
      strongest: The strongest single column; None if none is better than the prior.
      decisions: Binary tasks: candidate and champion -> `threshold`, the confusion matrix there (`true_positives`,
        `false_positives`, `true_negatives`, `false_negatives`: rows) and `mean_score`, the mean probability.
      champion_differences: Like `baseline_differences`, for candidate and champion and all metrics.
    """

    intervals: dict[str, dict[str, tuple[float, float]]]
    measured: dict[str, dict[str, dict[str, float]]]
    baselines: dict[str, dict[str, float]]
    baseline_differences: list[dict[str, Any]]
    comparisons: dict[tuple[str, str], MetricComparison]
    fairness: dict[str, Any]
    violations: list[Finding]
    notices: list[Finding]
    strongest: StrongestColumnResult | None = None
    decisions: dict[str, dict[str, float]] = field(default_factory=dict)
    champion_differences: list[dict[str, Any]] = field(default_factory=list)


def assess(
    task: str,
    labels: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    thresholds: Mapping[str, float],
    slices: Mapping[str, np.ndarray],
    groups: Mapping[str, Mapping[str, np.ndarray]],
    policy: ValidationThresholds,
    column: str = "",
) -> Assessment:
    """Assesses the candidate on the eval split.

    Args:
      task: binary, multiclass or regression.
      labels: Labels encoded by the candidate, none missing, [N], N > 0.
      predictions: Model -> its predictions, [N] or [N, K]: candidate and prior, and champion, linear and
        strongest_column if there are any.
      thresholds: Decision threshold of each of these, for binary tasks.
      slices: Slice name -> row indices.
      groups: Sensitive column -> value -> row indices.
      policy: The evaluation policy.
      column: Name of the column that strongest_column uses.
    """
    calculators = {
        name: metrics_of_task(task, labels, prediction, thresholds.get(name, NO_THRESHOLD))
        for name, prediction in predictions.items()
    }
    large = {name: at for name, at in slices.items() if len(at) >= policy.min_slice_rows}
    draws = draw_samples(calculators, large, len(labels), overall_only=(PRIOR, LINEAR, STRONGEST))
    comparisons = {}
    if CHAMPION in calculators:
        comparisons = compare_metrics(draws, policy.tolerance, policy.slice_tolerance, LOWER_IS_BETTER)
    p_value = independence_p_value(task, labels, predictions[CANDIDATE])
    violations, notices = compare_with_prior(
        task, draws, p_value, first=CHAMPION not in calculators, policy=policy.prior_baseline
    )
    blocked, more_notices = compare_with_linear(task, draws, policy.linear_baseline)
    violations, notices = violations + blocked, notices + more_notices + linear_leads(task, draws)
    strongest = compare_with_strongest_column(task, draws, column)
    if strongest is not None and strongest.lost:
        lost = StrongestColumn(strongest.column, strongest.metric, strongest.candidate, strongest.value)
        (violations if policy.strongest_column == "block" else notices).append(lost)
    if task != "regression":
        notices += _miscalibration(*_confidence(labels, predictions[CANDIDATE]))
    notices += _too_few_rows(comparisons, policy.tolerance)
    fairness_entry: dict[str, Any] = {}
    if groups:
        fairness_entry, blocked, more_notices = _fairness(
            labels, predictions[CANDIDATE], thresholds[CANDIDATE], groups, policy
        )
        violations += blocked
        notices += more_notices
    all_slices = {OVERALL: np.arange(len(labels)), **slices}
    measured = {
        name: {
            slice_name: _measured(task, calculators[name], labels, predictions[name], at)
            for slice_name, at in all_slices.items()
        }
        for name in (CANDIDATE, CHAMPION)
        if name in predictions
    }
    for name in measured.keys() & thresholds.keys():
        for metrics in measured[name].values():
            metrics["threshold"] = thresholds[name]
    decisions = {
        name: _decisions(labels, predictions[name], thresholds[name])
        for name in measured
        if task == "binary" and name in thresholds
    }
    baselines = {name: draws.measured(OVERALL, name) for name in (PRIOR, LINEAR) if name in calculators}
    for name, metrics in baselines.items():
        if task != "regression":
            metrics["calibration_error"] = calibration_error(*_confidence(labels, predictions[name]))
        if name in thresholds:
            metrics["threshold"] = thresholds[name]
    return Assessment(
        {slice_name: draws.intervals(slice_name, CANDIDATE) for slice_name in draws.metrics},
        measured,
        baselines,
        _differences(draws, baselines),
        comparisons,
        fairness_entry,
        violations,
        notices,
        strongest,
        decisions,
        _differences(draws, [CHAMPION]) if CHAMPION in calculators else [],
    )


def _decisions(labels: np.ndarray, probability: np.ndarray, threshold: float) -> dict[str, float]:
    """The confusion matrix at the decision threshold, counted from the rows by the rule of the served model."""
    there, called = labels > 0.5, decides(probability, threshold)
    return {
        "threshold": threshold,
        "true_positives": int((there & called).sum()),
        "false_positives": int((~there & called).sum()),
        "true_negatives": int((~there & ~called).sum()),
        "false_negatives": int((there & ~called).sum()),
        "mean_score": float(probability.mean(dtype=np.float64)),
    }


def _differences(draws: BootstrapSamples, baselines: Iterable[str]) -> list[dict[str, Any]]:
    rows = []
    for name in baselines:
        apart = {metric: draws.difference(OVERALL, metric, CANDIDATE, name) for metric in draws.names}
        p_values = {
            (OVERALL, metric): one_sided_p_value(-difference if metric in LOWER_IS_BETTER else difference, error)
            for metric, (difference, error) in apart.items()
        }
        known = {key: p for key, p in p_values.items() if p == p}
        rejected = rejected_hypotheses(known, ALPHA)
        rows += [
            {
                "baseline": name,
                "metric": metric,
                "difference": finite(difference),
                "error": finite(error),
                "p_value": finite(p_values[OVERALL, metric]),
                "significant": (OVERALL, metric) in rejected if (OVERALL, metric) in known else None,
            }
            for metric, (difference, error) in apart.items()
        ]
    return rows


def metrics_of_task(task: str, labels: np.ndarray, prediction: np.ndarray, threshold: float) -> WeightedMetrics:
    """Returns the metric calculator of a task, see weighted_metrics.py.

    Args:
      task: binary, multiclass or regression.
      labels: Labels, [N].
      prediction: Predictions, [N] or [N, K].
      threshold: Decision threshold of a binary task.
    """
    if task == "binary":
        return ThresholdMetrics(labels, prediction, threshold)
    if task == "multiclass":
        return multiclass_metrics(labels.astype(np.int64), prediction)
    return regression_metrics(labels, prediction)


def _measured(
    task: str, calculator: WeightedMetrics, labels: np.ndarray, prediction: np.ndarray, at: np.ndarray
) -> dict[str, float]:
    """Metrics of some rows, their number, and the calibration."""
    metrics = {"rows": float(len(at))}
    metrics |= zip(calculator.names, calculator.among(at)(np.ones(len(at))).tolist(), strict=True)
    if task != "regression":
        metrics["calibration_error"] = calibration_error(*_confidence(labels[at], prediction[at]))
    if task == "binary":
        positives = float(labels[at].sum())
        metrics["calibration"] = float(prediction[at].sum(dtype=np.float64)) / positives if positives else math.nan
    return metrics


def _confidence(labels: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Binary: both arguments unchanged. Multiclass: whether the most probable class is correct, and its probability."""
    if prediction.ndim == 1:
        return labels, prediction
    return (prediction.argmax(axis=1) == labels).astype(np.float64), prediction.max(axis=1)


def _miscalibration(observed: np.ndarray, score: np.ndarray) -> list[Finding]:
    """Calibration in the large: mean score against observed rate, by a z-test of the differences of the rows.

    Args:
      observed: 0 or 1, [N].
      score: Probability of 1, [N].
    """
    apart = score.astype(np.float64) - observed
    rate, difference = float(observed.mean(dtype=np.float64)), float(apart.mean())
    half = Z95 * float(apart.std()) / math.sqrt(len(apart))
    if abs(difference) <= half or abs(difference) <= MISCALIBRATED * rate:
        return []
    error = calibration_error(observed, score)
    low, high = difference - half, difference + half
    return [Miscalibration(rate + difference, rate, difference, low, high, error)]


def _too_few_rows(
    comparisons: Mapping[tuple[str, str], MetricComparison], tolerance: Mapping[str, float]
) -> list[Finding]:
    return [
        LowPower(metric, tolerance[metric], found.detectable)
        for (slice_name, metric), found in comparisons.items()
        if slice_name == OVERALL and tolerance[metric] and found.detectable > 2 * tolerance[metric]
    ]


def _fairness(
    labels: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    groups: Mapping[str, Mapping[str, np.ndarray]],
    policy: ValidationThresholds,
) -> tuple[dict[str, Any], list[Finding], list[Finding]]:
    """The entry of verdict.json, violations and notices."""
    measured, gaps = fairness_disparities(labels, probability, threshold, groups, policy.min_slice_rows)
    violations: list[Finding] = []
    notices: list[Finding] = []
    for gap in gaps:
        limit = policy.max_disparity.get(gap.metric)
        if limit is None or gap.value <= limit:
            continue
        found = FairnessGap(gap.metric, gap.column, gap.high, gap.low, gap.value, limit, gap.significant)
        (violations if gap.significant else notices).append(found)
    small = {
        column: [value for value, metrics in values.items() if metrics["rows"] < policy.min_slice_rows]
        for column, values in measured.items()
    }
    for column, values in small.items():
        if policy.max_disparity and len(measured[column]) - len(values) < 2:
            notices.append(FairnessNotCompared(column, policy.min_slice_rows))
    fairness_entry = {
        "threshold": threshold,
        "min_rows": policy.min_slice_rows,
        "groups": {
            column: {value: {name: finite(x) for name, x in metrics.items()} for value, metrics in values.items()}
            for column, values in measured.items()
        },
        "gaps": [asdict(gap) | {"limit": policy.max_disparity.get(gap.metric)} for gap in gaps],
    }
    return fairness_entry, violations, notices


def finite(value: float) -> float | None:
    """Returns None for NaN and infinity, which JSON does not have."""
    return value if math.isfinite(value) else None
