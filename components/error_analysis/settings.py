"""Error-analysis settings."""

import json
from dataclasses import dataclass
from typing import Any

MIN_ROWS = 30
"""Minimum number of rows of a slice for the t-test."""


@dataclass(frozen=True)
class ErrorAnalysisSettings:
    """Settings of the error analysis.

    Attributes:
      min_rows: Minimum number of rows of a slice; lower for a small split, see `least`.
      bins: Number of quantile bins of a numeric feature.
      max_categories: Maximum number of categories with a slice of their own, the most frequent ones; the others share
        one.
      alpha: False discovery rate over all tested slices, in (0, 1).
      effect_size: Minimum gap of a weak slice, relative to the overall mean loss, >= 0.
      max_slices: Maximum number of slices in the result.
      max_pairs: Maximum number of pairs of features; features with the weakest slices are paired first.
      max_rows: Maximum number of rows of a split; more are sampled at random.
      importance_rows: Maximum number of rows for permutation importance; 0 skips it.
      importance_repeats: Permutations of each feature, at least 2.
      seed: Random seed of all draws.
    """

    min_rows: int = 500
    bins: int = 5
    max_categories: int = 30
    alpha: float = 0.05
    effect_size: float = 0.1
    max_slices: int = 20
    max_pairs: int = 500
    max_rows: int = 200_000
    importance_rows: int = 2000
    importance_repeats: int = 3
    seed: int = 13

    def least(self, rows: int) -> int:
        """Returns the minimum number of rows of a slice of `rows` rows.

        It is `min_rows`, or a twentieth of a small split, but at least MIN_ROWS.
        """
        return min(self.min_rows, max(MIN_ROWS, rows // 20))

    @staticmethod
    def from_json(text: str) -> "ErrorAnalysisSettings":
        """Reads settings from a JSON object of field -> value; "" gives the defaults."""
        fields: dict[str, Any] = json.loads(text) if text else {}
        return ErrorAnalysisSettings(**fields)
