"""What the label audit is told."""

import json
from dataclasses import dataclass
from typing import Any

from components.label_audit.models import MODELS, Model


@dataclass(frozen=True)
class Settings:
    """Settings of the audit.

    Attributes:
      model: "auto", or one of MODELS. "auto" is forest and neighbours together up to SMALL rows, boosting above, and a
        forest where there are too many classes for boosting, which grows a tree for each. A regression is boosting: its
        loss is robust, where one wild label would pull the mean of its neighbours.
      folds: Of the cross-validation, at least 2; a class with fewer different rows than that is not judged.
      learn_rows: Rows, at most, that models learn from; all rows are judged.
      most_issues: Issues written at most, the worst.
      seed: Of folds and models.
    """

    model: str = "auto"
    folds: int = 5
    learn_rows: int = 100_000
    most_issues: int = 1000
    seed: int = 13

    def models(self, rows: int, classes: int) -> tuple[Model, ...]:
        """Which models judge so many rows of so many classes (0: a regression)."""
        if self.model != "auto":
            return tuple(kind for kind in MODELS if kind == self.model)
        if not classes:
            return ("boosting",)
        if rows <= SMALL:
            return ("forest", "neighbours")
        return ("boosting",) if classes <= FEW_CLASSES else ("forest",)

    def limit(self, models: tuple[Model, ...], classes: int) -> int:
        """Rows to learn from: fewer where a model's cost grows with classes or with the square of the rows."""
        most = self.learn_rows
        if "boosting" in models:
            most = min(most, max(2 * self.learn_rows // max(classes, 2), SMALL))
        return min(most, 4 * SMALL) if {"forest", "neighbours"} & set(models) else most

    @staticmethod
    def from_json(text: str) -> "Settings":
        """The inverse of json.dumps of the fields; "" is the defaults."""
        fields: dict[str, Any] = json.loads(text) if text else {}
        return Settings(**fields)


SMALL = 5000
FEW_CLASSES = 30
MOST_CLASSES = 100
"""Classes that are judged, the most frequent: probabilities are a table of rows x classes."""
