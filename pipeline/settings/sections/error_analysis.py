"""The table [error_analysis]: how error analysis looks for weak slices."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.sections.section import ConfigSection


class ErrorAnalysisSection(ConfigSection):
    """How error analysis looks for weak slices, among all features and all pairs of them.

    No slice is looked at that has fewer rows than `min_slice_rows` of [evaluation].
    """

    bins: Annotated[int, Field(ge=2, le=50)] = 5
    """Quantile bins of a number; a missing value is a slice of its own."""
    max_categories: Annotated[int, Field(ge=1, le=200)] = 30
    """Values of a categorical feature that are slices, the most frequent."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """False discovery rate, over all slices looked at."""
    effect_size: Annotated[float, Field(ge=0)] = 0.1
    """How much more a weak slice loses than the rest, at least, as a share of the overall mean loss."""
    max_slices: Annotated[int, Field(ge=1)] = 20
    """Slices listed at most."""
    max_pairs: Annotated[int, Field(ge=0)] = 500
    """Pairs of features looked at, at most; those of features that are weakest by themselves."""
    max_rows: Annotated[int, Field(ge=1000)] = 200_000
    """Rows of a split looked at, at most, drawn at random."""
    importance_rows: Annotated[int, Field(ge=0)] = 2000
    """Rows on which each feature's importance is measured, at most; 0 leaves it out."""
    importance_repeats: Annotated[int, Field(ge=2)] = 3
    """Permutations of each feature."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of samples and permutations."""
