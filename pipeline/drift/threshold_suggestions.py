"""Suggests drift thresholds from the drift history, by split conformal prediction."""

import math
import textwrap
from collections.abc import Collection
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any, Literal

from components.shared.errors import UsageError
from pipeline.drift.history import DriftHistory, plain

Comparator = Literal["infinity_norm", "jensen_shannon_divergence"]

RATE = 0.1
"""Default false alarm rate of a feature on a span that is exchangeable with the past ones. It needs nine spans."""
_COMPARATORS: dict[str, Comparator] = {
    "chebyshev": "infinity_norm",
    "kolmogorov_smirnov": "infinity_norm",  # L-infinity norm of distribution functions
    "jensen_shannon": "jensen_shannon_divergence",
}
_MIN_SUGGESTION = 0.001  # minimum suggestion; a threshold of 0 would report rounding errors as drift


@dataclass(frozen=True)
class Suggestion:
    """Suggested threshold of one feature.

    Attributes:
      feature: Name of the feature.
      measure: Main measure of the feature.
      now: Current threshold; None if unknown.
      suggested: Suggested threshold in (0, 1]; None if there are too few spans.
      spans: Number of past distances that were used.
    """

    feature: str
    measure: str
    now: float | None
    suggested: float | None
    spans: int


@dataclass(frozen=True)
class Suggestions:
    """Suggested thresholds of the features of a dataset.

    Attributes:
      dataset: Name of the dataset.
      rate: False alarm rate, see `suggest`.
      needed: Number of spans that this rate needs.
      left_out: Spans that were excluded.
      unit: "span" or "run".
      rows: Suggestions, the label first, then by number of drifted comparisons.
    """

    dataset: str
    rate: float
    needed: int
    left_out: tuple[int, ...]
    unit: str
    rows: tuple[Suggestion, ...]

    def threshold_changes(self) -> dict[str, tuple[Literal["drift"], Comparator, float]]:
        """Returns the schema changes for features with a suggestion.

        Returns:
          Feature -> ("drift", field of the comparator, threshold).
        """
        return {
            row.feature: ("drift", _COMPARATORS[row.measure], row.suggested)
            for row in self.rows
            if row.suggested is not None
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON."""
        return asdict(self)

    def to_text(self) -> str:
        """Formats the suggestions as a table, with the rule and the command that applies them."""
        unit = f"{self.unit}s"
        known = [row for row in self.rows if row.suggested is not None]
        short = [row for row in self.rows if row.suggested is None]
        lines = []
        if known:
            width = max(7, *(len(plain(row.feature)) for row in known))
            lines.append(f"{'feature':<{width}}  {'measure':<18}  threshold now  suggested  {unit + ' used':>10}")
            for row in known:
                now = "-" if row.now is None else f"{row.now:g}"
                lines.append(
                    f"{plain(row.feature):<{width}}  {row.measure:<18}  {now:>13}  {row.suggested:>9g}  {row.spans:>10}"
                )
            lines += [
                "",
                f"Rule: of n past distances the ceil((n + 1) x {float(1 - Fraction(str(self.rate))):g})-th smallest, "
                "rounded up to two digits (split conformal prediction).",
                f"A {self.unit} that is exchangeable with the past ones exceeds it with probability at most "
                f"{self.rate:.0%},",
                f"which is about {len(known) * self.rate:.1f} false alarms a {self.unit} for these {len(known)} "
                "features.",
                "Past drift counts as normal here. Seasons and trends violate exchangeability.",
            ]
            if self.left_out:
                lines.append(f"Excluded: {unit} {', '.join(map(str, self.left_out))}.")
            lines += ["", f"Apply: plumbline schema update --dataset {self.dataset} --thresholds-from-history"]
        if short:
            lines += [""] if lines else []
            names = ", ".join(f"{plain(row.feature)} ({row.spans})" for row in short)
            text = f"No suggestion, since a rate of {self.rate:.0%} needs {self.needed} {unit}: {names}"
            lines += textwrap.wrap(text, 100)
        return "\n".join(lines) if lines else "No suggestion: no run has measured a distance with a threshold."


def suggest(history: DriftHistory, rate: float = RATE, leave_out: Collection[int] = ()) -> Suggestions:
    """Suggests thresholds with a bounded false alarm rate.

    The suggestion is the k-th smallest of n past distances of a feature, drifted or not, with
    k = ceil((n + 1)(1 - rate)). A new distance that is exchangeable with them exceeds it with probability at most
    `rate`, for any distribution. This is split conformal prediction with the distance as nonconformity score
    (Papadopoulos et al. 2002, Inductive confidence machines for regression; Vovk, Gammerman and Shafer 2005,
    Algorithmic learning in a random world). It requires k <= n, that is n >= 1/rate - 1; with fewer distances there is
    no suggestion. Suggestions are rounded up, which keeps the guarantee, and are at least 0.001. A different window, or
    a trend, violates exchangeability.

    Args:
      history: Drift history; only distances over all rows are used.
      rate: False alarm rate of each feature and span, in (0, 1).
      leave_out: Eval spans to exclude, because their data were not normal.

    Returns:
      One row for each feature whose main measure has a comparator in the schema.

    Raises:
      UsageError: `rate` is outside (0, 1), or a span to exclude is not in the history.
    """
    if not 0 < rate < 1:
        raise UsageError(f"rate {rate:g}: must be between 0 and 1, exclusive")
    spans = [one.span for one in history.compared]
    if unknown := sorted(set(leave_out) - {span for span in spans if span is not None}):
        raise UsageError(f"span {unknown[0]}: cannot be excluded, because no run was evaluated on it")
    exact = Fraction(str(rate))  # exactly 0.1, not its float64 approximation
    rows = []
    for trend in history.main:
        if trend.measure not in _COMPARATORS or trend.role not in ("feature", "label"):
            continue
        past = sorted(
            row.distance
            for row, span in zip(trend.rows, spans, strict=True)
            if row is not None and (span is None or span not in leave_out)
        )
        position = math.ceil((len(past) + 1) * (1 - exact))
        suggested = _round_up(past[position - 1]) if position <= len(past) else None
        newest = trend.newest
        now = None if newest is None else newest.threshold if newest.effect is None else newest.effect
        rows.append(Suggestion(trend.feature, trend.measure, now, suggested, len(past)))
    needed = math.ceil(1 / exact - 1)
    return Suggestions(history.dataset, rate, needed, tuple(sorted(set(leave_out))), history.unit, tuple(rows))


def _round_up(distance: float) -> float:
    """Rounds up to two significant digits, at least 0.001: 0.05131 -> 0.052."""
    exact = Decimal(repr(distance))
    if distance <= _MIN_SUGGESTION:
        return _MIN_SUGGESTION
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), rounding=ROUND_CEILING))
