"""Rows with the predictions of one model version, and their labels as far as they are known."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """N rows with predictions of one model.

    Attributes:
      features: float64 [N, d]; NaN = missing. Categories are encoded as numbers, the same ones in all rows compared.
      scores: Binary: probability of class 1, [N]. Multiclass: probabilities [N, K]. Regression: predicted values [N].
      targets: Label of each row, [N]: 0 or 1, a class code in 0..K-1, or a number; any value where `labelled` is False.
        None if no row has a label.
      labelled: Whether the label is known by now, bool [N]; None: all are if there are targets.
      time: Event time in seconds since 1970 UTC, [N]; None if unknown.
      delay: Seconds from the event to its label, [N]; NaN where it has not come. None if unknown.
      age: Seconds from the event until now, [N]; None if unknown.
      task: Task of the model.
    """

    features: np.ndarray
    scores: np.ndarray
    targets: np.ndarray | None = None
    labelled: np.ndarray | None = None
    time: np.ndarray | None = None
    delay: np.ndarray | None = None
    age: np.ndarray | None = None
    task: Task = "binary"

    def __post_init__(self) -> None:
        """Raises ValueError if arrays differ in length or scores are not what the task needs."""
        rows = len(self.scores)
        for name in ("features", "targets", "labelled", "time", "delay", "age"):
            values = getattr(self, name)
            if values is not None and len(values) != rows:
                raise ValueError(f"{name}: has {len(values)} rows, scores have {rows}")
        if self.features.ndim != 2:
            raise ValueError(f"features: must be [N, d], has {self.features.ndim} dimensions")
        if self.scores.ndim != (2 if self.task == "multiclass" else 1):
            raise ValueError(f"scores: have {self.scores.ndim} dimensions, which does not fit the task {self.task}")
        if not np.isfinite(self.scores).all():
            raise ValueError("scores: hold NaN or infinity; remove these rows first")

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def known(self) -> np.ndarray:
        """Whether the label is known, bool [N]."""
        if self.targets is None:
            return np.zeros(len(self), dtype=bool)
        return np.ones(len(self), dtype=bool) if self.labelled is None else self.labelled

    def among(self, rows: np.ndarray) -> "ScoredRows":
        """Returns some of the rows, by mask or index."""

        def some(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            features=self.features[rows],
            scores=self.scores[rows],
            targets=some(self.targets),
            labelled=some(self.labelled),
            time=some(self.time),
            delay=some(self.delay),
            age=some(self.age),
        )

    def with_labels(self) -> "ScoredRows":
        """Returns the rows whose label is known."""
        return self.among(self.known)
