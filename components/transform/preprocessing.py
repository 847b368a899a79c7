"""Turns raw columns into dense matrices and a label; the same graph runs in training and in serving.

`preprocessing_fn` names no dataset: which columns there are and of which kind comes from `custom_config`, the tables of
pipeline.toml. It yields, for N rows, C categorical, F numeric and K cyclical columns, in the order of the settings:

    categorical  int64   [N, C]      ids: 0 .. C-1 missing, C .. 2C-1 rare or unknown, from 2C the vocabulary
    numeric      float32 [N, F]      the value's quantile, -1 (lowest) to 1 (highest); 0 where missing
    standardized float32 [N, F]      the value less the median, in robust standard deviations, -10 to 10; 0: missing
    cyclical     float32 [N, 2K]     sine and cosine of each phase; both 0 where missing
    missing      float32 [N, F + K]  1 where a numeric or cyclical value is missing, else 0
    label        float32 [N] or int64 [N]

A column of texts becomes some columns of numbers (text_columns/model.py), which follow the F - T numeric ones, T of all
text columns together.

Matrices rather than a feature per column, because each analyzer costs Transform a Beam stage and each feature a parse:
one vocabulary and one quantile sketch serve all columns. A matrix of no columns is left out.

What is missing, says dense_columns: no value, a number that is not finite, an empty string, or the smallest int64.

Dates and lists are columns of these kinds that are derived from them: see derived.py.

Integers that float32 does not tell apart (epoch milliseconds, amounts in cents) are matched with their quantiles in
float64, less their smallest value, so that the matrices, which are float32, tell them apart: see large_integers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.custom_module import KEY as OWN
from components.shared.custom_module import call
from components.shared.errors import ConfigError
from components.shared.features.dense_columns import MISSING_INT, Raw, integers, number, numbers, text, texts
from components.shared.features.derived_features import MOST_ITEMS, expanded, sent
from components.shared.features.derived_tensors import derived, flat
from components.shared.features.large_integers import less_tensor, remainders
from components.shared.features.vocabulary_escaping import escaped_tensor
from components.shared.spellings.canonical_spellings import KEY as SPELLINGS
from components.shared.spellings.canonical_spellings import Spellings, canonical_tensor
from components.transform.scaling import QUANTILES, phases, quantile_scale, standard_scale

SKETCH_ERROR = 1e-3
"""Rank error of the quantile sketch, as a share of the rows; a quarter of a bucket."""


class Analysis(Protocol):
    """Where the facts about all rows come from that a graph is frozen with."""

    def positions(self, name: str, tokens: tf.Tensor, there: tf.Tensor, least: int) -> tf.Tensor:
        """Positions of strings in the vocabulary `name`, int64, -1 where they are not in it.

        The vocabulary is of the tokens that are `there` (bool, of the shape of `tokens`), at least `least` times.
        """

    def features(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """pipeline.toml's [features] with the derived columns that there are to be, see derived.py."""

    def hot(self, inputs: Mapping[str, Raw], features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Columns of 0 and 1, float32 [N], of values of lists that `features` does not name."""

    def is_large(self, name: str, dtype: tf.DType) -> bool:
        """Whether a numeric or cyclical column is taken as integers, because float32 may not tell them apart."""

    def offsets(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """The smallest values, int64 [W], of the named columns, int64 [N, W]."""

    def text_columns(self, name: str) -> Sequence[str]:
        """Names of the numbers that come of a text of this column."""

    def text_numbers(self, name: str, texts: tf.Tensor) -> tf.Tensor:
        """These numbers of texts, string [N], float32 [N, T]; NaN where the text is empty."""

    def quantiles(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """The QUANTILES - 1 bounds between equal shares of each column of [N, F], [F, QUANTILES - 1]; NaN is none.

        `names` are those of the columns; large ones are less their offset.
        """


class ByTransform:
    """TensorFlow Transform's analyzers, which Beam runs: placeholders while the function is traced."""

    def positions(self, name: str, tokens: tf.Tensor, there: tf.Tensor, least: int) -> tf.Tensor:
        """See Analysis."""
        tokens = escaped_tensor(tokens)
        path = tft.vocabulary(tf.boolean_mask(tokens, there), frequency_threshold=least, vocab_filename=name)
        return tft.apply_vocabulary(tokens, path, default_value=-1)

    def features(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """All derived columns but those of the values of lists, which are not known when the graph is traced."""
        return expanded(features)

    def hot(self, inputs: Mapping[str, Raw], features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """MOST_ITEMS columns for each list, of its most frequent values; of 0 alone where there are not so many."""
        found: dict[str, tf.Tensor] = {}
        least = max(features.get("min_count", 10), 1)
        for place_of, (name, kind) in enumerate(dict(features.get("lists") or {}).items()):
            if kind == "string":
                row, values, rows = flat(inputs[name])
                place = self.positions(f"list_{place_of}", values, values != "", least)
                one_hot = tf.one_hot(tf.where(place < MOST_ITEMS, place, -1), MOST_ITEMS)
                matrix = tf.maximum(tf.math.unsorted_segment_max(one_hot, row, rows), 0.0)
                found |= {f"{name}: frequent value {at + 1}": matrix[:, at] for at in range(MOST_ITEMS)}
        return found

    def is_large(self, name: str, dtype: tf.DType) -> bool:
        """All integers: how large they are is not known when the graph is traced."""
        return bool(dtype.is_integer)

    def offsets(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        there = tf.where(values == MISSING_INT, tf.int64.max, values)
        return tft.min(there, reduce_instance_dims=False)

    def text_columns(self, name: str) -> Sequence[str]:
        """Raises ConfigError: a sample of all rows is learned from, which no analyzer of TensorFlow Transform draws."""
        raise ConfigError(
            f"pipeline.toml: [features] text: {name}: texts are learned in one process; "
            'set [beam] profile = "local", or take the column out'
        )

    def text_numbers(self, name: str, texts: tf.Tensor) -> tf.Tensor:
        """See text_columns."""
        raise AssertionError(f"{name}: {self.text_columns(name)}")

    def quantiles(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        # The sketch of several columns fails where one has no value at all: each batch adds zeros of next to no weight.
        sketched = tf.concat([values, tf.zeros_like(values[:1])], axis=0)
        weights = tf.concat([tf.ones_like(values[:, 0], tf.float32), tf.fill([1], 1e-6)], axis=0)
        grid = tft.quantiles(sketched, QUANTILES, SKETCH_ERROR, weights, reduce_instance_dims=False)
        return tf.cast(grid, values.dtype)


def preprocessing_fn(inputs: Mapping[str, Raw], custom_config: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """The function that TFX Transform analyses and freezes; see the head of this file for what it yields.

    `inputs` hold one value per row, dense ([N] or [N, 1]) or sparse; of several values the first counts.
    `custom_config` holds pipeline.toml's tables `dataset` and `features`. Where it holds a module of the user's, all is
    left to its preprocessing_fn, which is given both arguments, or the inputs alone if it takes no more.
    """
    if OWN in custom_config:
        given = {name: value for name, value in custom_config.items() if name not in (OWN, "code")}
        return dict(call(custom_config[OWN], "preprocessing_fn", dict(inputs), given))
    return transformed(inputs, custom_config, ByTransform())


def transformed(
    inputs: Mapping[str, Raw], custom_config: Mapping[str, Any], analysis: Analysis
) -> dict[str, tf.Tensor]:
    """The matrices that the head of this file describes, of raw columns and of what an analysis says of all rows."""
    _check({name: one.dtype == tf.string for name, one in inputs.items()}, custom_config)
    features = analysis.features(custom_config["features"])
    inputs = {**inputs, **derived(inputs, [*features.get("numeric", ()), *features.get("cyclical", ())])}
    if hot := analysis.hot(inputs, features):
        features = {**features, "numeric": [*features.get("numeric", ()), *hot]}
        inputs |= hot
    categorical, numeric = features.get("categorical", ()), features.get("numeric", ())
    cyclical = features.get("cyclical", {})

    outputs = {}
    if categorical:
        outputs["categorical"] = ids(
            texts([inputs[name] for name in categorical]), features, analysis, custom_config.get(SPELLINGS, {})
        )
    large = [name for name in (*numeric, *cyclical) if analysis.is_large(name, inputs[name].dtype)]
    values, turning = (
        numbers(columns) if (columns := [inputs[name] for name in names if name not in large]) else None
        for names in (numeric, cyclical)
    )
    whole = integers([inputs[name] for name in large]) if large else None
    if prose := features.get("text", ()):
        values = joined(values, texts([inputs[name] for name in prose]), custom_config, analysis)
    outputs |= scaled(values, turning, whole, large, with_texts(features, analysis), analysis)
    outputs["label"] = label(inputs, custom_config, analysis)
    return outputs


def ids(
    tokens: tf.Tensor, features: Mapping[str, Any], analysis: Analysis, spellings: Spellings | None = None
) -> tf.Tensor:
    """The matrix `categorical` of string [N, C]."""
    columns = len(features["categorical"])
    column = tf.broadcast_to(tf.range(columns, dtype=tf.int64), tf.shape(tokens))
    named = spelt_by_position(features["categorical"], spellings or {})
    return vocabulary_ids(tokens, column, columns, features.get("min_count", 10), analysis, named)


def spelt_by_position(columns: Sequence[str], spellings: Spellings) -> dict[str, str]:
    """Spelling -> value of all categorical columns, each with its column's position before it: 2=Yes."""
    return {
        f"{at}={spelling}": f"{at}={value}"
        for at, name in enumerate(columns)
        for spelling, value in spellings.get(name, {}).items()
    }


def with_texts(features: Mapping[str, Any], analysis: Analysis) -> Mapping[str, Any]:
    """[features] with the numbers of texts among the numeric columns."""
    if not features.get("text"):
        return features
    numbers_ = [column for name in features["text"] for column in analysis.text_columns(name)]
    return {**features, "numeric": [*features.get("numeric", ()), *numbers_]}


def joined(
    values: tf.Tensor | None, prose: tf.Tensor, custom_config: Mapping[str, Any], analysis: Analysis
) -> tf.Tensor:
    """Numeric columns, float32 [N, F - T], and the numbers of texts, string [N, P], side by side."""
    parts = [] if values is None else [values]
    for at, name in enumerate(custom_config["features"]["text"]):
        parts.append(analysis.text_numbers(name, spelt_texts(name, prose[:, at], custom_config)))
    return tf.concat(parts, axis=1)


def spelt_texts(name: str, texts: tf.Tensor, custom_config: Mapping[str, Any]) -> tf.Tensor:
    """Texts of a column, string [N], with the spellings of [data.values] brought to what they stand for."""
    spelt = custom_config.get(SPELLINGS, {}).get(name, {})
    return canonical_tensor(texts, list(spelt), list(spelt.values())) if spelt else texts


def scaled(
    values: tf.Tensor | None,
    turning: tf.Tensor | None,
    whole: Any,
    large: Sequence[str],
    features: Mapping[str, Any],
    analysis: Analysis,
) -> dict[str, tf.Tensor]:
    """The matrices but `categorical`.

    Args:
      values: Numeric columns but the large ones, float32, NaN where missing.
      turning: Cyclical columns but the large ones, float32, NaN where missing.
      whole: The `large` columns, int64, the smallest int64 where missing: numeric ones, then cyclical ones.
      large: Their names.
      features: pipeline.toml's [features], see with_texts.
      analysis: Has the quantiles.
    """
    numeric, cyclical = list(features.get("numeric", ())), dict(features.get("cyclical", {}))
    outputs, missing = {}, []
    if numeric:
        parts = []
        if names := [name for name in numeric if name not in large]:
            parts.append((names, *_scales(names, values, analysis)))
        if names := [name for name in numeric if name in large]:
            some = whole[:, : len(names)]
            parts.append((names, *_scales(names, less_tensor(some, analysis.offsets(names, some)), analysis)))
        outputs["numeric"], outputs["standardized"], gaps = _in_order(numeric, parts)
        missing.append(gaps)
    if cyclical:
        parts = []
        if names := [name for name in cyclical if name not in large]:
            parts.append((names, *_waves(turning, [cyclical[name] for name in names])))
        if names := [name for name in cyclical if name in large]:
            periods = [cyclical[name] for name in names]
            parts.append((names, *_waves(remainders(whole[:, len(large) - len(names) :], periods), periods)))
        waves, gaps = _in_order(list(cyclical), parts)
        outputs["cyclical"] = tf.reshape(waves, [-1, 2 * len(cyclical)])
        missing.append(gaps)
    if missing:
        outputs["missing"] = tf.cast(tf.concat(missing, axis=1), tf.float32)
    return outputs


def _scales(names: Sequence[str], values: tf.Tensor, analysis: Analysis) -> tuple[tf.Tensor, ...]:
    """`numeric` and `standardized` of columns, float32 or float64 [N, F], and where they are missing."""
    grid = analysis.quantiles(names, values)
    scales = quantile_scale(values, grid), standard_scale(values, grid)
    return *(tf.cast(one, tf.float32) for one in scales), tf.math.is_nan(values)


def _waves(values: tf.Tensor, periods: Sequence[float]) -> tuple[tf.Tensor, tf.Tensor]:
    """`cyclical` of columns, as [N, K, 2], and where they are missing."""
    pairs = tf.reshape(phases(values, periods), [-1, len(periods), 2])
    return tf.cast(pairs, tf.float32), tf.math.is_nan(values)


def _in_order(names: Sequence[str], parts: Sequence[tuple[Any, ...]]) -> list[tf.Tensor]:
    """Matrices that are cut by columns, (names, matrix, ...), put together in the order of `names`."""
    if len(parts) == 1:
        return list(parts[0][1:])
    there = {name: place for place, name in enumerate(name for part in parts for name in part[0])}
    order = [there[name] for name in names]
    return [tf.gather(tf.concat(cut, axis=1), order, axis=1) for cut in zip(*(part[1:] for part in parts), strict=True)]


def label(inputs: Mapping[str, Raw], custom_config: Mapping[str, Any], analysis: Analysis | None = None) -> tf.Tensor:
    """The label as the model learns it: float32 [N], NaN where missing, or of several classes int64 [N], -1."""
    dataset = custom_config["dataset"]
    raw = inputs[dataset["label"]]
    spelt = custom_config.get(SPELLINGS, {}).get(dataset["label"], {})
    if spelt and raw.dtype == tf.string:
        raw = canonical_tensor(text(raw), list(spelt), list(spelt.values()))
    return _LABELS[dataset["task"]](raw, dataset.get("positive"), analysis or ByTransform())


def check(schema: schema_pb2.Schema, custom_config: Mapping[str, Any]) -> None:
    """Raises ConfigError for a column that is not there, or that holds text where numbers are needed."""
    columns = {feature.name: feature.type == schema_pb2.BYTES for feature in schema.feature}
    _check(columns, custom_config)


def _check(is_text: Mapping[str, bool], custom_config: Mapping[str, Any]) -> None:
    dataset, features = custom_config["dataset"], custom_config["features"]
    kinds = {name: kind for kind in ("numeric", "cyclical") for name in features.get(kind, ())}
    for name in (*sent(features), dataset["label"]):
        if name not in is_text:
            raise ConfigError(f"pipeline.toml: {name} is not in the schema; it has: {', '.join(sorted(is_text))}")
    for name, kind in kinds.items():
        if is_text[name]:
            raise ConfigError(f"pipeline.toml: [features] {kind}: {name} holds text in the schema; make it categorical")
    for name in features.get("text", ()):
        if not is_text[name]:
            raise ConfigError(f"pipeline.toml: [features] text: {name} holds numbers in the schema; make it numeric")
        taken = [other for other in kinds if other.startswith((f"{name}#", f"{name}: score"))]
        if taken:  # what is learned of a text is called so
            raise ConfigError(
                f"pipeline.toml: [features] text: {name}: {taken[0]} is a column, too; rename one of them"
            )
    needs_number = dataset["task"] == "regression" or (dataset["task"] == "binary" and dataset.get("positive") is None)
    if needs_number and is_text[dataset["label"]]:
        raise ConfigError(
            f"pipeline.toml: [dataset] label: {dataset['label']} holds text in the schema; "
            "name its positive value as [dataset] positive, or give another task"
        )


def vocabulary_ids(
    tokens: tf.Tensor,
    column: tf.Tensor,
    columns: int,
    min_count: int,
    analysis: Analysis,
    spelt: Mapping[str, str] | None = None,
) -> tf.Tensor:
    """Ids of strings, int64: missing 0 .. C-1, rare or unknown C .. 2C-1, then the vocabulary.

    Every column has ids of its own: "1" in one is another value than "1" in the next. Values seen fewer than
    `min_count` times share the id of what was never seen, so that this id is trained on something.

    Args:
      tokens: Of any shape; "" is missing.
      column: int64 of that shape: of which column, 0 .. C-1, each token is.
      columns: C.
      min_count: Of a value in the vocabulary.
      analysis: Has the vocabulary.
      spelt: What stands for another value, see spelt_by_position.
    """
    there = tokens != ""
    names = tf.constant([f"{position}=" for position in range(columns)])
    named = tf.strings.join([tf.gather(names, column), tokens])
    if spelt:
        named = canonical_tensor(named, list(spelt), list(spelt.values()))
    found = analysis.positions("categorical", named, there, max(min_count, 1))
    return tf.where(there, tf.where(found < 0, columns + column, 2 * columns + found), column)


def _binary_label(raw: Raw, positive: Any, _: Analysis) -> tf.Tensor:
    """1.0 for the positive value, else 0.0; NaN where missing. Without `positive` the label is 0 or 1."""
    if positive is None:
        return number(raw)
    if isinstance(positive, bool):
        positive = int(positive)
    values = text(raw)
    return tf.where(values == "", float("nan"), tf.cast(values == str(positive), tf.float32))


def _class_label(raw: Raw, _: Any, analysis: Analysis) -> tf.Tensor:
    """Index into the vocabulary `label`, most frequent class first; -1 where missing or never seen."""
    values = text(raw)
    return analysis.positions("label", values, values != "", 1)


def _number_label(raw: Raw, _: Any, __: Analysis) -> tf.Tensor:
    """The value itself; NaN where missing."""
    return number(raw)


_LABELS: dict[str, Callable[[Raw, Any, Analysis], tf.Tensor]] = {
    "binary": _binary_label,
    "multiclass": _class_label,
    "regression": _number_label,
}
