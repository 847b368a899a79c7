"""Results of an analysis of numbers as constants of a graph; base class of an Analysis, see preprocessing.py."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.shared.images.image_column import ImageColumn, ImageModel
from components.transform.analysis import AnalysisFacts
from components.transform.text_columns.model import TextColumn, TextModel


class KnownNumbers:
    """Offsets, quantiles, text and image columns from the results of an analysis."""

    VARIABLES = False
    """Whether text and image models are kept in variables, which a module owns, or in constants of the graph."""

    def __init__(self, facts: AnalysisFacts) -> None:
        self._large = facts.large
        self._features = facts.features
        self._quantiles = dict(zip(facts.features.get("numeric", ()), facts.quantiles, strict=True))
        self.encoders: dict[str, TextColumn | ImageColumn] = {}
        for name, text in facts.texts.items():
            self.encoders[name] = TextColumn(text, self.VARIABLES)
        for name, image in facts.images.items():
            self.encoders[name] = ImageColumn(image, self.VARIABLES)
        models: list[TextModel | ImageModel] = [*facts.texts.values(), *facts.images.values()]
        for model in models:
            self._quantiles |= dict(zip(model.columns, model.quantiles, strict=True))

    def encoded_numbers(self, name: str, values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        return self.encoders[name](values)

    def encoded_columns(self, name: str) -> Sequence[str]:
        """See Analysis."""
        return self.encoders[name].columns

    def features(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """See Analysis."""
        return self._features

    @staticmethod
    def hot(inputs: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """See Analysis; all columns are already named."""
        return {}

    def is_large(self, name: str, dtype: tf.DType) -> bool:
        """See Analysis."""
        return name in self._large

    def offsets(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        return tf.constant([self._large[name].offset for name in names], tf.int64)

    def quantiles(self, names: Sequence[str], values: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        rows = [self._large[name].quantiles if name in self._large else self._quantiles[name] for name in names]
        return tf.constant(np.array(rows), values.dtype)
