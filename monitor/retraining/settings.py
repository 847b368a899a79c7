"""Settings of the retraining; [retraining] of pipeline.toml documents each."""

from dataclasses import dataclass
from typing import Literal

Policy = Literal["manual", "every", "on_drift", "on_performance", "cost"]
Step = Literal["training", "canary", "promotion"]
Loss = Literal["log_loss", "error_rate", "squared_error", "absolute_error"]
RunOn = Literal["local", "kubeflow"]

STEPS: tuple[Step, ...] = ("training", "canary", "promotion")


@dataclass(frozen=True)
class RetrainingSettings:
    """When a model is trained again, and what a person has to approve.

    Attributes:
      policy: "manual": a person starts it. "every": after `every_days`. "on_drift", "on_performance": by an open
        incident. "cost": the expected saving over the horizon exceeds the cost.
      every_days: Days between the beginnings of two retrainings.
      level: Lowest severity of an alarm that triggers "on_drift" and "on_performance".
      hold: Steps that wait for a person's approval.
      cool_down_hours: Hours after the beginning of a retraining in which no other one begins by itself.
      budget_runs: Retrainings in 30 days; 0 is no limit.
      budget_cost: Cost of the retrainings in 30 days, in the user's unit; 0 is no limit.
      min_rows: New labelled rows below which nothing is trained.
      holdout: Share of the new rows, by a hash of the request id, that becomes the evaluation span.
      label_delay_hours: Age of a row, in hours, from which its label counts as mature.
      window: Spans to train on; 0 is the dataset's own window.
      training_cost: Cost of one training, in the user's unit.
      canary_cost: Cost of one canary.
      loss_cost: Cost of one unit of the loss on one row, such as that of one wrong decision for "error_rate".
      loss: The loss.
      horizon_days: Days over which the costs are compared.
      confidence: Posterior probability of a saving from which "cost" retrains, in (0, 1).
      attempts: Trainings that may fail before the retraining counts as failed.
      run_on: Where `plumbline run` takes place.
    """

    policy: Policy = "manual"
    every_days: float = 7.0
    level: Literal["moderate", "severe"] = "moderate"
    hold: tuple[Step, ...] = ()
    cool_down_hours: float = 24.0
    budget_runs: int = 0
    budget_cost: float = 0.0
    min_rows: int = 1000
    holdout: float = 0.2
    label_delay_hours: float = 0.0
    window: int = 0
    training_cost: float = 1.0
    canary_cost: float = 0.0
    loss_cost: float = 0.0
    loss: Loss = "log_loss"
    horizon_days: float = 28.0
    confidence: float = 0.5
    attempts: int = 3
    run_on: RunOn = "local"

    @property
    def cost(self) -> float:
        """Cost of one retraining: training and canary."""
        return self.training_cost + self.canary_cost
