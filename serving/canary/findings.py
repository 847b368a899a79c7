"""The result of one check of the canary analysis, as data and as a sentence."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from serving.canary.policy import Check

State = Literal["harm", "non-inferior", "undecided", "no data"]


@dataclass(frozen=True)
class CanaryFinding:
    """The result of one check.

    Attributes:
      check: Kind of check.
      name: What is compared, for instance "latency p99".
      state: "harm": shown to be worse than `harm_at`. "non-inferior": shown to be better than `margin`. "undecided":
        neither. "no data": an arm has too few observations.
      estimate: Estimated difference: of rates for errors; relative, 0.1 = 10 % more, for latency and metric; Chebyshev
        distance for predictions. NaN without data.
      lower: Lower end of the confidence sequence of the difference, at the level of rollbacks.
      upper: Upper end, at the level of promotions; infinite if unknown.
      margin: Largest difference that a promotion tolerates.
      harm_at: Difference from which shown harm leads to a rollback.
      live: Value of the live arm: rate, seconds, share of the bin that differs most, or mean loss.
      canary: Value of the canary.
      observations: Number of observations of the canary: requests, or rows for predictions and metric.
      needed: Number of further ones after which a canary that equals live is expected to show non-inferiority, with the
        policy's power; 0 if shown, infinite if unknown.
      required: Whether a promotion needs this check.
    """

    check: Check
    name: str
    state: State
    estimate: float
    lower: float
    upper: float
    margin: float
    harm_at: float
    live: float
    canary: float
    observations: int
    needed: float
    required: bool

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object; unknown values (NaN, infinite) are null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    def to_text(self) -> str:
        """Returns a sentence: values, difference with its interval, and what follows."""
        if self.state == "no data":
            need = "required, but " if self.required else ""
            what = "labelled rows" if self.check == "metric" else "requests"
            return f"{self.name}: {need}too few {what} yet ({self.observations:,} of the canary)"
        show = _ms if self.check == "latency" else _value if self.check == "metric" else _percent
        values = f"canary {show(self.canary)}, live {show(self.live)}"
        signed = "" if self.check == "predictions" else "+"
        unit = "percentage points" if self.check in ("errors", "predictions") else "%"
        upper = "?" if math.isinf(self.upper) else _hundred(self.upper, signed)
        difference = f"{_hundred(self.estimate, signed)} {unit} (interval {_hundred(self.lower, signed)} to {upper})"
        if self.check == "predictions":
            head = f"{self.name}: Chebyshev distance {difference}; the bin that differs most: {values}"
        else:
            head = f"{self.name}: {values}: {difference}"
        if self.state == "harm":
            return f"{head}; harm is shown: more than {_hundred(self.harm_at)} {unit}"
        margin = f"the margin of {_hundred(self.margin)} {unit}"
        if self.state == "non-inferior":
            return f"{head}; within {margin}"
        more = "" if math.isinf(self.needed) else f"; about {rounded(self.needed):,} more {_unit(self.check)} needed"
        return f"{head}; not yet shown to be within {margin}{more}"


def rounded(number: float) -> int:
    """Rounds up to two significant digits."""
    size = 10 ** max(0, math.floor(math.log10(max(number, 1))) - 1)
    return math.ceil(number / size) * size


def _unit(check: Check) -> str:
    return {"metric": "labelled canary rows", "predictions": "canary rows"}.get(check, "canary requests")


def _hundred(value: float, sign: str = "") -> str:
    """A share in percent: two significant digits, or a whole number."""
    percent = 100 * value
    return f"{percent:{sign}.0f}" if abs(percent) >= 10 else f"{percent:{sign}.2g}"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _ms(value: float) -> str:
    return f"{1000 * value:.3g} ms"


def _value(value: float) -> str:
    return f"{value:.4g}"
