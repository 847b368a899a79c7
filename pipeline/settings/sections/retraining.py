"""The table [retraining]: when a served model is trained again on its labelled requests, and what a person approves."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.retraining.settings import Loss, Policy, RetrainingSettings, RunOn, Step
from pipeline.settings.sections.section import ConfigSection

_DEFAULT = RetrainingSettings()
Amount = Annotated[float, Field(ge=0)]


class RetrainingSection(ConfigSection):
    """Retraining by policy; see docs/monitoring.md."""

    policy: Policy = _DEFAULT.policy
    """What starts a retraining, besides `plumbline retrain start`. `every`: a schedule, see `every_days`. `on_drift`,
    `on_performance`: an open incident about drift, or about the estimated or real performance. `cost`: the expected
    saving over `horizon_days` exceeds the cost. `manual`: nothing else."""
    every_days: Annotated[float, Field(gt=0)] = _DEFAULT.every_days
    """Days between two retrainings of the policy `every`."""
    level: Literal["moderate", "severe"] = _DEFAULT.level
    """Lowest severity of an alarm that starts a retraining of the policies `on_drift` and `on_performance`."""
    hold: tuple[Step, ...] = _DEFAULT.hold
    """Steps that wait for `plumbline retrain approve`: training, canary, promotion."""
    cool_down_hours: Amount = _DEFAULT.cool_down_hours
    """Hours after the beginning of a retraining in which the policy begins no other one."""
    budget_runs: Annotated[int, Field(ge=0)] = _DEFAULT.budget_runs
    """Maximum number of retrainings in 30 days; 0 is no limit."""
    budget_cost: Amount = _DEFAULT.budget_cost
    """Maximum cost of the retrainings in 30 days, in your unit; 0 is no limit."""
    min_rows: Annotated[int, Field(ge=1)] = _DEFAULT.min_rows
    """Number of new labelled rows that a retraining needs."""
    holdout: Annotated[float, Field(gt=0, le=0.5)] = _DEFAULT.holdout
    """Share of the new rows that becomes the evaluation span, by a hash of the request id; the others become the newest
    training span."""
    label_delay_hours: Amount = _DEFAULT.label_delay_hours
    """Age of a row from which its label counts as mature: labels that come early are not a random sample."""
    window: Annotated[int, Field(ge=0)] = _DEFAULT.window
    """Number of spans that a retraining trains on; 0 is [data] window."""
    training_cost: Amount = _DEFAULT.training_cost
    """Cost of one training in your unit, such as euros."""
    canary_cost: Amount = _DEFAULT.canary_cost
    """Cost of one canary in your unit."""
    loss_cost: Amount = _DEFAULT.loss_cost
    """Cost in your unit of one unit of `loss` on one row; with `error_rate` that of one wrong decision."""
    loss: Loss = _DEFAULT.loss
    """Loss by which the policy `cost` measures staleness; squared and absolute error are those of regression."""
    horizon_days: Annotated[float, Field(gt=0)] = _DEFAULT.horizon_days
    """Days over which the policy `cost` compares a retraining now with a later one."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = _DEFAULT.confidence
    """Probability of a saving from which the policy `cost` retrains."""
    attempts: Annotated[int, Field(ge=1)] = _DEFAULT.attempts
    """Number of trainings that may fail before a retraining counts as failed."""
    run_on: RunOn = _DEFAULT.run_on
    """Where the pipeline runs. `local`: `plumbline run` beside the monitor. `kubeflow`: `plumbline submit`."""

    def settings(self) -> RetrainingSettings:
        """Returns the settings of the monitor."""
        return RetrainingSettings(**self.model_dump())

    @model_validator(mode="after")
    def _costs_are_given(self) -> "RetrainingSection":
        if self.policy == "cost" and not self.loss_cost:
            raise ValueError("loss_cost: the policy cost needs what one unit of the loss on one row costs")
        if self.policy == "cost" and not self.training_cost + self.canary_cost:
            raise ValueError("training_cost: the policy cost needs what a retraining costs")
        return self
