"""The baseline of a version: the data that it was trained and evaluated on, and what its run found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.shared.statistics.relative_importance import MIN_IMPORTANCE


@dataclass(frozen=True)
class Baseline:
    """The baseline of a version. What its run no longer has is empty or None, and `left_out` says so.

    Attributes:
      version: The version.
      run_id: The run that trained it; "" if unknown.
      task: "binary", "multiclass" or "regression".
      classes: Names of the K classes in the order of the columns of `evaluation_scores`, sorted; () for other tasks.
      threshold: Decision threshold of a binary model, in [0, 1]; None for other tasks.
      metrics: Metric -> value on the eval split.
      spans: Split -> spans.
      training: Seeded random sample of the training rows: one column for each feature, with the types of
        `WindowData.features`, and the label under its name.
      training_rows: Number of all training rows; 0 if unknown.
      evaluation: Features of M labelled eval rows (a seeded random sample), with the same types.
      evaluation_scores: Predictions of the version for these rows, float64 (M,) or (M, K), as `WindowData.scores`.
      evaluation_targets: Their labels, float64 (M,), as `WindowData.targets`.
      importances: Feature -> permutation importance in [0, 1], relative to the most important one; a feature that was
        not measured is missing.
      left_out: What is missing and which checks are left out for that, one sentence each.
    """

    version: int
    run_id: str = ""
    task: str = ""
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    spans: Mapping[str, object] = field(default_factory=dict)
    training: pa.Table | None = None
    training_rows: int = 0
    evaluation: pa.Table | None = None
    evaluation_scores: np.ndarray | None = None
    evaluation_targets: np.ndarray | None = None
    importances: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def weight(self, feature: str) -> float:
        """Importance of a feature to the version, in [0, 1]; 1 if no importances are known.

        A feature that was not measured, unlike others, has the smallest importance with which its drift can be severe.
        """
        return self.importances.get(feature, MIN_IMPORTANCE) if self.importances else 1.0
