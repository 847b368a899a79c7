"""Two summaries brought to common ground, where one of them had to give up some of its values."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.sketches.categories import hash_categories
from components.drift_validator.sketches.sketch import Categories, Column, Table

REST = "(other values)"
"""The value that stands for all that statistics cut off."""


def comparable(baseline: Table, current: Table) -> tuple[Table, Table]:
    """Both tables, with categories that mean the same on both sides; also in slices.

    Where one side is hashed, the other becomes so. Where one side has a rest (`REST`: statistics keep the most frequent
    values only), each value that is not named on both sides joins the rest of its side. Both coarsen: total variation
    is at most that of all values. What needs neither is returned as it is.
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


def _pair(baseline: Column, current: Column) -> tuple[Column, Column]:
    one, other = baseline.distribution, current.distribution
    if not (isinstance(one, Categories) and isinstance(other, Categories)):
        return baseline, current
    if one.hashed != other.hashed:
        one, other = hash_categories(one), hash_categories(other)
    elif not one.hashed and (_has_rest(one) or _has_rest(other)):
        one, other = _fold(one, other), _fold(other, one)
    return replace(baseline, distribution=one), replace(current, distribution=other)


def _has_rest(categories: Categories) -> bool:
    return bool(pc.is_in(pa.scalar(REST, pa.large_string()), value_set=categories.values).as_py())


def _fold(categories: Categories, other: Categories) -> Categories:
    """Values that `other` does not name join the rest."""
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
    return Categories(values, counts)
