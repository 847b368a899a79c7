"""The table [error_analysis]: search for weak slices, and permutation importance."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.sections.section import ConfigSection


class ErrorAnalysisSection(ConfigSection):
    """Search for weak slices among all features and all pairs of them, and permutation importance.

    Tested slices have at least `min_slice_rows` rows, see [evaluation].
    """

    bins: Annotated[int, Field(ge=2, le=50)] = 5
    """Number of quantile bins of a numeric feature; missing values are a separate slice."""
    max_categories: Annotated[int, Field(ge=1, le=200)] = 30
    """Maximum number of slices of a categorical feature, most frequent values first."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """False discovery rate over all tested slices."""
    effect_size: Annotated[float, Field(ge=0)] = 0.1
    """Minimum gap of a weak slice, relative to the overall mean loss."""
    max_slices: Annotated[int, Field(ge=1)] = 20
    """Maximum number of listed slices."""
    max_pairs: Annotated[int, Field(ge=0)] = 500
    """Maximum number of tested pairs of features, formed from the features with the weakest slices."""
    max_rows: Annotated[int, Field(ge=1000)] = 200_000
    """Maximum number of rows of a split, sampled at random."""
    importance_rows: Annotated[int, Field(ge=0)] = 2000
    """Maximum number of rows for permutation importance; 0 disables it."""
    importance_repeats: Annotated[int, Field(ge=2)] = 3
    """Number of permutations of each feature."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Random seed of samples and permutations."""
