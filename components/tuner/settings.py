"""How the search is done. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

METRICS = {
    "binary": ("log_loss", "auc", "average_precision"),
    "multiclass": ("log_loss", "accuracy"),
    "regression": ("rmse", "mae"),
}
"""What can be searched for, by task; the first is the default: the loss that the members themselves learn by."""


@dataclass(frozen=True)
class Settings:
    """Settings of the search.

    Attributes:
      trials: Trainings in all, the settings as they are among them.
      minutes: No trial is begun after so many; 0 is no limit.
      rows: Labelled rows that a trial learns from and is judged on, at most.
      metric: One of METRICS; "" is the task's default.
      method: bayesian or random.
      alpha: Chance at which settings that are no better are taken all the same; 1 takes whatever scored best.
      seed: Of the search and of the sample of rows.
      space: As [tune.space] has it.
    """

    trials: int
    minutes: float = 0.0
    rows: int = 50_000
    metric: str = ""
    method: str = "bayesian"
    alpha: float = 0.05
    seed: int = 13
    space: Mapping[str, Any] = field(default_factory=dict)

    def metric_of(self, task: str) -> str:
        """The metric that is searched for."""
        return self.metric or METRICS[task][0]

    @staticmethod
    def from_json(text: str) -> "Settings":
        """The inverse of json.dumps of the fields."""
        return Settings(**json.loads(text))
