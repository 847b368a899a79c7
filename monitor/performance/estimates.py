"""Estimated metric of a window whose labels are not, or not all, in; with an interval, or an abstention.

The estimate is of the metric that the window will have once all its labels are in. Steps:

1. *Calibration under shift.* The value of each row (its label, or its loss) is expected from score and features by a
   regression on labelled reference rows, weighted towards the current rows (PAPE, arXiv 2401.08348; without weights it
   is CBPE).
2. *Sampling and calibration.* Their variances are added on the link scale, by the delta method.
3. *History.* The bias of the estimate has a prior distribution learnt from mature windows (bias_history.py).
4. *Labels that have come* show the error of the expectation: the mean of label minus expectation, each weighted by the
   inverse probability of having arrived (delays.py). It updates the prior of the error by Bayes' rule. With a wide
   prior this is the prediction-powered estimate (A. Angelopoulos et al., arXiv 2301.09633), of any metric by its
   linearization; with a narrow one the correction is shrunk, which takes the place of power tuning (PPI++, arXiv
   2311.01453). With all labels it is the metric itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from monitor.changes.relation_statistics import RelationTest, relation_tests
from monitor.performance.bias_history import BiasPrior, bias_history
from monitor.performance.calibration import Expectation, LogisticCalibration, LossRegression
from monitor.performance.delays import ArrivalModel, arrival_probabilities
from monitor.performance.expected_metrics import Link, functional, row_values, uncalibrated
from monitor.performance.importance_weights import ImportanceWeights, importance_weights
from monitor.performance.scored_rows import ScoredRows
from monitor.performance.summaries import residual_summary
from monitor.performance.truth import measure_weighted

Method = Literal["cbpe", "pape", "full"]
BLOCKS = 5
MIN_OF_BLOCK = 200
MIN_POWER = 0.3
SEPARATED = 0.95
"""Without history and labels, an estimate abstains where weights are tempered to MIN_POWER, or where the domain
classifier's AUC shows that hardly any reference row is like the current ones."""

JUMP = (0.1, 0.5)
"""Before labels are taken into account, the relation has jumped with this probability, by this deviation on the link
scale: labels that speak against the history, but not significantly, widen the interval."""


@dataclass(frozen=True)
class EstimateSettings:
    """Settings of the estimate.

    Attributes:
      level: Nominal coverage of the interval, in (0, 1).
      threshold: Decision threshold of F1, precision and recall; accuracy uses 0.5, as in TFMA.
      min_reference: Fewest labelled reference rows, and fewest effective ones after weighting.
      min_labels: Fewest labels of the window that may replace the reference after they contradicted it.
      min_history: Fewest mature windows that vouch for an estimate whose inputs lie outside of the reference.
      contradiction: p-value below which labels that have come contradict the reference.
      max_half_width: Widest half interval that is still reported, on the scale of a metric in [0, 1], or relative to
        the value of an unbounded metric; wider ones abstain.
      method: "full"; "pape" has no summary of the features, "cbpe" no weights either.
      seed: Seed of folds and samples.
    """

    level: float = 0.9
    threshold: float = 0.5
    min_reference: int = 200
    min_labels: int = 100
    min_history: int = 4
    contradiction: float = 0.05
    max_half_width: float = 0.25
    method: Method = "full"
    seed: int = 13


@dataclass(frozen=True)
class PastEstimate:
    """A mature window: what was estimated without its labels, and what came.

    Attributes:
      value: `Estimate.raw`.
      error: `Estimate.raw_error`.
      real: Metric once the labels were in.
      window: Whether it was a window; False for a block of the reference.
      level: Mean of the values minus their expectation (see `relation_shift`).
      slope: Difference of that between rows of high and of low expectation.
    """

    value: float
    error: float
    real: float
    window: bool = True
    level: float = 0.0
    slope: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """Estimate of the metric that the window will have once all its labels are in.

    Attributes:
      metric: Name of the metric.
      value: Estimate; None if abstained.
      low: Lower bound of the interval; None if abstained.
      high: Upper bound; None if abstained.
      abstained: Why there is no estimate, one sentence; "" if there is one.
      raw: Estimate from the scores alone, with re-fitted calibration; kept as a `PastEstimate` for later windows.
      raw_error: Its standard error on the link scale.
      effective_rows: Effective number of reference rows after weighting.
      domain_auc: Out-of-fold AUC of current against reference rows; 0.5 = same inputs.
      labels: Number of labels used.
      contradicted: Whether the labels that have come contradict the reference.
      p_value: Probability of labels as far from the expectation, if the relation had not moved; None without labels.
      detail: One sentence about what it rests on.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    abstained: str = ""
    raw: float | None = None
    raw_error: float | None = None
    effective_rows: float = 0.0
    domain_auc: float = 0.5
    labels: int = 0
    contradicted: bool = False
    p_value: float | None = None
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Imputation:
    """Expected values of the current rows, for one or more metrics.

    Attributes:
      expectation: Of the current rows.
      weights: Of the reference rows; None if they are not weighted.
    """

    expectation: Expectation
    weights: ImportanceWeights | None


def estimate(
    reference: ScoredRows,
    current: ScoredRows,
    metric: str,
    settings: EstimateSettings = EstimateSettings(),
    history: Sequence[PastEstimate] | None = None,
    arrival: ArrivalModel | None = None,
    imputed: Imputation | None = None,
) -> Estimate:
    """Estimates a metric of the current rows.

    Args:
      reference: Rows of the same model with labels: evaluation rows, or rows of mature windows.
      current: Rows of the window; labels as far as they have come.
      metric: Name of the metric, as the Evaluator has it.
      settings: Settings.
      history: What is known of earlier estimates, oldest first; None: that of the reference (`reference_history`).
      arrival: Arrival of labels by age, from mature windows; None: missing labels are missing at random.
      imputed: Output of `impute` for these rows, which all binary metrics share; None: it is computed.

    Returns:
      The estimate, or an abstention with its reason.

    Raises:
      ValueError: The task has no such metric, or the rows are of different tasks.
    """
    if reference.task != current.task or reference.features.shape[1] != current.features.shape[1]:
        raise ValueError("reference and current rows: differ in task or number of features")
    known = current.known
    labels = int(known.sum())
    reference = reference.with_labels()
    function = functional(metric, current, settings.threshold)
    reason = _unusable(reference, current, settings)
    if reason:
        return Estimate(metric, None, None, None, reason, labels=labels)
    imputed = imputed or impute(reference, current, metric, settings)
    expectation, weights = imputed.expectation, imputed.weights
    raw, gradient = function(expectation.mean)
    link = Link(metric)
    slope = link.slope(raw)
    sampling = slope**2 * float(gradient**2 @ expectation.variance)
    error = sampling + slope**2 * expectation.error(gradient)
    past = reference_history(reference, metric, settings) if history is None else history
    misses = [link.apply(p.real) - link.apply(p.value) for p in past]
    learnt = bias_history(misses, [p.error**2 for p in past], [p.window for p in past])
    windows = sum(p.window for p in past)
    predicted = error_posterior = learnt.prior.widened(error)
    p_value = None
    if labels >= 2:
        correction, variance = _rectifier(current, metric, expectation, gradient, arrival)
        # The metric of corrected values is exact, but needs labels; its linearization is right for any number of them.
        corrected = raw + float(gradient @ correction)
        whole, at_whole = function(expectation.mean + correction)
        if labels >= settings.min_labels and np.isfinite(whole):
            corrected, slope = whole, link.slope(whole)
            variance = _rectifier(current, metric, expectation, at_whole, arrival)[1]
        observed = link.apply(corrected) - link.apply(raw)
        agreement = [predicted.p_value(observed, slope**2 * variance)]
        agreement += _relation_p_values(current, metric, expectation, arrival, past)
        p_value = min(1.0, len(agreement) * min(agreement))
        error_posterior = predicted.with_jump(*JUMP).updated(observed, slope**2 * variance)
        if p_value < settings.contradiction:
            value, deviation = _from_labels(current, metric, arrival, settings)
            if np.isfinite(deviation):
                shift = link.apply(value) - link.apply(raw)
                error_posterior = BiasPrior(np.ones(1), np.array([shift]), np.array([deviation**2]))
    contradicted = p_value is not None and p_value < settings.contradiction
    # What labels have settled needs no inflation by history.
    unsettled = 0.0 if contradicted else min(error_posterior.variance / predicted.variance, 1.0)
    level = settings.level + unsettled * (learnt.raised(settings.level) - settings.level)
    centre, low, high = (link.invert(link.apply(raw) + shift) for shift in error_posterior.interval(level))
    effective = weights.effective_rows if weights else float(len(reference))
    abstained = ""
    half = (high - low) / 2 / (2 * max(centre, 1e-12) if link.unbounded else 1.0)
    if contradicted and labels < settings.min_labels:
        abstained = f"{labels} labels that have come contradict the reference, too few to estimate from"
    elif _outside(weights) and windows < settings.min_history and labels < settings.min_labels:
        abstained = (
            "the inputs lie outside of the reference (domain classifier: AUC "
            f"{weights.auc if weights else 0.5:.3f}), and there is no history of such windows"
        )
    elif half > settings.max_half_width:
        abstained = f"the interval {low:.3g} to {high:.3g} is too wide to be of use"
    detail = _detail(labels, len(current), contradicted, effective, windows)
    return Estimate(
        metric,
        None if abstained else centre,
        None if abstained else low,
        None if abstained else high,
        abstained,
        raw=raw,
        raw_error=float(np.sqrt(error)),
        effective_rows=effective,
        domain_auc=weights.auc if weights else 0.5,
        labels=labels,
        contradicted=contradicted,
        p_value=p_value,
        detail=detail,
    )


def weigh(reference: ScoredRows, current: ScoredRows, settings: EstimateSettings) -> ImportanceWeights:
    """Weights the labelled reference rows towards the current rows, by features and scores."""
    reference = reference.with_labels()
    inputs = [np.column_stack([rows.features, rows.scores]) for rows in (reference, current)]
    fewest = max(settings.min_reference, len(reference) / 10)
    return importance_weights(*inputs, fewest=fewest, seed=settings.seed)


def impute(
    reference: ScoredRows,
    current: ScoredRows,
    metric: str,
    settings: EstimateSettings,
    weights: ImportanceWeights | None = None,
) -> Imputation:
    """Computes the expected value of each current row.

    Args:
      reference: Labelled reference rows.
      current: Rows of the window.
      metric: Name of the metric; all binary ones have the same result.
      settings: Settings.
      weights: Output of `weigh` for these rows; None: it is computed.
    """
    reference = reference.with_labels()
    values, summary = row_values(metric, reference), uncalibrated(metric, reference)
    ones = np.ones(len(reference))
    of_current = uncalibrated(metric, current)
    fit = LogisticCalibration.fit if reference.task == "binary" else LossRegression.fit
    if settings.method == "cbpe":
        return Imputation(fit(summary, values, ones).expect(of_current), None)
    weights = weights or weigh(reference, current, settings)
    if settings.method == "pape" or not reference.features.shape[1]:
        return Imputation(fit(summary, values, weights.weights).expect(of_current), weights)
    residuals = values - fit(summary, values, ones).expect(summary).mean
    more, more_current = residual_summary(reference.features, residuals, current.features, settings.seed)
    fitted = fit(summary, values, weights.weights, more)
    return Imputation(fitted.expect(of_current, more_current), weights)


def _outside(weights: ImportanceWeights | None) -> bool:
    return weights is not None and (weights.power <= MIN_POWER or weights.auc >= SEPARATED)


def _unusable(reference: ScoredRows, current: ScoredRows, settings: EstimateSettings) -> str:
    if len(reference) < settings.min_reference:
        return f"the reference has {len(reference)} labelled rows; it takes {settings.min_reference}"
    if not len(current):
        return "the window has no rows"
    if reference.task == "binary" and len(np.unique(row_values("auc", reference))) < 2:
        return "the reference has labels of one class only"
    return ""


def _rectifier(
    current: ScoredRows, metric: str, expectation: Expectation, gradient: np.ndarray, arrival: ArrivalModel | None
) -> tuple[np.ndarray, float]:
    """Correction of the expectation by the labels, [N], and the variance of the metric's correction given the window.

    gradient @ correction is Hajek's estimate of sum_i gradient_i (value_i - mean_i); its variance is that of Poisson
    sampling, which is 0 once all labels are in.
    """
    known = current.known
    old, probability = arrival_probabilities(current.targets, known, current.age, arrival)
    used = known & old
    rows = len(current)
    if used.sum() < 2:
        return np.zeros(rows), 1e6
    residuals = row_values(metric, current)[used] - expectation.mean[used]
    errors = gradient[used] * residuals
    inverse = 1 / probability[used]
    mean = float(inverse @ errors / inverse.sum())
    scale = rows / float(inverse.sum())
    variance = float(((1 - probability[used]) * (inverse * scale) ** 2) @ (errors - mean) ** 2)
    if arrival is not None and current.age is not None and current.targets is not None:
        variance += arrival.error(current.targets[used], current.age[used], (errors - mean) * scale)
    inside = float(old.mean())
    sampling = float(gradient**2 @ expectation.variance)
    correction = np.zeros(rows)
    correction[used] = scale * inverse * residuals
    return correction, variance * used.sum() / (used.sum() - 1) + (1 - inside) / inside * sampling


def relation_shift(
    rows: ScoredRows, metric: str, expectation: Expectation, arrival: ArrivalModel | None = None
) -> list[RelationTest]:
    """Returns the tests of level and slope of the labels that have come; [] with too few of them."""
    old, probability = arrival_probabilities(rows.targets, rows.known, rows.age, arrival)
    used = rows.known & old
    if not used.any():
        return []
    values = row_values(metric, rows)[used]
    return relation_tests(values, expectation.among(used), 1 / probability[used], {})


def _relation_p_values(
    current: ScoredRows,
    metric: str,
    expectation: Expectation,
    arrival: ArrivalModel | None,
    past: Sequence[PastEstimate],
) -> list[float]:
    """p-values of "level and slope moved no more than in the past", by Student's distribution."""
    from scipy.stats import t

    found = []
    for test in relation_shift(current, metric, expectation, arrival):
        usual = float(np.mean([getattr(p, test.shape) ** 2 for p in past])) if past else 0.0
        deviation = float(np.sqrt(test.error**2 + usual))
        found.append(2 * float(t.sf(abs(test.effect) / deviation, max(len(past), 4))))
    return found


def _from_labels(
    current: ScoredRows, metric: str, arrival: ArrivalModel | None, settings: EstimateSettings
) -> tuple[float, float]:
    """The metric of the labels alone, and its error on the link scale given the whole window; NaN if undefined."""
    old, probability = arrival_probabilities(current.targets, current.known, current.age, arrival)
    used = current.known & old
    if used.sum() < 2:
        return float("nan"), float("nan")
    rows = replace(current.among(used), labelled=None)
    if rows.task == "binary" and len(np.unique(row_values(metric, rows))) < 2:
        return float("nan"), float("nan")
    value, error = measure_weighted(rows, metric, 1 / probability[used], settings.threshold, settings.seed)
    return value, error * float(np.sqrt(1 - used.sum() / len(current)))


def reference_history(reference: ScoredRows, metric: str, settings: EstimateSettings) -> list[PastEstimate]:
    """Estimates each block of the labelled reference, in order of time, from the others, before windows exist."""
    reference = reference.with_labels()
    count = min(BLOCKS, len(reference) // MIN_OF_BLOCK)
    if count < 3:
        return []
    order = np.arange(len(reference)) if reference.time is None else np.argsort(reference.time, kind="stable")
    block = np.empty(len(reference), dtype=np.int64)
    block[order] = np.arange(len(reference)) * count // len(reference)
    values, summary = row_values(metric, reference), uncalibrated(metric, reference)
    fit = LogisticCalibration.fit if reference.task == "binary" else LossRegression.fit
    link, found = Link(metric), []
    for held in range(count):
        rest, rows = block != held, block == held
        expectation = fit(summary[rest], values[rest], np.ones(int(rest.sum()))).expect(summary[rows])
        function = functional(metric, reference.among(rows), settings.threshold)
        value, gradient = function(expectation.mean)
        real = function(values[rows])[0]
        variance = float(gradient**2 @ expectation.variance) + expectation.error(gradient)
        if np.isfinite(value) and np.isfinite(real):
            error = link.slope(value) * float(np.sqrt(variance))
            moved = {one.shape: one.effect for one in relation_shift(reference.among(rows), metric, expectation)}
            found.append(PastEstimate(value, error, real, False, moved.get("level", 0.0), moved.get("slope", 0.0)))
    return found


def _detail(labels: int, rows: int, contradicted: bool, effective: float, history: int) -> str:
    text = f"{effective:,.0f} effective reference rows, {labels:,} of {rows:,} labels, {history} mature windows before"
    return text + ("; labels that have come contradict the reference, so the estimate rests on them" * contradicted)
