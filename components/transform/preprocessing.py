"""Transforms raw columns into dense matrices and a label; training and serving run the same graph.

`preprocessing_fn` does not depend on a dataset: `custom_config`, sections of pipeline.toml, names the columns and their
kinds. For N rows, C categorical, F numeric and K cyclical columns, in the order of the settings, the outputs are:

    categorical  int64   [N, C]      ids: 0 .. C-1 missing, C .. 2C-1 rare or unknown, from 2C the vocabulary
    numeric      float32 [N, F]      quantile rank of the value, -1 (lowest) to 1 (highest); 0 where missing
    standardized float32 [N, F]      (value - median) / robust standard deviation, -10 to 10; 0 where missing
    cyclical     float32 [N, 2K]     sine and cosine of each phase; both 0 where missing
    missing      float32 [N, F + K]  1 where a numeric or cyclical value is missing, else 0
    label        float32 [N] or int64 [N]

A text column is converted to several numeric columns (text_columns/model.py), and so is an image column
(components/shared/images/image_column.py). These T columns follow the F - T other numeric columns, texts first.

The outputs are matrices and not one feature per column, because each analyzer costs a Beam stage and each feature a
parsing operation: one vocabulary and one quantile sketch serve all columns. Matrices without columns are left out.

Missing values (see dense_columns.py) are: no value, a number that is not finite, an empty string, the smallest int64.

Dates and lists are converted to columns of these kinds, see derived_features.py.

Integers that float32 cannot represent (epoch milliseconds, amounts in cents) are compared with their quantiles in
float64, relative to their smallest value, so that the float32 matrices still distinguish them: see large_integers.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tensorflow_transform as tft

from components.shared.custom_module import KEY as OWN
from components.shared.custom_module import call
from components.shared.errors import ConfigError
from components.shared.features.dense_columns import MISSING_INT, Raw, integers, number, numbers, text, texts
from components.shared.features.derived_features import MAX_ITEMS, expanded
from components.shared.features.derived_tensors import derived, flat
from components.shared.features.large_integers import less_tensor, remainders
from components.shared.features.vocabulary_escaping import escaped_tensor
from components.shared.spellings.canonical_spellings import KEY as SPELLINGS
from components.shared.spellings.canonical_spellings import Spellings, canonical_tensor
from components.transform.column_check import check_columns
from components.transform.scaling import QUANTILES, phases, quantile_scale, standard_scale

SKETCH_ERROR = 1e-3
"""Rank error of the quantile sketch as a share of the rows: a quarter of a bucket."""


class Analysis(Protocol):
    """Provides the statistics of all rows that the transform graph depends on."""

    def positions(self, name: str, tokens: tf.Tensor, there: tf.Tensor, least: int) -> tf.Tensor:
        """Returns the positions of strings in the vocabulary `name`, int64, -1 where not in it.

        Args:
          name: Name of the vocabulary.
          tokens: Strings of any shape.
          there: Bool of the same shape; the vocabulary consists of the tokens where it is true.
          least: Minimum count of a token in the vocabulary.
        """

    def features(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns section [features] of pipeline.toml with the derived columns, see derived_features.py."""

    def hot(self, inputs: Mapping[str, Raw], features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Returns indicator columns, float32 [N], of list items that `features` does not name."""

    def is_large(self, name: str, dtype: tf.DType) -> bool:
        """Whether a numeric or cyclical column is processed as integers, because float32 may not represent them."""

    def offsets(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """Returns the smallest value, int64 [W], of each of the named columns, int64 [N, W]."""

    def encoded_columns(self, name: str) -> Sequence[str]:
        """Returns the names of the numeric columns that are computed from a text or image column."""

    def encoded_numbers(self, name: str, values: tf.Tensor) -> tf.Tensor:
        """Returns these columns for texts or encoded images, string [N], as float32 [N, T]; NaN where empty."""

    def quantiles(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """Returns the QUANTILES - 1 boundaries between buckets of equal counts, [F, QUANTILES - 1].

        `names` are those of the columns [N, F], NaN where missing; large columns are given minus their offset.
        """


class ByTransform:
    """Uses TensorFlow Transform's analyzers, which Beam runs; tracing the function yields placeholders."""

    def positions(self, name: str, tokens: tf.Tensor, there: tf.Tensor, least: int) -> tf.Tensor:
        """See Analysis."""
        tokens = escaped_tensor(tokens)
        path = tft.vocabulary(tf.boolean_mask(tokens, there), frequency_threshold=least, vocab_filename=name)
        return tft.apply_vocabulary(tokens, path, default_value=-1)

    def features(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns all derived columns except list items, which are not known when the graph is traced."""
        return expanded(features)

    def hot(self, inputs: Mapping[str, Raw], features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Returns MAX_ITEMS indicator columns per list, of its most frequent items; all 0 if it has fewer."""
        found: dict[str, tf.Tensor] = {}
        least = max(features.get("min_count", 10), 1)
        for place_of, (name, kind) in enumerate(dict(features.get("lists") or {}).items()):
            if kind == "string":
                row, values, rows = flat(inputs[name])
                place = self.positions(f"list_{place_of}", values, values != "", least)
                one_hot = tf.one_hot(tf.where(place < MAX_ITEMS, place, -1), MAX_ITEMS)
                matrix = tf.maximum(tf.math.unsorted_segment_max(one_hot, row, rows), 0.0)
                found |= {f"{name}: frequent value {at + 1}": matrix[:, at] for at in range(MAX_ITEMS)}
        return found

    def is_large(self, name: str, dtype: tf.DType) -> bool:
        """Returns True for all integers, whose range is not known when the graph is traced."""
        return bool(dtype.is_integer)

    def offsets(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        there = tf.where(values == MISSING_INT, tf.int64.max, values)
        return tft.min(there, reduce_instance_dims=False)

    def encoded_columns(self, name: str) -> Sequence[str]:
        """Raises ConfigError: these models are fitted to a sample of rows, for which TFT has no analyzer."""
        raise ConfigError(
            f"pipeline.toml: [features]: {name}: models of texts and images are fitted in one process; "
            'set [beam] profile = "local", or take the column out'
        )

    def encoded_numbers(self, name: str, values: tf.Tensor) -> tf.Tensor:
        """See encoded_columns."""
        raise AssertionError(f"{name}: {self.encoded_columns(name)}")

    def quantiles(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        # The sketch fails if one of several columns has no value; a row of zeros with negligible weight avoids that.
        sketched = tf.concat([values, tf.zeros_like(values[:1])], axis=0)
        weights = tf.concat([tf.ones_like(values[:, 0], tf.float32), tf.fill([1], 1e-6)], axis=0)
        grid = tft.quantiles(sketched, QUANTILES, SKETCH_ERROR, weights, reduce_instance_dims=False)
        return tf.cast(grid, values.dtype)


def preprocessing_fn(inputs: Mapping[str, Raw], custom_config: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """The preprocessing function that TFX Transform analyses; the module docstring describes its outputs.

    If `custom_config` names a user's module, its preprocessing_fn is called instead, with both arguments, or with the
    inputs only if it has one parameter.

    Args:
      inputs: One value per row, dense ([N] or [N, 1]) or sparse; the first of several values is used.
      custom_config: Sections `dataset` and `features` of pipeline.toml.
    """
    if OWN in custom_config:
        given = {name: value for name, value in custom_config.items() if name not in (OWN, "code")}
        return dict(call(custom_config[OWN], "preprocessing_fn", dict(inputs), given))
    return transformed(inputs, custom_config, ByTransform())


def transformed(
    inputs: Mapping[str, Raw], custom_config: Mapping[str, Any], analysis: Analysis
) -> dict[str, tf.Tensor]:
    """Returns the matrices of the module docstring, from raw columns and the statistics of an analysis."""
    check_columns({name: one.dtype == tf.string for name, one in inputs.items()}, custom_config)
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
    if names := encoded(features):
        values = joined(values, texts([inputs[name] for name in names]), custom_config, analysis)
    outputs |= scaled(values, turning, whole, large, with_encoded(features, analysis), analysis)
    outputs["label"] = label(inputs, custom_config, analysis)
    return outputs


def ids(
    tokens: tf.Tensor, features: Mapping[str, Any], analysis: Analysis, spellings: Spellings | None = None
) -> tf.Tensor:
    """Returns the matrix `categorical`, int64 [N, C], of strings [N, C].

    Args:
      tokens: Values; "" is missing.
      features: Section [features] of pipeline.toml.
      analysis: Provides the vocabulary.
      spellings: Section [data.values]: the alternative spellings of values.
    """
    columns = len(features["categorical"])
    column = tf.broadcast_to(tf.range(columns, dtype=tf.int64), tf.shape(tokens))
    named = spelt_by_position(features["categorical"], spellings or {})
    return vocabulary_ids(tokens, column, columns, features.get("min_count", 10), analysis, named)


def spelt_by_position(columns: Sequence[str], spellings: Spellings) -> dict[str, str]:
    """Maps spellings to values for all categorical columns, each prefixed with the column's index: 2=Yes."""
    return {
        f"{at}={spelling}": f"{at}={value}"
        for at, name in enumerate(columns)
        for spelling, value in spellings.get(name, {}).items()
    }


def encoded(features: Mapping[str, Any]) -> list[str]:
    """Returns the columns that are converted to several numeric columns each: texts, then images."""
    return [*features.get("text", ()), *features.get("image", ())]


def with_encoded(features: Mapping[str, Any], analysis: Analysis) -> Mapping[str, Any]:
    """Returns [features] with the columns computed from texts and images among the numeric ones."""
    if not (names := encoded(features)):
        return features
    numbers_ = [column for name in names for column in analysis.encoded_columns(name)]
    return {**features, "numeric": [*features.get("numeric", ()), *numbers_]}


def joined(
    values: tf.Tensor | None, prose: tf.Tensor, custom_config: Mapping[str, Any], analysis: Analysis
) -> tf.Tensor:
    """Appends the columns computed from texts and images, string [N, P], to the numeric columns, float32 [N, F - T]."""
    parts = [] if values is None else [values]
    for at, name in enumerate(encoded(custom_config["features"])):
        parts.append(analysis.encoded_numbers(name, spelt_texts(name, prose[:, at], custom_config)))
    return tf.concat(parts, axis=1)


def spelt_texts(name: str, texts: tf.Tensor, custom_config: Mapping[str, Any]) -> tf.Tensor:
    """Replaces the alternative spellings of [data.values] in a text column, string [N]."""
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
    """Returns all matrices except `categorical`.

    Args:
      values: Numeric columns without the large ones, float32, NaN where missing.
      turning: Cyclical columns without the large ones, float32, NaN where missing.
      whole: The `large` columns, int64, the smallest int64 where missing: numeric ones, then cyclical ones.
      large: Names of these columns.
      features: Section [features] of pipeline.toml, see with_encoded.
      analysis: Provides the quantiles.
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
    """`numeric` and `standardized` for columns, float32 or float64 [N, F], and where these are missing."""
    grid = analysis.quantiles(names, values)
    scales = quantile_scale(values, grid), standard_scale(values, grid)
    return *(tf.cast(one, tf.float32) for one in scales), tf.math.is_nan(values)


def _waves(values: tf.Tensor, periods: Sequence[float]) -> tuple[tf.Tensor, tf.Tensor]:
    """`cyclical` for columns, as [N, K, 2], and where these are missing."""
    pairs = tf.reshape(phases(values, periods), [-1, len(periods), 2])
    return tf.cast(pairs, tf.float32), tf.math.is_nan(values)


def _in_order(names: Sequence[str], parts: Sequence[tuple[Any, ...]]) -> list[tf.Tensor]:
    """Concatenates matrices of parts (names, matrix, ...) with the columns in the order of `names`."""
    if len(parts) == 1:
        return list(parts[0][1:])
    there = {name: place for place, name in enumerate(name for part in parts for name in part[0])}
    order = [there[name] for name in names]
    return [tf.gather(tf.concat(cut, axis=1), order, axis=1) for cut in zip(*(part[1:] for part in parts), strict=True)]


def label(inputs: Mapping[str, Raw], custom_config: Mapping[str, Any], analysis: Analysis | None = None) -> tf.Tensor:
    """Returns the label encoded for training.

    Args:
      inputs: Raw columns by name.
      custom_config: Sections `dataset` and [data.values] of pipeline.toml.
      analysis: Provides the vocabulary of classes; None for TFT's analyzers.

    Returns:
      Float32 [N], NaN where missing; for a multiclass label int64 [N], -1 where missing.
    """
    dataset = custom_config["dataset"]
    raw = inputs[dataset["label"]]
    spelt = custom_config.get(SPELLINGS, {}).get(dataset["label"], {})
    if spelt and raw.dtype == tf.string:
        raw = canonical_tensor(text(raw), list(spelt), list(spelt.values()))
    return _LABELS[dataset["task"]](raw, dataset.get("positive"), analysis or ByTransform())


def vocabulary_ids(
    tokens: tf.Tensor,
    column: tf.Tensor,
    columns: int,
    min_count: int,
    analysis: Analysis,
    spelt: Mapping[str, str] | None = None,
) -> tf.Tensor:
    """Returns ids of strings, int64: missing 0 .. C-1, rare or unknown C .. 2C-1, then the vocabulary.

    Every column has its own ids: "1" in one column is another value than "1" in the next. Values with fewer than
    `min_count` occurrences share the id of unknown values, so that this id is trained.

    Args:
      tokens: Strings of any shape; "" is missing.
      column: Int64 of that shape: index of the column of each token, 0 .. C-1.
      columns: Number of columns C.
      min_count: Minimum count of a value in the vocabulary.
      analysis: Provides the vocabulary.
      spelt: Alternative spellings, see spelt_by_position.
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
    """Index into the vocabulary `label`, most frequent class first; -1 where missing or unknown."""
    values = text(raw)
    return analysis.positions("label", values, values != "", 1)


def _number_label(raw: Raw, _: Any, __: Analysis) -> tf.Tensor:
    """The value unchanged; NaN where missing."""
    return number(raw)


_LABELS: dict[str, Callable[[Raw, Any, Analysis], tf.Tensor]] = {
    "binary": _binary_label,
    "multiclass": _class_label,
    "regression": _number_label,
}
