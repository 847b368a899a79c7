"""Label-audit settings."""

import json
from dataclasses import dataclass
from typing import Any

from components.label_audit.models import MODELS, Model


@dataclass(frozen=True)
class LabelAuditSettings:
    """Settings of the label audit.

    Attributes:
      model: "auto", or one of MODELS. "auto" uses forest and neighbours together up to SMALL rows and boosting above;
        with more than FEW_CLASSES classes it uses a forest, because boosting fits one tree per class and iteration. A
        regression uses boosting with absolute error, which is robust against wrong labels. With images it uses
        neighbours and logistic (or ridge) regression on their embeddings.
      folds: Number of cross-validation folds, at least 2. Classes with fewer distinct rows are not scored.
      max_train_rows: Maximum number of training rows. All rows are scored.
      max_issues: Maximum number of issues in the result.
      seed: Random seed of folds and models.
    """

    model: str = "auto"
    folds: int = 5
    max_train_rows: int = 100_000
    max_issues: int = 1000
    seed: int = 13

    def models(self, rows: int, classes: int, images: bool = False) -> tuple[Model, ...]:
        """Selects the models.

        Args:
          rows: Number of rows to score.
          classes: Number of classes; 0 for a regression.
          images: Whether embeddings of images are among the features.
        """
        if self.model != "auto":
            return tuple(kind for kind in MODELS if kind == self.model)
        if images:
            return ("neighbours", "logistic")
        if not classes:
            return ("boosting",)
        if rows <= SMALL:
            return ("forest", "neighbours")
        return ("boosting",) if classes <= FEW_CLASSES else ("forest",)

    def limit(self, models: tuple[Model, ...], classes: int) -> int:
        """Returns the maximum number of training rows.

        It is lower for models whose cost grows with the number of classes or with the square of the rows.

        Args:
          models: The models in use.
          classes: Number of classes; 0 for a regression.
        """
        most = self.max_train_rows
        if "boosting" in models:
            most = min(most, max(2 * self.max_train_rows // max(classes, 2), SMALL))
        return min(most, 4 * SMALL) if {"forest", "neighbours"} & set(models) else most

    @staticmethod
    def from_json(text: str) -> "LabelAuditSettings":
        """Reads settings from a JSON object of field -> value; "" gives the defaults."""
        fields: dict[str, Any] = json.loads(text) if text else {}
        return LabelAuditSettings(**fields)


SMALL = 5000
"""Number of rows up to which "auto" uses forest and neighbours."""
FEW_CLASSES = 30
"""Number of classes up to which "auto" uses boosting."""
MAX_CLASSES = 100
"""Maximum number of classes that are scored, the most frequent; it bounds the matrix of probabilities."""
