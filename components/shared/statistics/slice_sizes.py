"""Defaults of `min_slice_rows`, the minimum number of rows of a slice."""

MIN_SLICE_ROWS = 500
"""Default of [drift] and [evaluation] min_slice_rows, and of `plumbline drift` without a dataset: below it, a slice's
AUC or share has a standard error of about 0.02 or more."""
EVERY_SLICE = 1
"""No minimum: the default of library functions that take a policy, and of runs whose policy has no `min_slice_rows`."""
