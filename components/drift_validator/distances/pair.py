"""Two columns that are compared, with their distributions brought into one form."""

from dataclasses import dataclass
from functools import cached_property

from components.drift_validator.distances.aligned_histograms import Aligned, align_categories, align_numbers
from components.drift_validator.sketches.sketch import Categories, Column, Numbers


@dataclass(frozen=True)
class Pair:
    """What a measure is computed from.

    Attributes:
      baseline: The column that is compared with.
      current: The same column of the newer data.
      numbers: Both distributions as numbers; None if they are not numbers.
      categories: Both distributions as categories; None if they are not.
      design_effect: Kish's, of lists: values / design effect of independent values say as much; at least 1.
      with_jensen_shannon: Whether that divergence is wanted.
    """

    baseline: Column
    current: Column
    numbers: tuple[Numbers, Numbers] | None
    categories: tuple[Categories, Categories] | None
    design_effect: float
    with_jensen_shannon: bool

    @cached_property
    def aligned_numbers(self) -> Aligned:
        """Counts of both sides at all points; only where `numbers` are there."""
        assert self.numbers is not None
        return align_numbers(*self.numbers, self.design_effect)

    @cached_property
    def aligned_categories(self) -> Aligned:
        """Counts of both sides for all values; only where `categories` are there."""
        assert self.categories is not None
        return align_categories(*self.categories, self.design_effect)

    @property
    def distinct(self) -> int:
        """Number of different values of both sides; only where `categories` are there."""
        return len(self.aligned_categories.values)

    @property
    def has_named_values(self) -> bool:
        """Whether both sides are categories with their names; hash buckets have none."""
        return self.categories is not None and self.aligned_categories.named
