"""The quick baseline: a line on one-hot and standardised features, that no shipped model should lose to. Pure.

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
"""Column -> one value a row, [N]; null is missing."""

MOST_VALUES = 50
"""Values of a category that have an input of their own, the most frequent; the others share one."""
MIN_COUNT = 5
"""Of those, only values seen that often."""


@dataclass(frozen=True)
class Encoder:
    """From raw columns to inputs of a line.

    Attributes:
      values: Category -> the values with an input of their own.
      scales: Number -> its mean and standard deviation where it learned.
      periods: Cyclical number -> its period.
      gaps: Numbers that were missing in some row: only these have an input that says so.
      texts: Text -> what it is reduced to.
    """

    values: Mapping[str, pa.Array]
    scales: Mapping[str, tuple[float, float]]
    periods: Mapping[str, float]
    gaps: frozenset[str] = frozenset()
    texts: Mapping[str, TextDirections] = field(default_factory=dict)

    def __call__(self, columns: Columns) -> np.ndarray:
        """Inputs float32 [N, inputs]: one-hot with rare and missing, standardised and missing, sine and cosine."""
        parts: list[np.ndarray] = []
        for name, values in self.values.items():
            column = columns[name].cast(values.type)
            place = pc.index_in(column, value_set=values).fill_null(len(values)).to_numpy(zero_copy_only=False)
            place = np.where(column.is_null().to_numpy(zero_copy_only=False), len(values) + 1, place)
            hot = np.zeros((len(place), len(values) + 2), np.float32)
            hot[np.arange(len(place)), place] = 1
            parts.append(hot)
        for name, (mean, spread) in self.scales.items():
            number = numbers(columns[name])
            scaled = np.clip(np.nan_to_num((number - mean) / spread), -10, 10)  # one wild value is no reason to diverge
            parts.append(scaled[:, None].astype(np.float32))
            if name in self.gaps:
                parts.append(np.isnan(number)[:, None].astype(np.float32))
        for name, period in self.periods.items():
            angle = 2 * np.pi * numbers(columns[name]) / period
            waves = np.nan_to_num(np.column_stack([np.sin(angle), np.cos(angle)]))
            parts.append(np.column_stack([waves, np.isnan(angle)]).astype(np.float32))
        for name, directions in self.texts.items():
            found = directions(texts(columns[name]))
            # Directions are of length 1 at most; about unit spread, as the other inputs.
            parts.append(np.nan_to_num(found * found.shape[1] ** 0.5).astype(np.float32))
        return np.hstack(parts) if parts else np.zeros((len(next(iter(columns.values()))), 0), np.float32)


def encoder_of(columns: Columns, features: Mapping[str, Any]) -> Encoder:
    """Learns an encoding.

    Args:
      columns: Of the rows to learn from.
      features: pipeline.toml's [features]: `categorical`, `numeric`, `cyclical` and `text` columns.
    """
    values, scales, gaps = {}, {}, set()
    for name in features.get("categorical", ()):
        counts = pc.value_counts(columns[name].drop_null()).to_pylist()
        kept = sorted((one for one in counts if one["counts"] >= MIN_COUNT), key=lambda one: -one["counts"])
        kind = pa.string() if pa.types.is_null(columns[name].type) else columns[name].type
        values[name] = pa.array([one["values"] for one in kept[:MOST_VALUES]], kind)
    for name in features.get("numeric", ()):
        known = numbers(columns[name])
        finite = np.isfinite(known)
        if not finite.all():
            gaps.add(name)
            known = known[finite]
        scales[name] = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
    reduced = {name: text_directions(texts(columns[name])) for name in features.get("text", ())}
    return Encoder(values, scales, dict(features.get("cyclical", {})), frozenset(gaps), reduced)


def fit(inputs: np.ndarray, labels: np.ndarray, task: str, classes: int = 2) -> Any:
    """A line through the rows.

    Args:
      inputs: [N, inputs].
      labels: 0 or 1, class codes, or numbers, [N].
      task: binary, multiclass or regression.
      classes: K.

    Returns:
      A function of inputs [M, inputs] to probabilities of 1 [M], of each class [M, K], or to numbers [M]; None if the
      labels have a single class.
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
    # Threads of BLAS wait for each other longer than they work on matrices of this size.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a line that is nearly there is as good a bar
        warnings.simplefilter("ignore", DeprecationWarning)  # what scikit-learn asks of SciPy
        model = LogisticRegression(C=1.0, max_iter=100, tol=1e-3).fit(inputs, labels.astype(np.int64))

    def probabilities(inputs: np.ndarray) -> np.ndarray:
        found = model.predict_proba(inputs)
        if task == "binary":
            return np.asarray(found[:, 1])
        every = np.zeros((len(found), classes))
        every[:, seen.astype(np.int64)] = found
        return every

    return probabilities


def numbers(column: pa.Array) -> np.ndarray:
    """A column as float64 [N], NaN where it is missing or infinite."""
    found = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def texts(column: pa.Array) -> list[str | None]:
    """A column of texts; None where missing."""
    found = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in column.to_pylist()]
    return [None if one is None else str(one) for one in found]
