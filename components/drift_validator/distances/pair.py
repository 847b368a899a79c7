"""Two columns with their distributions brought to one type, the input of the measures."""

from dataclasses import dataclass
from functools import cached_property

from components.drift_validator.distances.aligned_histograms import AlignedHistograms, align_categories, align_numbers
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts


@dataclass(frozen=True)
class Pair:
    """A column of the baseline data and the same column of the current data.

    Attributes:
      baseline: Sketch of the baseline column.
      current: Sketch of the current column.
      numbers: Both distributions over numbers; None for categories.
      categories: Both distributions over categories; None for numbers.
      design_effect: Kish's design effect of lists, at least 1; see AlignedHistograms.
      with_jensen_shannon: Whether to measure the Jensen-Shannon divergence.
    """

    baseline: ColumnSketch
    current: ColumnSketch
    numbers: tuple[NumberCounts, NumberCounts] | None
    categories: tuple[CategoryCounts, CategoryCounts] | None
    design_effect: float
    with_jensen_shannon: bool

    @cached_property
    def aligned_numbers(self) -> AlignedHistograms:
        """Counts of both samples over all numbers; requires `numbers`."""
        assert self.numbers is not None
        return align_numbers(*self.numbers, self.design_effect)

    @cached_property
    def aligned_categories(self) -> AlignedHistograms:
        """Counts of both samples over all categories; requires `categories`."""
        assert self.categories is not None
        return align_categories(*self.categories, self.design_effect)

    @property
    def distinct(self) -> int:
        """Number of distinct categories of both samples; requires `categories`."""
        return len(self.aligned_categories.values)

    @property
    def has_named_values(self) -> bool:
        """Whether both samples are categories with names; hash buckets have none."""
        return self.categories is not None and self.aligned_categories.named
