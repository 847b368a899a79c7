"""What the error analysis is told."""

import json
from dataclasses import dataclass
from typing import Any

FEWEST_ROWS = 30
"""Below that many rows a mean and its t-test say nothing."""


@dataclass(frozen=True)
class Settings:
    """Settings of the error analysis.

    Attributes:
      min_rows: Smaller slices are not looked at; fewer do where the eval split is small, see `least`.
      bins: Quantile bins of a number.
      categories: Values of a categorical feature that are slices, the most frequent; the others together are one.
      alpha: False discovery rate over all slices looked at, in (0, 1).
      effect: How much more a weak slice loses than the rest, at least, as a share of the overall mean loss.
      most: Slices listed at most.
      most_pairs: Pairs of features looked at, at most; those of features that are weakest by themselves.
      rows: Rows of a split looked at, at most, drawn at random.
      importance_rows: Rows that permutation importance takes, at most; 0 leaves it out.
      importance_repeats: Permutations of each feature, at least 2.
      seed: Of all draws.
    """

    min_rows: int = 500
    bins: int = 5
    categories: int = 30
    alpha: float = 0.05
    effect: float = 0.1
    most: int = 20
    most_pairs: int = 500
    rows: int = 200_000
    importance_rows: int = 2000
    importance_repeats: int = 3
    seed: int = 13

    def least(self, rows: int) -> int:
        """Rows that a slice of so many must have: `min_rows`, or a twentieth of a small split, at least 30."""
        return min(self.min_rows, max(FEWEST_ROWS, rows // 20))

    @staticmethod
    def from_json(text: str) -> "Settings":
        """The inverse of json.dumps of the fields; "" is the defaults."""
        fields: dict[str, Any] = json.loads(text) if text else {}
        return Settings(**fields)
