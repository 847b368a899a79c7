"""Results of an analysis of numbers as constants of a graph; base class of an Analysis, see preprocessing.py."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.transform.analysis import AnalysisFacts
from components.transform.text_columns.model import TextColumn


class KnownNumbers:
    """Offsets, quantiles and text columns from the results of an analysis."""

    VARIABLES = False
    """Whether text models are kept in variables, which a module owns, or in constants of the graph."""

    def __init__(self, facts: AnalysisFacts) -> None:
        self._large = facts.large
        self._features = facts.features
        self._quantiles = dict(zip(facts.features.get("numeric", ()), facts.quantiles, strict=True))
        self.texts = {name: TextColumn(model, self.VARIABLES) for name, model in facts.texts.items()}
        for model in facts.texts.values():
            self._quantiles |= dict(zip(model.columns, model.quantiles, strict=True))

    def text_numbers(self, name: str, texts: tf.Tensor) -> tf.Tensor:
        """See Analysis."""
        return self.texts[name](texts)

    def text_columns(self, name: str) -> Sequence[str]:
        """See Analysis."""
        return self.texts[name].columns

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
