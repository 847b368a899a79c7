"""How sure the candidate's metrics are, and whether a difference to the champion is more than chance. Pure.

The rule. A candidate falls short of the champion in a metric if both hold:

    beyond      it is worse by more than the tolerance, and
    significant that it is no worse at all is improbable: p = Phi(d / SE) of the difference d > 0 = better, SE of the
                same rows drawn again for both models (paired Poisson bootstrap)

Over the comparisons of a verdict p is held against Holm's bounds (S. Holm, A Simple Sequentially Rejective Multiple
Test Procedure, 1979): 4/5 of ALPHA for the overall metrics, the rest for all slices. So a candidate that is as good as
the champion is blocked by chance in at most ALPHA = 5 % of verdicts, however many slices there are. What is beyond the
tolerance but not significant does not block; it is told. What the rule cannot see is told, too: `detectable` is the
real loss that would be caught with a probability of POWER.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from components.shared.statistics.bootstrap import MIN_ROWS, poisson_draws, standard_error
from components.shared.statistics.weighted_metrics import Judge

ALPHA = 0.05
OVERALL_SHARE = 0.8
"""Share of ALPHA for the overall metrics where slices are compared, too: slices have the larger tolerance."""
POWER = 0.9
RESAMPLES = 200
MOST_ROWS = 200_000
"""Of more, that many are drawn at random to be resampled, and the errors scaled by the root of the share."""
Z95 = NormalDist().inv_cdf(0.975)
UNBOUNDED = frozenset({"log_loss", "rmse", "mae"})
"""Metrics from 0 to infinity; the others lie in [0, 1]."""


@dataclass(frozen=True)
class Comparison:
    """One metric of two models on the same rows.

    Attributes:
      difference: Candidate - champion, in the metric's own direction.
      error: Standard error of it; NaN if it cannot be told.
      p_value: Probability of a difference this bad if the candidate were no worse; NaN if it cannot be told.
      significant: Whether it is worse by more than chance explains; None if that cannot be told.
      detectable: The real loss that would be caught with a probability of POWER; NaN if it cannot be told.
    """

    difference: float
    error: float
    p_value: float
    significant: bool | None
    detectable: float


@dataclass(frozen=True)
class Draws:
    """Metrics of models on parts of the same rows, measured and drawn again.

    Attributes:
      names: Of the metrics.
      found: Part ("" is all rows) -> model -> [1 + resamples, metrics], the first as measured.
      scale: What standard errors are multiplied by, because fewer rows were resampled than there are.
    """

    names: tuple[str, ...]
    found: Mapping[str, Mapping[str, np.ndarray]]
    scale: float = 1.0

    def measured(self, part: str, model: str) -> dict[str, float]:
        """Metric -> value with every row counted once."""
        return dict(zip(self.names, map(float, self.found[part][model][0]), strict=True))

    def difference(self, part: str, metric: str, one: str, other: str) -> tuple[float, float]:
        """One model's metric less the other's, and its standard error."""
        at = self.names.index(metric)
        apart = self.found[part][one][:, at] - self.found[part][other][:, at]
        return float(apart[0]), standard_error(apart[1:]) * self.scale

    def interval(self, part: str, metric: str, model: str) -> tuple[float, float] | None:
        """95 % interval: metric +- 1.96 SE, on the logit scale (of unbounded ones the log's), so that it stays legal.

        None where the metric cannot be told.
        """
        drawn = self.found[part][model][:, self.names.index(metric)]
        value, error = float(drawn[0]), standard_error(drawn[1:]) * self.scale
        if not math.isfinite(value) or not math.isfinite(error):
            return None
        if value <= 0 or (metric not in UNBOUNDED and value >= 1):
            return value, value
        if metric in UNBOUNDED:
            half = math.exp(Z95 * error / value)
            return value / half, value * half
        odds, half = value / (1 - value), math.exp(Z95 * error / (value * (1 - value)))
        return odds / half / (1 + odds / half), odds * half / (1 + odds * half)

    def intervals(self, part: str, model: str) -> dict[str, tuple[float, float]]:
        """Every metric's interval that can be told."""
        found = {name: self.interval(part, name, model) for name in self.names}
        return {name: ends for name, ends in found.items() if ends is not None}


def draw(
    judges: Mapping[str, Judge],
    parts: Mapping[str, np.ndarray],
    rows: int,
    resamples: int = RESAMPLES,
    seed: int = 13,
    overall_only: Collection[str] = (),
) -> Draws:
    """Resamples models on parts of their rows.

    Args:
      judges: Model -> what judges all rows; all have the same metrics.
      parts: Slice -> its rows, by index; those with fewer than MIN_ROWS are left out.
      rows: N, at least 1.
      resamples: How often.
      seed: Of the draws: the same figures every time.
      overall_only: Models that are not resampled on slices.
    """
    names = next(iter(judges.values())).names
    large = {"": np.arange(rows), **{name: at for name, at in parts.items() if len(at) >= MIN_ROWS}}
    if rows <= MOST_ROWS:
        return Draws(names, poisson_draws(judges, large, rows, resamples, seed, overall_only))
    chosen = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    some = {name: np.flatnonzero(np.isin(chosen, at, assume_unique=True)) for name, at in large.items()}
    fewer = {name: judge.among(chosen) for name, judge in judges.items()}
    drawn = poisson_draws(fewer, some, MOST_ROWS, resamples, seed, overall_only)
    for part, inside in drawn.items():
        for name in inside:
            inside[name][0] = judges[name].among(large[part])(np.ones(len(large[part])))
    return Draws(names, drawn, math.sqrt(MOST_ROWS / rows))


def compare(
    draws: Draws,
    tolerance: Mapping[str, float],
    slice_tolerance: Mapping[str, float],
    lower_is_better: frozenset[str],
    names: tuple[str, str] = ("candidate", "champion"),
) -> dict[tuple[str, str], Comparison]:
    """The rule above, for every metric that has a tolerance.

    Returns:
      (slice, metric) -> comparison; "" is overall. A metric that `draws` has not is left out.
    """
    families = [
        [("", metric) for metric in tolerance if metric in draws.names],
        [(part, metric) for part in draws.found if part for metric in slice_tolerance if metric in draws.names],
    ]
    share = OVERALL_SHARE if all(families) else 1.0
    found: dict[tuple[str, str], Comparison] = {}
    for family, alpha in zip(families, (ALPHA * share, ALPHA * (1 - share if share < 1 else 1)), strict=True):
        apart = {key: draws.difference(*key, *names) for key in family}
        p_values = {
            key: worse(-difference if key[1] in lower_is_better else difference, error)
            for key, (difference, error) in apart.items()
        }
        known = {key: p for key, p in p_values.items() if p == p}
        rejected = holm(known, alpha)
        # What is tested first is held against the strictest of Holm's bounds: what passes that is always caught.
        strict = NormalDist().inv_cdf(1 - alpha / max(1, len(known)))
        for key, (difference, error) in apart.items():
            allowed = (tolerance if key[0] == "" else slice_tolerance)[key[1]]
            detectable = max(allowed, strict * error) + NormalDist().inv_cdf(POWER) * error
            significant = key in rejected if key in known else None
            found[key] = Comparison(difference, error, p_values[key], significant, detectable)
    return found


def worse(difference: float, error: float) -> float:
    """p-value of "no worse", one-sided, of a difference > 0 = better; NaN if either is."""
    if not math.isfinite(difference) or not math.isfinite(error):
        return float("nan")
    if error == 0:
        return 0.0 if difference < 0 else 1.0
    return NormalDist().cdf(difference / error)


def holm(p_values: Mapping[tuple[str, str], float], alpha: float) -> set[tuple[str, str]]:
    """What is significant with all of them looked at: p_(i) <= alpha / (m - i), from the smallest until one is not."""
    rejected: set[tuple[str, str]] = set()
    for place, (key, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p > alpha / (len(p_values) - place):
            break
        rejected.add(key)
    return rejected


def beats(
    one: Mapping[str, float], other: Mapping[str, float], metrics: Iterable[str], low: frozenset[str]
) -> bool | None:
    """Whether one model is better than another in any metric; None if none of them can be told of both."""
    pairs = [(one[name], other[name], name) for name in metrics if name in one and name in other]
    known = [(a < b if name in low else a > b) for a, b, name in pairs if math.isfinite(a) and math.isfinite(b)]
    return any(known) if known else None
