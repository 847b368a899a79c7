"""Thresholds adapted from the history: what past spans did is what an alarm has to go beyond."""

import math
import textwrap
from collections.abc import Collection
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any, Literal

from components.shared.errors import UsageError
from pipeline.drift.history import History, plain

Comparator = Literal["infinity_norm", "jensen_shannon_divergence"]

RATE = 0.1
"""How often a feature may raise an alarm on a span that is like the past ones. Nine spans are enough for it."""
_COMPARATORS: dict[str, Comparator] = {
    "chebyshev": "infinity_norm",
    "kolmogorov_smirnov": "infinity_norm",  # the same norm, of distribution functions
    "jensen_shannon": "jensen_shannon_divergence",
}
_LEAST = 0.001  # a threshold of 0 would call the first rounding error drift


@dataclass(frozen=True)
class Suggestion:
    """One feature's threshold. `suggested` is None where the past is too short; `now` where none is known."""

    feature: str
    measure: str
    now: float | None
    suggested: float | None
    spans: int


@dataclass(frozen=True)
class Suggestions:
    """Thresholds for the features of a data set.

    Attributes:
      dataset: Its name.
      rate: See `suggest`.
      needed: How many spans that rate needs.
      left_out: The spans that were left out.
      unit: "span" or "run".
      rows: In the order of the history: the label first, then by how often it drifted.
    """

    dataset: str
    rate: float
    needed: int
    left_out: tuple[int, ...]
    unit: str
    rows: tuple[Suggestion, ...]

    def threshold_changes(self) -> dict[str, tuple[Literal["drift"], Comparator, float]]:
        """Feature -> comparator in the schema, its measure there, and the threshold; only where one is suggested."""
        return {
            row.feature: ("drift", _COMPARATORS[row.measure], row.suggested)
            for row in self.rows
            if row.suggested is not None
        }

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def for_a_person(self) -> str:
        """As a table, with the rule and how to apply it."""
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
                "rounded up to two digits (split conformal).",
                f"A {self.unit} like the past ones passes it with probability at most {self.rate:.0%}: of these "
                f"{len(known)} features about {len(known) * self.rate:.1f} a {self.unit}.",
                "Drift in the past counts as ordinary here, and seasons or trends make the next one unlike the past.",
            ]
            if self.left_out:
                lines.append(f"Left out: {unit} {', '.join(map(str, self.left_out))}.")
            lines += ["", f"Apply: plumbline schema update --dataset {self.dataset} --thresholds-from-history"]
        if short:
            lines += [""] if lines else []
            names = ", ".join(f"{plain(row.feature)} ({row.spans})" for row in short)
            text = f"Nothing suggested, a rate of {self.rate:.0%} needs {self.needed} {unit}: {names}"
            lines += textwrap.wrap(text, 100)
        return "\n".join(lines) if lines else "Nothing suggested: no run has measured a distance that has a threshold."


def suggest(history: History, rate: float = RATE, leave_out: Collection[int] = ()) -> Suggestions:
    """Thresholds that past spans, drifted or not, seldom went beyond.

    With n past distances of a feature, the k-th smallest with k = ceil((n + 1)(1 - rate)): a new distance that is
    exchangeable with them is greater with probability at most `rate`, whatever their distribution. That is split
    conformal prediction with the distance as nonconformity score (Papadopoulos et al. 2002, Inductive confidence
    machines for regression; Vovk, Gammerman and Shafer 2005, Algorithmic learning in a random world). k is at most n
    from n >= 1/rate - 1; below that nothing can be promised and nothing is suggested. Rounding goes up, so the promise
    holds; the least that is suggested is 0.001. The distances must come from comparisons like the next one: another
    window, or a trend, breaks exchangeability.

    Args:
      history: What was measured, in all rows.
      rate: Of false alarms for each feature and span, in (0, 1).
      leave_out: Eval spans that are no example of ordinary data, as judged by a person.

    Returns:
      One row for each feature that has a measure with a comparator in the schema, main measure only.

    Raises:
      UsageError: `rate` is outside (0, 1), or a span to leave out is not in the history.
    """
    if not 0 < rate < 1:
        raise UsageError(f"rate {rate:g}: must lie between 0 and 1, both excluded")
    spans = [one.span for one in history.compared]
    if unknown := sorted(set(leave_out) - {span for span in spans if span is not None}):
        raise UsageError(f"span {unknown[0]}: cannot be left out, no run was evaluated on it")
    exact = Fraction(str(rate))  # 0.1, not the binary number next to it
    rows = []
    for course in history.main:
        if course.measure not in _COMPARATORS or course.role not in ("feature", "label"):
            continue
        past = sorted(
            row.distance
            for row, span in zip(course.rows, spans, strict=True)
            if row is not None and (span is None or span not in leave_out)
        )
        position = math.ceil((len(past) + 1) * (1 - exact))
        suggested = _round_up(past[position - 1]) if position <= len(past) else None
        newest = course.newest
        now = None if newest is None else newest.threshold if newest.effect is None else newest.effect
        rows.append(Suggestion(course.feature, course.measure, now, suggested, len(past)))
    needed = math.ceil(1 / exact - 1)
    return Suggestions(history.dataset, rate, needed, tuple(sorted(set(leave_out))), history.unit, tuple(rows))


def _round_up(distance: float) -> float:
    """To two significant digits, at least 0.001: 0.05131 -> 0.052."""
    exact = Decimal(repr(distance))
    if distance <= _LEAST:
        return _LEAST
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), rounding=ROUND_CEILING))
