"""Analyses all rows for the preprocessing function in one pass over record batches, without Beam.

The results equal those of TensorFlow Transform's analyzers: `vocabulary` has the order of tft.vocabulary (by
descending frequency, ties by descending bytes); `quantiles` come from tfx_bsl's sketch, which tft.quantiles uses, but
with one sketch per column instead of one for all columns.

A vocabulary file has one entry per line, so entries are escaped (see vocabulary_escaping.py) and no value has to be
left out. Integers that float32 cannot represent keep their quantiles in float64, relative to their smallest value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import InputError
from components.shared.examples.example_reading import first_values
from components.shared.features.cell_texts import texts_of
from components.shared.features.derived_features import expanded
from components.shared.features.distinct_values import NumberSample
from components.shared.features.large_integers import FLOAT32, FLOAT64, less
from components.shared.features.list_items import items_of
from components.shared.features.vocabulary_escaping import escape_entry
from components.shared.images.image_column import ImageModel
from components.shared.images.image_model_fitting import ImageSettings
from components.shared.images.image_model_fitting import learn as learn_images
from components.transform.derived_columns import ItemNumbers, learnable
from components.transform.text_columns.learning import TextSettings, learn
from components.transform.text_columns.model import TextModel
from components.transform.text_columns.sample import TextSample
from components.transform.value_check import CategoryValues, LearnedValues

EMPTY_VOCABULARY = b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"
"""The only entry that tft.vocabulary writes for an empty vocabulary; an empty lookup table cannot be initialised."""
_WAITING = 1 << 20
_MISSING_INT = -(2**63)


@dataclass(frozen=True, eq=False)
class AnalysisFacts:
    """Result of an analysis.

    Attributes:
      vocabulary: Entries "<column index>=<text>" of all categorical columns; at least one entry.
      classes: Classes of a multiclass label, at least one entry; empty for other tasks.
      quantiles: Float32 [F, buckets - 1], ascending; 0 for a column without values.
      large: Columns of integers that float32 cannot represent, numeric ones first, then cyclical ones.
      learned: The distinct values of each column, for value_check.py.
      texts: Text model of each text column, in the order of the settings.
      images: Image model of each image column, in the order of the settings.
      features: Section [features] of pipeline.toml with the derived columns of the model, see derived_features.py.
    """

    vocabulary: tuple[bytes, ...]
    classes: tuple[bytes, ...]
    quantiles: np.ndarray
    large: Mapping[str, "Large"] = field(default_factory=dict)
    learned: "LearnedValues" = field(default_factory=LearnedValues)
    texts: Mapping[str, TextModel] = field(default_factory=dict)
    images: Mapping[str, ImageModel] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Large:
    """A column of integers with absolute values beyond 2^24.

    Attributes:
      offset: Smallest value of the column.
      exact: Whether float64 represents all values exactly, which is the case within 2^53.
      quantiles: Float64 [buckets - 1], quantiles of the values minus `offset`; empty for a cyclical column.
    """

    offset: int
    exact: bool
    quantiles: np.ndarray


def analyse_batches(
    batches: Iterable[pa.RecordBatch], tables: Mapping[str, Any], buckets: int, rank_error: float
) -> AnalysisFacts:
    """Analyses the rows to which the preprocessing function will be fitted.

    Memory is bounded by the number of distinct values of categorical columns, which the vocabulary needs anyway, and by
    a sample of texts and images.

    Args:
      batches: Record batches of list columns, see example_reading.example_batches; the first value of a row is used.
      tables: Sections `dataset`, `features` and `text` of pipeline.toml, and `ordered`: whether rows have a time order.
      buckets: Number of quantile buckets.
      rank_error: Maximum error of a quantile, as a share of the rows.

    Returns:
      Vocabularies, quantiles and text models.
    """
    dataset, features = tables["dataset"], expanded(tables["features"])
    bags = {name: ItemNumbers() for name, kind in features.get("lists", {}).items() if kind == "string"}
    categorical, numeric = list(features.get("categorical", ())), list(features.get("numeric", ()))
    tokens = {name: _Counts() for name in categorical}
    labels = _Counts()
    sketches = {name: _Sketch(rank_error) for name in numeric}
    cycles = {name: _Ends() for name in features.get("cyclical", ())}
    samples = {name: NumberSample() for name in (*numeric, *cycles)}
    moments = {name: NumberSample() for name in features.get("dates", {})}
    target = NumberSample()
    prose = _Texts(tables) if features.get("text") else None
    pictures = _Images(tables) if features.get("image") else None
    for batch in batches:
        for name, sample in moments.items():
            sample.add(first_values(batch, name))
        for name, counts in tokens.items():
            counts.add(first_values(batch, name))
        for name, sample in samples.items():
            values = first_values(batch, name)
            if name in sketches:
                sketches[name].add(values)
            else:
                cycles[name].add(values)
            sample.add(values)
        for name, bag in bags.items():
            bag.add(batch, name)
        if dataset["task"] == "multiclass":
            labels.add(first_values(batch, dataset["label"]))
        elif dataset["task"] == "regression":
            target.add(first_values(batch, dataset["label"]))
        if prose is not None:
            prose.add(batch)
        if pictures is not None:
            pictures.add(batch)
    least = max(features.get("min_count", 10), 1)
    quantiles = {name: sketch.quantiles(buckets) for name, sketch in sketches.items()}
    hot = items_of(bags, least)
    for name, (column, item) in hot.items():
        quantiles[name], samples[name] = bags[column].quantiles(item, buckets), bags[column].sample(item)
    features = learnable(features, samples, moments, tables.get("ordered", False))
    features["numeric"] += hot
    numeric = features["numeric"]
    kept = [counts.texts(least) for counts in tokens.values()]
    named = [(count, b"%d=%b" % (position, text)) for position, some in enumerate(kept) for text, count in some]
    classes = labels.texts(1) if dataset["task"] == "multiclass" else []
    large = {name: sketch.large(buckets) for name, sketch in sketches.items() if sketch.ends.is_large}
    large |= {name: Large(ends.low, ends.is_exact, np.zeros(0)) for name, ends in cycles.items() if ends.is_large}
    return AnalysisFacts(
        vocabulary=_ordered(named),
        classes=_ordered([(count, text) for text, count in classes]) if dataset["task"] == "multiclass" else (),
        quantiles=np.array([quantiles[name] for name in numeric], np.float32).reshape(-1, buckets - 1),
        large=large,
        learned=LearnedValues(
            {name: counts.about(some) for (name, counts), some in zip(tokens.items(), kept, strict=True)},
            {name: samples[name].values() for name in (*numeric, *features["cyclical"])},
            {dataset["label"]: target.values()} if dataset["task"] == "regression" else {},
            tuple(text for text, _ in classes),
        ),
        texts={} if prose is None else prose.learned(_ordered([(count, text) for text, count in classes]), buckets),
        images={} if pictures is None else pictures.learned(buckets),
        features=features,
    )


def _ordered(counted: list[tuple[int, bytes]]) -> tuple[bytes, ...]:
    entries = [(count, escape_entry(text)) for count, text in counted]
    return tuple(text for _, text in sorted(entries, reverse=True)) or (EMPTY_VOCABULARY,)


class _Counts:
    """Counts the values of a column."""

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
        """Values with at least `least` occurrences, as cell_texts.py writes them, without missing ones."""
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

    def about(self, kept: list[tuple[bytes, int]]) -> CategoryValues:
        """Counts before and after the frequency threshold; `kept` are the values that pass it."""
        if not self._parts:
            return CategoryValues(0, 0, ())
        (table,) = self._parts  # `texts` has merged them
        kind = table["value"].type
        if pa.types.is_floating(kind):
            there = pc.is_finite(table["value"])
        else:
            nothing = _MISSING_INT if pa.types.is_integer(kind) else b""
            there = pc.not_equal(table["value"], pa.scalar(nothing, kind))
        table = table.filter(there)
        return CategoryValues(len(table), pc.sum(table["count"]).as_py() or 0, tuple(kept))

    def _merge(self) -> None:
        kinds = {part["value"].type for part in self._parts}
        assert len(kinds) == 1, kinds  # ingest writes a column as one type
        merged = pa.concat_tables(self._parts).group_by("value", use_threads=False).aggregate([("count", "sum")])
        self._parts, self._waiting = [merged.rename_columns({"count_sum": "count"})], len(merged)


class _Texts:
    """Samples of the text columns with the labels of their rows."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self._dataset = tables["dataset"]
        self._settings = TextSettings.of(tables.get("text"))
        # All samples use the same random numbers, so that they keep the same rows.
        self._samples = {
            name: TextSample(self._settings.max_fit_rows, self._settings.max_bytes, self._settings.seed)
            for name in tables["features"]["text"]
        }
        self._classes: dict[bytes, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds a batch."""
        labels = self._labels(first_values(batch, self._dataset["label"]))
        for name, sample in self._samples.items():
            sample.add(first_values(batch, name), labels)

    def learned(self, classes: tuple[bytes, ...], buckets: int) -> dict[str, TextModel]:
        """Fits a text model per column; `classes` has the order of the label's vocabulary."""
        place = {text: number for number, text in enumerate(classes)}
        order = np.array([place[escape_entry(text)] for text in self._classes], np.int64)
        found = {}
        for name, sample in self._samples.items():
            texts, labels = sample.result()
            known = order[labels] if self._dataset["task"] == "multiclass" else labels
            found[name] = learn(name, texts, known, self._dataset["task"], buckets, self._settings)
        return found

    def _labels(self, cells: pa.Array) -> np.ndarray:
        """Labels as 0 and 1 or numbers, NaN where missing; or as classes by order of appearance, -1 where missing."""
        task, positive = self._dataset["task"], self._dataset.get("positive")
        if task == "regression" or (task == "binary" and positive is None):
            if pa.types.is_null(cells.type):
                return np.full(len(cells), np.nan)
            values = cells.fill_null(_MISSING_INT if pa.types.is_integer(cells.type) else float("nan"))
            numbers = values.to_numpy(zero_copy_only=False)
            return np.where(numbers == _MISSING_INT, np.nan, numbers).astype(np.float64)
        if pa.types.is_null(cells.type):
            return np.full(len(cells), -1)
        found = cells.dictionary_encode()
        if task == "binary":
            wanted = str(int(positive) if isinstance(positive, bool) else positive).encode()
            codes = np.array([np.nan if not text else float(text == wanted) for text in texts_of(found.dictionary)])
            missing = np.nan
        else:
            codes = np.array(
                [
                    self._classes.setdefault(text, len(self._classes)) if text else -1
                    for text in texts_of(found.dictionary)
                ],
                np.int64,
            )
            missing = -1
        codes = np.append(codes, missing).astype(codes.dtype if len(codes) else type(missing))
        labels: np.ndarray = codes[found.indices.fill_null(len(codes) - 1).to_numpy(zero_copy_only=False)]
        return labels


class _Images:
    """Samples of the image columns."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self._settings = ImageSettings.of(tables.get("image"))
        most, seed = self._settings.max_fit_rows, self._settings.seed
        self._samples = {name: TextSample(most, 1 << 62, seed) for name in tables["features"]["image"]}

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds a batch."""
        for name, sample in self._samples.items():
            sample.add(first_values(batch, name), np.zeros(batch.num_rows))

    def learned(self, buckets: int) -> dict[str, ImageModel]:
        """Fits an image model per column; InputError if a column has no image."""
        found = {}
        for name, sample in self._samples.items():
            images = list(sample.result()[0])
            if not images:
                raise InputError(f"[features] image: '{name}' has no image in any row of the train split")
            found[name] = learn_images(name, images, buckets, self._settings)
        return found


class _Ends:
    """Minimum and maximum of a column of integers."""

    def __init__(self) -> None:
        self.low, self.high = 0, 0
        self._seen = False

    def add(self, values: pa.Array) -> None:
        """Adds the cells of a batch."""
        if pa.types.is_integer(values.type):
            self.take(_integers(values))

    def take(self, numbers: np.ndarray) -> None:
        """Adds int64 values without missing ones."""
        if len(numbers):
            low, high = int(numbers.min()), int(numbers.max())
            self.low = min(self.low, low) if self._seen else low
            self.high = max(self.high, high) if self._seen else high
            self._seen = True

    @property
    def is_large(self) -> bool:
        """Whether float32 cannot represent all values."""
        return max(-self.low, self.high) > FLOAT32

    @property
    def is_exact(self) -> bool:
        """Whether float64 represents all values exactly."""
        return max(-self.low, self.high) <= FLOAT64


class _Sketch:
    """Quantile sketch of one column, in bounded memory."""

    def __init__(self, rank_error: float) -> None:
        from tfx_bsl.sketches import QuantilesSketch

        self._sketch = QuantilesSketch(rank_error, 1 << 32, 1)
        self._empty = True
        self._base = 0
        self.ends = _Ends()

    def add(self, values: pa.Array) -> None:
        if pa.types.is_null(values.type):
            return
        if pa.types.is_integer(values.type):
            numbers = self._from_base(_integers(values))
        else:
            numbers = values.drop_null().to_numpy(zero_copy_only=False).astype(np.float32)
            numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            self._sketch.AddValues(pa.array(numbers))
            self._empty = False

    def quantiles(self, buckets: int) -> np.ndarray:
        """The buckets - 1 boundaries between buckets of equal counts, float64; 0 for a column without values."""
        return np.zeros(buckets - 1) if self._empty else self._base + self._found(buckets)

    def large(self, buckets: int) -> Large:
        """The same boundaries for a column with large integers."""
        return Large(self.ends.low, self.ends.is_exact, self._found(buckets) + float(self._base - self.ends.low))

    def _from_base(self, numbers: np.ndarray) -> np.ndarray:
        """Integers relative to the first value if that is large, so that the sketch holds them exactly in float64."""
        self.ends.take(numbers)
        if self._empty and len(numbers) and abs(int(numbers[0])) > FLOAT64:
            self._base = int(numbers[0])
        return less(numbers, self._base) if self._base else numbers.astype(np.float64)

    def _found(self, buckets: int) -> np.ndarray:
        return np.array(self._sketch.GetQuantiles(buckets).to_pylist(), np.float64)[0, 1:-1]


def _integers(values: pa.Array) -> np.ndarray:
    """Int64 values without missing ones."""
    numbers = values.drop_null().to_numpy(zero_copy_only=False)
    return numbers[numbers != _MISSING_INT] if len(numbers) and numbers.min() == _MISSING_INT else numbers
