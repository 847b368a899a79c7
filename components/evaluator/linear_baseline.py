"""The linear baseline on one-hot and standardised features, which every pushed model should beat.

Logistic regression (L2, C = 1) for classes, ridge regression (alpha = 1) for numbers, by scikit-learn.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.features.hashed_texts import TextDirections, text_directions

Columns = Mapping[str, pa.Array]
"""Column -> one value per row, [N]; null is missing."""

MAX_VALUES = 50
"""Maximum one-hot inputs of a categorical column, for its most frequent values; the others share one."""
MIN_COUNT = 5
"""Minimum count of a value with an input of its own."""


@dataclass(frozen=True)
class LinearEncoder:
    """Maps raw columns to inputs of a linear model.

    Attributes:
      values: Categorical column -> values with a one-hot input.
      scales: Numeric column -> mean and standard deviation in the rows it was fitted to.
      periods: Cyclical column -> period.
      gaps: Numeric columns with missing values; only these have a missing indicator.
      texts: Text column -> its fitted conversion to numbers.
    """

    values: Mapping[str, pa.Array]
    scales: Mapping[str, tuple[float, float]]
    periods: Mapping[str, float]
    gaps: frozenset[str] = frozenset()
    texts: Mapping[str, TextDirections] = field(default_factory=dict)

    def __call__(self, columns: Columns) -> np.ndarray:
        """Computes inputs, float32 [N, inputs]: one-hot, standardised, sine and cosine, and missing indicators."""
        parts: list[np.ndarray] = []
        for name, values in self.values.items():
            column = columns[name].cast(values.type)
            place = pc.index_in(column, value_set=values).fill_null(len(values)).to_numpy(zero_copy_only=False)
            place = np.where(column.is_null().to_numpy(zero_copy_only=False), len(values) + 1, place)
            hot = np.zeros((len(place), len(values) + 2), np.float32)
            hot[np.arange(len(place)), place] = 1
            parts.append(hot)
        for name, (mean, spread) in self.scales.items():
            number = numeric_columns(columns[name])
            scaled = np.clip(np.nan_to_num((number - mean) / spread), -10, 10)  # limits the influence of outliers
            parts.append(scaled[:, None].astype(np.float32))
            if name in self.gaps:
                parts.append(np.isnan(number)[:, None].astype(np.float32))
        for name, period in self.periods.items():
            angle = 2 * np.pi * numeric_columns(columns[name]) / period
            waves = np.nan_to_num(np.column_stack([np.sin(angle), np.cos(angle)]))
            parts.append(np.column_stack([waves, np.isnan(angle)]).astype(np.float32))
        for name, directions in self.texts.items():
            found = directions(text_columns(columns[name]))
            # The components have length 1 at most; scaled to about unit variance, like the other inputs.
            parts.append(np.nan_to_num(found * found.shape[1] ** 0.5).astype(np.float32))
        return np.hstack(parts) if parts else np.zeros((len(next(iter(columns.values()))), 0), np.float32)


def encoder_of(columns: Columns, features: Mapping[str, Any]) -> LinearEncoder:
    """Fits an encoder.

    Args:
      columns: Columns of the training rows.
      features: Section [features] of pipeline.toml: `categorical`, `numeric`, `cyclical` and `text` columns.
    """
    values, scales, gaps = {}, {}, set()
    for name in features.get("categorical", ()):
        counts = pc.value_counts(columns[name].drop_null()).to_pylist()
        kept = sorted((one for one in counts if one["counts"] >= MIN_COUNT), key=lambda one: -one["counts"])
        kind = pa.string() if pa.types.is_null(columns[name].type) else columns[name].type
        values[name] = pa.array([one["values"] for one in kept[:MAX_VALUES]], kind)
    for name in features.get("numeric", ()):
        known = numeric_columns(columns[name])
        finite = np.isfinite(known)
        if not finite.all():
            gaps.add(name)
            known = known[finite]
        scales[name] = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
    reduced = {name: text_directions(text_columns(columns[name])) for name in features.get("text", ())}
    return LinearEncoder(values, scales, dict(features.get("cyclical", {})), frozenset(gaps), reduced)


def fit_linear_baseline(inputs: np.ndarray, labels: np.ndarray, task: str, classes: int = 2) -> Any:
    """Fits the linear model.

    Args:
      inputs: [N, inputs].
      labels: 0 or 1, class codes, or numbers, [N].
      task: binary, multiclass or regression.
      classes: Number of classes K.

    Returns:
      A function of inputs [M, inputs] to probabilities of 1 [M], of each class [M, K], or to numbers [M]; None if the
      labels have a single class or there are no inputs.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits

    if not inputs.shape[1]:
        return None
    if task == "regression":
        return Ridge(alpha=1.0, solver="cholesky").fit(inputs.astype(np.float64), labels).predict
    seen = np.unique(labels)
    if len(seen) < 2:
        return None
    # For matrices of this size, BLAS threads spend more time waiting for each other than computing.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a nearly converged model is as good a baseline
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by SciPy for a call in scikit-learn
        model = LogisticRegression(C=1.0, max_iter=100, tol=1e-3).fit(inputs, labels.astype(np.int64))

    def probabilities(inputs: np.ndarray) -> np.ndarray:
        found = model.predict_proba(inputs)
        if task == "binary":
            return np.asarray(found[:, 1])
        every = np.zeros((len(found), classes))
        every[:, seen.astype(np.int64)] = found
        return every

    return probabilities


def numeric_columns(column: pa.Array) -> np.ndarray:
    """Converts a column to float64 [N], NaN where it is missing or infinite."""
    found = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def text_columns(column: pa.Array) -> list[str | None]:
    """Converts a column of texts to a list; None where missing."""
    found = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in column.to_pylist()]
    return [None if one is None else str(one) for one in found]
