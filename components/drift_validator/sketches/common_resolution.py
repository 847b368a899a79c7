"""Brings two sketches to a common resolution where one of them is hashed or truncated."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.sketches.categories import hash_categories
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, TableSketch

REST = "(other values)"
"""Category of all values that TFDV statistics truncate."""


def comparable(baseline: TableSketch, current: TableSketch) -> tuple[TableSketch, TableSketch]:
    """Makes the categories of two sketches comparable, also in slices.

    If one of two columns is hashed, the other is hashed, too. If one has a rest (`REST`; statistics keep the most
    frequent values only), values that are not named in both are added to the rest. Both operations merge categories, so
    total variation can only decrease. Other columns are returned unchanged.

    Args:
      baseline: Sketch of the baseline data.
      current: Sketch of the current data.
    """
    columns = {
        name: _pair(baseline.columns[name], current.columns[name])
        for name in baseline.columns.keys() & current.columns.keys()
    }
    slices = {
        name: comparable(baseline.slices[name], current.slices[name])
        for name in baseline.slices.keys() & current.slices.keys()
    }
    first, second = (
        replace(
            table,
            columns={name: columns[name][side] if name in columns else own for name, own in table.columns.items()},
            slices={name: slices[name][side] if name in slices else own for name, own in table.slices.items()},
        )
        for side, table in enumerate((baseline, current))
    )
    return first, second


def _pair(baseline: ColumnSketch, current: ColumnSketch) -> tuple[ColumnSketch, ColumnSketch]:
    one, other = baseline.distribution, current.distribution
    if not (isinstance(one, CategoryCounts) and isinstance(other, CategoryCounts)):
        return baseline, current
    if one.hashed != other.hashed:
        one, other = hash_categories(one), hash_categories(other)
    elif not one.hashed and (_has_rest(one) or _has_rest(other)):
        one, other = _fold(one, other), _fold(other, one)
    return replace(baseline, distribution=one), replace(current, distribution=other)


def _has_rest(categories: CategoryCounts) -> bool:
    return bool(pc.is_in(pa.scalar(REST, pa.large_string()), value_set=categories.values).as_py())


def _fold(categories: CategoryCounts, other: CategoryCounts) -> CategoryCounts:
    """Adds values that `other` does not name to the rest."""
    named = pc.is_in(categories.values, value_set=other.values).to_numpy(zero_copy_only=False)
    named &= pc.not_equal(categories.values, REST).to_numpy(zero_copy_only=False)
    rest = int(categories.counts[~named].sum())
    values = categories.values.filter(pa.array(named))
    counts = categories.counts[named]
    if rest:
        values = pa.concat_arrays([values, pa.array([REST], pa.large_string())])
        counts = np.append(counts, rest)
        order = pc.array_sort_indices(values)
        values, counts = values.take(order), counts[order.to_numpy()]
    return CategoryCounts(values, counts)
