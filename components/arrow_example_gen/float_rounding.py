"""Detects float64 columns with different values that become equal as float32, the only float type of a tf.Example."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.features.distinct_values import NumberSample, ValueRetention, told_apart

MAX_NAMED = 100
"""Columns that are reported at most; with more, the whole table is affected and the first ones suffice."""


class RoundingCheck:
    """Samples the float64 columns of a stream of batches and compares the values with their float32 rounding."""

    def __init__(self) -> None:
        self._samples: dict[str, NumberSample] = {}

    def watched(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields the batches unchanged and samples their float64 columns."""
        for batch in batches:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if pa.types.is_float64(column.type):
                    self._samples.setdefault(name, NumberSample()).add(column)
            yield batch

    def found(self) -> list[ValueRetention]:
        """Findings of the affected columns, at most MAX_NAMED."""
        found = []
        for name, sample in self._samples.items():
            values = sample.values()
            with np.errstate(over="ignore"):
                compared = told_apart(name, "float32", values, values.astype(np.float32))
            if compared.finding:
                found.append(
                    replace(compared, finding=f"as float32, the only float of a tf.Example, {compared.finding}")
                )
        return found[:MAX_NAMED]


def worst(found: Iterable[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Merges the findings of several files: for each column the one with the most affected values."""
    columns: dict[str, dict[str, Any]] = {}
    for one in (one for some in found for one in some):
        known = columns.get(one["column"])
        if known is None or one["affected"] > known["affected"]:
            columns[one["column"]] = one
    return list(columns.values())[:MAX_NAMED]
