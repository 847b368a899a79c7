"""The table [canary]: what a canary has to show before it becomes live, and the steps of the automatic mode."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection
from serving.canary.policy import CanaryPolicy, Check

_POLICY = CanaryPolicy()
Margin = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class CanarySection(ConfigSection):
    """Policy of canaries: margins, error probabilities, and the steps of `plumbline canary start --auto`."""

    steps: tuple[Annotated[float, Field(gt=0, le=1)], ...] = _POLICY.steps
    """Shares of the requests in the automatic mode, increasing; 1 is the promotion. The first is the default share of
    `plumbline canary start`."""
    step_requests: Annotated[int, Field(ge=0)] = _POLICY.step_requests
    """Number of canary requests after which the automatic mode raises the share if no harm is shown; 0: only after
    non-inferiority is shown. The promotion always needs it."""
    step_minutes: Annotated[float, Field(ge=0)] = _POLICY.step_minutes
    """Minutes at each share before it is raised."""
    interval: Annotated[float, Field(gt=0)] = 30.0
    """Seconds between two looks of the automatic mode. More looks do not raise the error probabilities."""
    alpha: Share = _POLICY.alpha
    """Bound of the probability that a canary without harm is rolled back, and that one beyond a margin is promoted."""
    power: Share = _POLICY.power
    """Probability for which the stated number of further requests is computed."""
    error_margin: Annotated[float, Field(gt=0, lt=1)] = _POLICY.error_margin
    """Tolerated increase of the error rate: 0.005 is half a percentage point."""
    latency_margin: Margin = _POLICY.latency_margin
    """Tolerated relative increase of each latency quantile: 0.1 is 10 %."""
    latency_quantiles: tuple[Share, ...] = _POLICY.latency_quantiles
    """Quantiles of the latency that are compared."""
    prediction_margin: Annotated[float, Field(gt=0, lt=1)] = _POLICY.prediction_margin
    """Tolerated Chebyshev distance between the predictions of the two versions: 0.1 is 10 percentage points in one
    bin."""
    metric_margin: Margin = _POLICY.metric_margin
    """Tolerated relative increase of the mean loss on labelled rows: squared error, or share of wrong classes for
    multiclass."""
    harm: Annotated[float, Field(ge=0, le=1)] = _POLICY.harm
    """Share of a margin from which shown harm leads to a rollback."""
    required: tuple[Check, ...] = _POLICY.required
    """Checks that have to show non-inferiority before a promotion; all of them can lead to a rollback."""
    min_requests: Annotated[int, Field(ge=0)] = _POLICY.min_requests
    """Number of canary requests before a promotion."""
    min_labels: Annotated[int, Field(ge=2)] = _POLICY.min_labels
    """Number of labelled rows of each version before the metric is compared."""
    max_requests: Annotated[int, Field(ge=0)] = _POLICY.max_requests
    """Number of canary requests at one share after which `timeout` applies; 0 is no limit."""
    max_hours: Annotated[float, Field(ge=0)] = _POLICY.max_hours
    """Hours at one share after which `timeout` applies; 0 is no limit."""
    timeout: Literal["rollback", "hold"] = _POLICY.timeout
    """What an undecided canary does at the maximum: roll back, or hold on."""

    def policy(self) -> CanaryPolicy:
        """Returns the policy."""
        return CanaryPolicy(**self.model_dump(exclude={"interval"}))

    @model_validator(mode="after")
    def _is_possible(self) -> "CanarySection":
        self.policy()
        return self
