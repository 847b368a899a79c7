"""What the preprocessing function needs to know of all rows, from record batches in one pass: no Beam, no graph.

The same facts as TensorFlow Transform's analyzers find: `vocabulary` in the order of tft.vocabulary (most frequent
first, among equals the greater bytes first), `quantiles` from the sketch under tft.quantiles, tfx_bsl's, one for each
column instead of one for all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.cell_texts import texts_of
from components.examples import first_values

EMPTY_VOCABULARY = b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"
"""tft.vocabulary's only entry where nothing is left: a lookup table of nothing cannot be initialised."""
_WAITING = 1 << 20
_MISSING_INT = -(2**63)


@dataclass(frozen=True, eq=False)
class Facts:
    """What an analysis found.

    Attributes:
      vocabulary: Of all categorical columns, as "<position>=<text>"; at least one entry.
      classes: Of a multi-class label; at least one entry. Empty where no vocabulary of the label was asked for.
      quantiles: float32 [F, buckets - 1], ascending; 0 where a column has no value.
    """

    vocabulary: tuple[bytes, ...]
    classes: tuple[bytes, ...]
    quantiles: np.ndarray


def analyse(batches: Iterable[pa.RecordBatch], tables: Mapping[str, Any], buckets: int, rank_error: float) -> Facts:
    """Analyses the rows that the preprocessing function of these settings will be applied to.

    Memory is bounded by the number of distinct values of categorical columns, as the vocabulary's is.

    Args:
      batches: List columns, see examples.example_batches; the first value of a row counts.
      tables: pipeline.toml's `dataset` and `features`.
      buckets: Of the quantiles.
      rank_error: Of a quantile, as a share of the rows.
    """
    dataset, features = tables["dataset"], tables["features"]
    categorical, numeric = list(features.get("categorical", ())), list(features.get("numeric", ()))
    tokens = {name: _Counts() for name in categorical}
    labels = _Counts()
    sketches = [_Sketch(rank_error) for _ in numeric]
    for batch in batches:
        for name, counts in tokens.items():
            counts.add(first_values(batch, name))
        for name, sketch in zip(numeric, sketches, strict=True):
            sketch.add(first_values(batch, name))
        if dataset["task"] == "multiclass":
            labels.add(first_values(batch, dataset["label"]))
    least = max(features.get("min_count", 10), 1)
    named = [
        (count, b"%d=%b" % (position, text))
        for position, counts in enumerate(tokens.values())
        for text, count in counts.texts(least)
    ]
    classes = [(count, text) for text, count in labels.texts(1)] if dataset["task"] == "multiclass" else []
    return Facts(
        vocabulary=_ordered(named),
        classes=_ordered(classes) if dataset["task"] == "multiclass" else (),
        quantiles=np.array([sketch.quantiles(buckets) for sketch in sketches], np.float32).reshape(-1, buckets - 1),
    )


def _ordered(counted: list[tuple[int, bytes]]) -> tuple[bytes, ...]:
    kept = [(count, text) for count, text in counted if b"\n" not in text and b"\r" not in text]
    return tuple(text for _, text in sorted(kept, reverse=True)) or (EMPTY_VOCABULARY,)


class _Counts:
    """How often each value of a column occurs."""

    def __init__(self) -> None:
        self._parts: list[pa.Table] = []
        self._waiting = 0

    def add(self, values: pa.Array) -> None:
        if pa.types.is_null(values.type):
            return
        counted = values.drop_null().value_counts()
        self._parts.append(pa.table({"value": counted.field("values"), "count": counted.field("counts")}))
        self._waiting += len(counted)
        if self._waiting > max(_WAITING, 2 * len(self._parts[0])):
            self._merge()

    def texts(self, least: int) -> list[tuple[bytes, int]]:
        """Values that occur at least so often, as cell_texts writes them; without missing ones."""
        if not self._parts:
            return []
        self._merge()
        (table,) = self._parts
        table = table.filter(pc.greater_equal(table["count"], least))
        return [
            (text, count)
            for text, count in zip(texts_of(table["value"]), table["count"].to_pylist(), strict=True)
            if text
        ]

    def _merge(self) -> None:
        kinds = {part["value"].type for part in self._parts}
        assert len(kinds) == 1, kinds  # ingest writes a column as one type
        merged = pa.concat_tables(self._parts).group_by("value", use_threads=False).aggregate([("count", "sum")])
        self._parts, self._waiting = [merged.rename_columns({"count_sum": "count"})], len(merged)


class _Sketch:
    """Quantiles of one column in bounded memory."""

    def __init__(self, rank_error: float) -> None:
        from tfx_bsl.sketches import QuantilesSketch

        self._sketch = QuantilesSketch(rank_error, 1 << 32, 1)
        self._empty = True

    def add(self, values: pa.Array) -> None:
        if pa.types.is_null(values.type):
            return
        numbers = values.drop_null().to_numpy(zero_copy_only=False)
        if numbers.dtype.kind == "i":
            numbers = numbers[numbers != _MISSING_INT]
        numbers = numbers.astype(np.float32)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            self._sketch.AddValues(pa.array(numbers))
            self._empty = False

    def quantiles(self, buckets: int) -> np.ndarray:
        """The buckets - 1 bounds between buckets of equal shares; 0 without any value."""
        if self._empty:
            return np.zeros(buckets - 1)
        found = np.array(self._sketch.GetQuantiles(buckets).to_pylist(), np.float32)[0]
        return found[1:-1]
