"""Comparisons of a candidate with its baselines: the prior, the linear model, the strongest single column."""

import math
from dataclasses import dataclass

from components.evaluator.baselines import LINEAR, PRIOR, STRONGEST
from components.evaluator.blessing import LOWER_IS_BETTER, OVERALL
from components.evaluator.findings import Figure, Finding, Lead, LinearBaseline, PriorBaseline, SimplerModelAhead
from components.evaluator.paired_comparison import ALPHA, Z95, BootstrapSamples, one_sided_p_value, outperforms
from components.shared.serving.predictions import CANDIDATE

AGAINST_PRIOR = {
    "binary": ("auc", "average_precision"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("rmse", "mae"),
}
"""Metrics by task; a candidate that beats the prior in none of them is not blessed."""
AGAINST_LINEAR = {"binary": "average_precision", "multiclass": "accuracy", "regression": "rmse"}
AGAINST_COLUMN = {"binary": "auc", "multiclass": "accuracy", "regression": "rmse"}
WORTH_LOST = 0.05
"""Tolerated loss against the strongest column, as a share of that column's lead over the prior. If one column
determines the label, a model of all columns is slightly worse because of the noise in the others."""


@dataclass(frozen=True)
class StrongestColumnResult:
    """The strongest single column on the eval split.

    Attributes:
      column: Name of the column.
      metric: The compared metric: AUC, accuracy or RMSE.
      value: Metric of the column's model.
      candidate: Metric of the candidate.
      p_value: p-value of "the candidate is behind by no more than WORTH_LOST allows"; NaN if undefined.
      lost: Whether the candidate is significantly worse than that.
    """

    column: str
    metric: str
    value: float
    candidate: float
    p_value: float
    lost: bool


def compare_with_prior(
    task: str, draws: BootstrapSamples, independence: float, first: bool, policy: str
) -> tuple[list[Finding], list[Finding]]:
    """Compares the candidate with the prior; returns violations and notices.

    A candidate is significantly better than the prior if the bootstrap finds its lead in one of the metrics significant
    (Bonferroni over the metrics) and its predictions are not independent of the labels. The second test is exact or
    conservative for few rows. The bootstrap is not, because it only draws rows of the sample.

    Args:
      task: binary, multiclass or regression.
      draws: Bootstrap samples of candidate and prior.
      independence: p-value of independence.independence_p_value.
      first: Whether there is no champion; a lead that is not significant is then a violation if the policy is block.
      policy: block or warn.
    """
    ours, prior, metrics = draws.measured(OVERALL, CANDIDATE), draws.measured(OVERALL, PRIOR), AGAINST_PRIOR[task]
    better = outperforms(ours, prior, metrics, LOWER_IS_BETTER)
    if better is False:
        return [PriorBaseline("not_better", tuple(Figure(name, ours[name], prior[name]) for name in metrics))], []
    ahead = any(_p_value(draws, name, PRIOR, CANDIDATE) < ALPHA / len(metrics) for name in metrics)
    if better is None:
        found = PriorBaseline("undefined")
    elif not (ahead and independence < ALPHA):
        found = PriorBaseline("not_significant", tuple(Figure(name, ours[name], prior[name]) for name in metrics))
    else:
        return [], []
    return ([found], []) if first and policy == "block" else ([], [found])


def compare_with_linear(task: str, draws: BootstrapSamples, policy: str) -> tuple[list[Finding], list[Finding]]:
    """Compares the candidate with the linear baseline in its main metric; returns violations and notices.

    Args:
      task: binary, multiclass or regression.
      draws: Bootstrap samples of candidate and linear baseline.
      policy: block or warn, for a candidate that is significantly worse.
    """
    if LINEAR not in draws.metrics[OVERALL]:
        return [], []
    name = AGAINST_LINEAR[task]
    ours, line = draws.measured(OVERALL, CANDIDATE), draws.measured(OVERALL, LINEAR)
    if outperforms(ours, line, [name], LOWER_IS_BETTER) is not False:
        return [], []
    sure = _p_value(draws, name, CANDIDATE, LINEAR) < ALPHA
    found = LinearBaseline(name, ours[name], line[name], sure)
    return ([found], []) if sure and policy == "block" else ([], [found])


def linear_leads(task: str, draws: BootstrapSamples) -> list[Finding]:
    """Finds metrics, other than the main one, in which the linear baseline is better and the 95 % interval excludes 0.

    Precision and recall are left out, because the threshold trades one for the other; F1 combines both.
    """
    if LINEAR not in draws.metrics[OVERALL]:
        return []
    ours, line = draws.measured(OVERALL, CANDIDATE), draws.measured(OVERALL, LINEAR)
    ahead = []
    for name in draws.names:
        if name in (AGAINST_LINEAR[task], "precision", "recall"):
            continue
        difference, error = draws.difference(OVERALL, name, CANDIDATE, LINEAR)
        low, high = difference - Z95 * error, difference + Z95 * error
        if (low > 0 if name in LOWER_IS_BETTER else high < 0) and math.isfinite(error):
            ahead.append(Lead(name, ours[name], line[name], difference, low, high))
    return [SimplerModelAhead(LINEAR, tuple(ahead))] if ahead else []


def compare_with_strongest_column(task: str, draws: BootstrapSamples, column: str) -> StrongestColumnResult | None:
    """Compares the candidate with the model of the strongest column; None if there is none or a metric is undefined.

    Args:
      task: binary, multiclass or regression.
      draws: Bootstrap samples of candidate, prior and strongest column.
      column: Name of the strongest column.
    """
    if STRONGEST not in draws.metrics[OVERALL]:
        return None
    metric = AGAINST_COLUMN[task]
    ours, alone, prior = (draws.measured(OVERALL, name)[metric] for name in (CANDIDATE, STRONGEST, PRIOR))
    if not all(map(math.isfinite, (ours, alone, prior))):
        return None
    difference, error = draws.difference(OVERALL, metric, CANDIDATE, STRONGEST)
    ahead = -difference if metric in LOWER_IS_BETTER else difference
    p_value = one_sided_p_value(ahead + WORTH_LOST * abs(alone - prior), error)
    leads = alone < prior if metric in LOWER_IS_BETTER else alone > prior
    return StrongestColumnResult(column, metric, alone, ours, p_value, bool(leads and p_value < ALPHA))


def _p_value(draws: BootstrapSamples, metric: str, one: str, other: str) -> float:
    """p-value of "`one` is no worse than `other`"; 1 if undefined."""
    difference, error = draws.difference(OVERALL, metric, one, other)
    p = one_sided_p_value(-difference if metric in LOWER_IS_BETTER else difference, error)
    return p if p == p else 1.0
