"""Measurements of a window's performance: estimated until its labels are in, measured then; and of label coverage."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRIC_NAMES
from monitor.measurement import Measurement
from monitor.performance import state as kept
from monitor.performance.delays import ArrivalModel, DelayCurve
from monitor.performance.estimates import (
    Estimate,
    Imputation,
    PastEstimate,
    estimate,
    impute,
    reference_history,
    relation_shift,
    weigh,
)
from monitor.performance.expected_metrics import Link, metric_names
from monitor.performance.scored_rows import ScoredRows
from monitor.performance.settings import DEFAULT_METRICS, PerformanceSettings
from monitor.performance.truth import Truth, measure
from monitor.performance.window_rows import reference_rows, window_rows
from monitor.windows.baseline import Baseline
from monitor.windows.window_data import WindowData


def check_performance(
    data: WindowData,
    baseline: Baseline,
    settings: PerformanceSettings,
    state: Mapping[str, Any] | None,
    now: datetime,
) -> tuple[list[Measurement], dict[str, Any]]:
    """Checks the performance of one version in one window.

    Args:
      data: The window; "mature" windows are measured and become history.
      baseline: Baseline of the version.
      settings: Settings.
      state: What earlier windows left (see monitor.performance.state); None for the first one.
      now: Time up to which labels are known; timezone-aware.

    Returns:
      Measurements of the kinds label_coverage, estimated_performance and performance; and the new state.
    """
    before: dict[str, Any] = dict(state or {})
    found = reference_rows(baseline)
    if found is None:
        return [], before
    reference, encoder = found
    tuned = settings.estimate
    if baseline.threshold is not None:
        tuned = replace(tuned, threshold=baseline.threshold)
    settings = replace(settings, estimate=tuned)
    whole = window_rows(data, baseline, encoder, now)
    if not len(whole):
        return [], before
    reference, rows = (_some(one, settings.rows, tuned.seed) for one in (reference, whole))
    number, mature = data.window.number, data.window.state == "mature"
    arrival = kept.arrival_model(before, rows.task, number)
    measurements = [_coverage(whole, baseline, settings, kept.expected_coverage(before, arrival, whole.age, number))]
    after = kept.with_delays(before, number, whole, tuned.seed) if mature else before
    truths = measure(rows, tuned.level, tuned.threshold, tuned.seed) if mature else {}
    wanted = settings.metrics or DEFAULT_METRICS[rows.task]
    wanted = tuple(name for name in wanted if name in metric_names(rows.task))
    # A mature window shows what would have been estimated without its labels; its truth stands beside.
    seen = replace(rows, targets=None, labelled=None) if mature else rows
    references = measure(reference, tuned.level, tuned.threshold, tuned.seed)
    estimates = _estimates(reference, seen, wanted, settings, before, number, baseline.version, arrival)
    for metric, (one, imputed) in estimates.items():
        normal = baseline.metrics.get(metric, references[metric].value if metric in references else None)
        measurements.append(_estimated(one, normal, len(rows), baseline.version, settings))
        if metric in truths:
            measurements.append(_measured(metric, truths[metric], normal, baseline.version, settings))
            if one.raw is not None and one.raw_error is not None and imputed is not None:
                tests = relation_shift(rows, metric, imputed.expectation)
                moved = {test.shape: test.effect for test in tests}
                shift = {"level": moved.get("level", 0.0), "slope": moved.get("slope", 0.0)}
                past = PastEstimate(one.raw, one.raw_error, truths[metric].value, True, **shift)
                after = kept.with_estimate(after, baseline.version, metric, number, past, settings.history)
    return measurements, after


def _estimates(
    reference: ScoredRows,
    rows: ScoredRows,
    metrics: tuple[str, ...],
    settings: PerformanceSettings,
    state: kept.State,
    number: int,
    version: int,
    arrival: ArrivalModel | None,
) -> dict[str, tuple[Estimate, Imputation | None]]:
    """Estimates all metrics; weights, and the expectation of a binary task, are computed once."""
    tuned = settings.estimate
    labelled = reference.with_labels()
    usable = len(labelled) >= tuned.min_reference and len(rows) > 0
    weights = weigh(reference, rows, tuned) if usable else None
    shared: Imputation | None = None
    found: dict[str, tuple[Estimate, Imputation | None]] = {}
    for metric in metrics:
        imputed = shared
        if usable and imputed is None and (rows.task != "binary" or _both_classes(labelled)):
            imputed = impute(reference, rows, metric, tuned, weights)
            shared = imputed if rows.task == "binary" else None
        history = [
            *(reference_history(reference, metric, tuned) if imputed else []),
            *kept.past_estimates(state, version, metric, number),
        ]
        found[metric] = estimate(reference, rows, metric, tuned, history, arrival, imputed), imputed
    return found


def _estimated(
    one: Estimate, normal: float | None, rows: int, version: int, settings: PerformanceSettings
) -> Measurement:
    name = METRIC_NAMES.get(one.metric, one.metric)
    effect, p_value = 0.0, None
    if one.value is not None and one.low is not None and one.high is not None and normal is not None:
        link = Link(one.metric)
        effect = _loss(one.metric, one.value, normal)
        p_value = _p_value(one.metric, one.value, (link.apply(one.high) - link.apply(one.low)), normal, settings)
    detail = f"no estimate of {name}: {one.abstained}" if one.abstained else f"{name} estimated from {one.detail}"
    return Measurement(
        kind="estimated_performance", subject=one.metric, measure=settings.estimate.method, value=one.value,
        effect=effect, moderate=settings.moderate, severe=settings.severe, rows=rows, detail=detail,
        reference="evaluation", reference_value=normal, version=version, low=one.low, high=one.high, p_value=p_value,
    )  # fmt: skip


def _measured(
    metric: str, truth: Truth, normal: float | None, version: int, settings: PerformanceSettings
) -> Measurement:
    effect, p_value = 0.0, None
    if normal is not None:
        effect = _loss(metric, truth.value, normal)
        if truth.low is not None and truth.high is not None:
            link = Link(metric)
            p_value = _p_value(metric, truth.value, link.apply(truth.high) - link.apply(truth.low), normal, settings)
    return Measurement(
        kind="performance", subject=metric, measure="labels", value=truth.value, effect=effect,
        moderate=settings.moderate, severe=settings.severe, rows=truth.labels,
        detail=f"{METRIC_NAMES.get(metric, metric)} of {truth.labels:,} labelled rows", reference="evaluation",
        reference_value=normal, version=version, low=truth.low, high=truth.high, p_value=p_value,
    )  # fmt: skip


def _coverage(
    rows: ScoredRows, baseline: Baseline, settings: PerformanceSettings, expected: float | None
) -> Measurement:
    share = float(rows.known.mean())
    text = f"{100 * share:.1f} % of {len(rows):,} labels are in"
    if expected is not None:
        text += f", expected by now {100 * expected:.1f} %"
    if rows.delay is not None and rows.age is not None and np.isfinite(rows.delay).any():
        curve = DelayCurve.fit(rows.delay, rows.age)
        text += f"; delay of those that come: half within {_duration(curve.quantile(0.5))}"
        text += f", 95 % within {_duration(curve.quantile(0.95))}"
    return Measurement(
        kind="label_coverage", subject="(labels)", measure="share", value=share,
        effect=max(0.0, expected - share) if expected is not None else 0.0, moderate=settings.coverage[0],
        severe=settings.coverage[1], rows=len(rows), detail=text, reference="history", reference_value=expected,
        version=baseline.version,
    )  # fmt: skip


def _loss(metric: str, value: float, normal: float) -> float:
    """Loss against the normal value, at least 0: absolute, or relative for unbounded metrics."""
    worse = value - normal if metric in LOWER_IS_BETTER else normal - value
    return max(0.0, worse / max(abs(normal), 1e-12) if Link(metric).unbounded else worse)


def _p_value(metric: str, value: float, width: float, normal: float, settings: PerformanceSettings) -> float:
    """One-sided p-value of "no worse than the normal value", from the interval's width on the link scale."""
    from scipy.stats import norm

    error = max(width / (2 * float(norm.ppf((1 + settings.estimate.level) / 2))), 1e-9)
    link = Link(metric)
    better = link.apply(value) - link.apply(normal)
    return float(norm.cdf((-better if metric in LOWER_IS_BETTER else better) / error))


def _some(rows: ScoredRows, most: int, seed: int) -> ScoredRows:
    if len(rows) <= most:
        return rows
    return rows.among(np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False)))


def _both_classes(rows: ScoredRows) -> bool:
    return rows.targets is not None and len(np.unique(rows.targets)) > 1


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
