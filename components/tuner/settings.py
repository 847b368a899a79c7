"""Settings of the hyperparameter search."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TUNING_METRICS = {
    "binary": ("log_loss", "auc", "average_precision"),
    "multiclass": ("log_loss", "accuracy"),
    "regression": ("rmse", "mae"),
}
"""Metrics that can be optimised, by task; the first is the default: the training loss, or its root."""


@dataclass(frozen=True)
class TunerSettings:
    """Settings of the search.

    Attributes:
      trials: Number of trials, including the one with the current settings.
      minutes: Time after which no further trial is started; 0 for no limit.
      max_rows: Maximum labelled rows of a trial, for training and validation together.
      metric: One of TUNING_METRICS; "" for the task's default.
      method: "bayesian" or "random".
      alpha: Significance level of adopting the best trial, in (0, 1]; 1 adopts the best score without a test.
      seed: Seed of the search and of the sample of rows.
      space: Section [tune.space].
    """

    trials: int
    minutes: float = 0.0
    max_rows: int = 50_000
    metric: str = ""
    method: str = "bayesian"
    alpha: float = 0.05
    seed: int = 13
    space: Mapping[str, Any] = field(default_factory=dict)

    def metric_of(self, task: str) -> str:
        """Returns the metric to optimise."""
        return self.metric or TUNING_METRICS[task][0]

    @staticmethod
    def from_json(text: str) -> "TunerSettings":
        """Reads the settings from JSON of their fields."""
        return TunerSettings(**json.loads(text))
