"""The transform graph with a few matrices as inputs instead of up to three tensors per raw column.

It is a SavedModel in the folder `matrices` of the transform graph, traced from the same functions (preprocessing.py) as
the graph that TFTransformOutput reads. Training and serving call this one: with 1,500 columns, the other takes seconds
to load and milliseconds per call. The file columns.json beside it lists the features by kind, in the order of the
matrices, and the label. Derived numeric and cyclical columns (see derived_features.py) are computed before this graph.

    features  texts string [N, C], values float32 [N, F - T - w], turning float32 [N, K - v], whole int64 [N, w + v],
              prose string [N, P]
              -> the matrices of preprocessing.py
    ids       tokens string [M], column int64 [M] -> the ids of these tokens of column 0 .. C-1, int64 [M]
    prose     strings [M] of text or image column 0 .. P-1 -> its numbers, float32 [M, .]; a list with a function per
              column, those of texts first
    pixels    images, string [M], of image column 0, 1, ... -> pixels uint8 [M, S, S, C]; a list of functions
    scaled    values (with those of texts and images: [N, F - w]), turning, whole
              -> numeric, standardized, cyclical, missing
    label     raw [N], of the label's type -> the label encoded for training

`whole` holds the w numeric and v cyclical columns of integers that float32 cannot represent. columns.json lists them as
`large`, in this order, each with the type in which it is served: float64, or int64 where float64 cannot represent all
values either.

`features` is composed of `ids`, `scaled` and `pixels` (as matrices pixels_0, pixels_1, ...). A reader of many rows
calls `ids` with the distinct values only. Missing values are "", NaN, or the smallest int64.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.shared.features.vocabulary_escaping import escaped_tensor, has_escapes
from components.shared.images.image_column import ImageColumn
from components.shared.images.pixels import PIXELS
from components.shared.spellings.canonical_spellings import KEY as SPELLINGS
from components.transform.analysis import AnalysisFacts
from components.transform.known_numbers import KnownNumbers
from components.transform.preprocessing import (
    encoded,
    ids,
    joined,
    label,
    scaled,
    spelt_by_position,
    spelt_texts,
    vocabulary_ids,
    with_encoded,
)

FOLDER = "matrices"


class Tables(KnownNumbers):
    """A finished Analysis (see preprocessing.py) with lookup tables that a module can own."""

    VARIABLES = True

    def __init__(self, facts: AnalysisFacts, folder: Path) -> None:
        super().__init__(facts)
        self.tables = {}
        self._escaped = set()
        for name, entries in (("categorical", facts.vocabulary), ("label", facts.classes)):
            if not entries:
                continue
            if has_escapes(entries):
                self._escaped.add(name)
            path = folder / f"{name}.txt"
            path.write_bytes(b"".join(entry + b"\n" for entry in entries))
            lines = tf.lookup.TextFileInitializer(
                str(path), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            )
            self.tables[name] = tf.lookup.StaticHashTable(lines, default_value=-1)

    def positions(self, name: str, tokens: tf.Tensor, there: tf.Tensor, least: int) -> tf.Tensor:
        """See Analysis."""
        return self.tables[name].lookup(escaped_tensor(tokens) if name in self._escaped else tokens)


def write_matrices(
    facts: AnalysisFacts, label_type: tf.DType, custom_config: Mapping[str, Any], output: str
) -> tf.Module:
    """Writes the SavedModel and columns.json.

    Args:
      facts: Result of the analysis.
      label_type: Type of the raw label: tf.string, tf.int64 or tf.float32.
      custom_config: Sections `dataset` and `features` of pipeline.toml.
      output: Folder or URL of the transform graph.

    Returns:
      The saved module.
    """
    custom_config = {**custom_config, "features": facts.features}
    kinds = ("categorical", "numeric", "cyclical", "text", "image")
    columns = {kind: list(facts.features.get(kind, ())) for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="plumbline-vocabulary-") as folder:
        analysis = Tables(facts, Path(folder))
        module = _module(analysis, label_type, custom_config, columns, list(facts.large))
        tf.saved_model.save(module, f"{output.rstrip('/')}/{FOLDER}")
    with tf.io.gfile.GFile(f"{output.rstrip('/')}/{FOLDER}/columns.json", "w") as file:
        large = {name: "float64" if one.exact else "int64" for name, one in facts.large.items()}
        file.write(json.dumps({**columns, "large": large, "label": custom_config["dataset"]["label"]}))
    return module


def _module(
    analysis: Tables,
    label_type: tf.DType,
    custom_config: Mapping[str, Any],
    columns: Mapping[str, list[str]],
    large: Sequence[str],
) -> tf.Module:
    features, dataset = custom_config["features"], custom_config["dataset"]
    spellings = custom_config.get(SPELLINGS, {})
    spelt = spelt_by_position(columns["categorical"], spellings)
    images = {name: one for name, one in analysis.encoders.items() if isinstance(one, ImageColumn)}
    every, names = with_encoded(features, analysis), encoded(features)
    computed = len(every.get("numeric", ())) - len(columns["numeric"])
    count = {kind: sum(name not in large for name in names) for kind, names in columns.items()}
    texts = tf.TensorSpec([None, count["categorical"]], tf.string, "texts")
    values = tf.TensorSpec([None, count["numeric"]], tf.float32, "values")
    turning = tf.TensorSpec([None, count["cyclical"]], tf.float32, "turning")
    whole = tf.TensorSpec([None, len(large)], tf.int64, "whole")
    prose = tf.TensorSpec([None, len(names)], tf.string, "prose")
    numbers = tf.TensorSpec([None, count["numeric"] + computed], tf.float32, "values")

    # Nothing here branches on a tensor in Python, and AutoGraph would convert the source of every function.
    @tf.function(input_signature=[numbers, turning, whole], autograph=False)
    def scaled_(values: tf.Tensor, turning: tf.Tensor, whole: tf.Tensor) -> dict[str, tf.Tensor]:
        return scaled(values, turning, whole, large, every, analysis)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64)], autograph=False)
    def ids_(tokens: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        if not count["categorical"]:
            return column
        return vocabulary_ids(tokens, column, count["categorical"], features.get("min_count", 10), analysis, spelt)

    @tf.function(input_signature=[texts, values, turning, whole, prose], autograph=False)
    def features_(
        texts: tf.Tensor, values: tf.Tensor, turning: tf.Tensor, whole: tf.Tensor, prose: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        if names:
            values = joined(values, prose, custom_config, analysis)
        categorical = {"categorical": ids(texts, features, analysis, spellings)} if count["categorical"] else {}
        pictures = {
            f"{PIXELS}{at}": images[name].pixels(prose[:, names.index(name)])
            for at, name in enumerate(columns["image"])
        }
        return {**categorical, **scaled_(values, turning, whole), **pictures}

    @tf.function(input_signature=[tf.TensorSpec([None], label_type)], autograph=False)
    def label_(raw: tf.Tensor) -> tf.Tensor:
        return label({dataset["label"]: raw}, custom_config, analysis)

    module = tf.Module()
    module.tables = analysis.tables
    module.pixels = [
        tf.function(
            lambda some, name=name: images[name].pixels(some),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )
        for name in columns["image"]
    ]
    module.encoders = [analysis.encoders[name] for name in names]
    module.prose = [
        tf.function(
            lambda texts, name=name: analysis.encoded_numbers(name, spelt_texts(name, texts, custom_config)),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )
        for name in names
    ]
    module.ids, module.scaled, module.features, module.label = ids_, scaled_, features_, label_
    return module
