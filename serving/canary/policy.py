"""What a canary has to show, and when it ends."""

from dataclasses import dataclass, replace
from typing import Literal

Check = Literal["errors", "latency", "predictions", "metric"]
CHECKS: tuple[Check, ...] = ("errors", "latency", "predictions", "metric")


@dataclass(frozen=True)
class CanaryPolicy:
    """The policy of a canary analysis.

    Attributes:
      alpha: Bound of P(a canary that is not harmful beyond `harm` of the margins is ever rolled back), and of P(a
        canary beyond a margin is ever promoted), over all looks and checks; in (0, 1).
      power: Probability with which a canary that equals live is promoted within the requests that Hold states.
      error_margin: Tolerated increase of the error rate, in shares of the requests: 0.005 is half a percentage point.
      latency_margin: Tolerated relative increase of each quantile of the latency: 0.1 is 10 %.
      latency_quantiles: Quantiles of the latency that are compared, each in (0, 1).
      prediction_margin: Tolerated Chebyshev distance between the two distributions of predictions, in (0, 1).
      metric_margin: Tolerated relative increase of the mean loss on labelled rows: 0.1 is 10 %.
      harm: Share of a margin from which shown harm leads to a rollback, 0 to 1.
      required: Checks that have to show non-inferiority before a promotion. The others can still lead to a rollback.
      min_requests: Number of canary requests before any promotion.
      min_labels: Number of labelled rows of each arm before the metric is looked at.
      max_requests: Number of canary requests at one share after which Hold becomes `timeout`; 0 is no limit.
      max_hours: Hours at one share after which Hold becomes `timeout`; 0 is no limit.
      timeout: "rollback" or "hold".
      steps: Shares of the automatic mode, increasing; the last is 1: the promotion.
      step_requests: Number of canary requests after which the automatic mode raises the share if no harm is shown; 0:
        only after non-inferiority is shown. At the last share before 1 it is always needed.
      step_minutes: Minutes at each share before it is raised.
    """

    alpha: float = 0.05
    power: float = 0.9
    error_margin: float = 0.005
    latency_margin: float = 0.1
    latency_quantiles: tuple[float, ...] = (0.5, 0.99)
    prediction_margin: float = 0.1
    metric_margin: float = 0.1
    harm: float = 0.5
    required: tuple[Check, ...] = ("errors", "latency", "predictions")
    min_requests: int = 500
    min_labels: int = 200
    max_requests: int = 0
    max_hours: float = 0.0
    timeout: Literal["rollback", "hold"] = "rollback"
    steps: tuple[float, ...] = (0.01, 0.05, 0.25, 1.0)
    step_requests: int = 500
    step_minutes: float = 5.0

    def __post_init__(self) -> None:
        for name in ("alpha", "power"):
            _refuse(not 0 < getattr(self, name) < 1, f"{name}: {getattr(self, name)}: must be between 0 and 1")
        for name in ("error_margin", "latency_margin", "prediction_margin", "metric_margin"):
            _refuse(not getattr(self, name) > 0, f"{name}: {getattr(self, name)}: must be above 0")
        for name in ("error_margin", "prediction_margin"):
            _refuse(getattr(self, name) >= 1, f"{name}: {getattr(self, name)}: must be below 1")
        _refuse(not 0 <= self.harm <= 1, f"harm: {self.harm}: must be from 0 to 1")
        _refuse(
            not all(0 < p < 1 for p in self.latency_quantiles),
            f"latency_quantiles: {list(self.latency_quantiles)}: each must be between 0 and 1",
        )
        if unknown := set(self.required) - set(CHECKS):
            raise ValueError(f"required: {sorted(unknown)[0]}: no such check; legal: {', '.join(CHECKS)}")
        _refuse(
            "latency" in self.required and not self.latency_quantiles,
            "required: latency: needs latency_quantiles, which are empty",
        )
        rising = all(low < high for low, high in zip((0.0, *self.steps), self.steps, strict=False))
        _refuse(
            not (rising and self.steps and self.steps[-1] == 1),
            f"steps: {list(self.steps)}: must increase from above 0 to 1, for instance [0.01, 0.05, 0.25, 1]",
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares at which the automatic mode observes the canary: `steps` below 1."""
        return self.steps[:-1]

    def of_one_step(self) -> "CanaryPolicy":
        """The policy of one step of the automatic mode: the steps' statistics are separate, so they split alpha."""
        return replace(self, alpha=self.alpha / max(1, len(self.shares)))

    @property
    def harm_level(self) -> float:
        """Level of each check for harm: any of them leads to a rollback, so they split alpha (Bonferroni)."""
        return self.alpha / (3 + len(self.latency_quantiles))


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise ValueError(message)
