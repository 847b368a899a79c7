"""Rows with labels from a known additive logistic model: no slice is weak until a fault is planted."""

from dataclasses import dataclass, replace

import numpy as np

from components.error_analysis.binning import CategoricalColumn, Column
from components.error_analysis.row_losses import RowLosses, row_losses

ROWS = 8000
CARRIERS, ORIGINS = ("AA", "B6", "DL", "UA", "WN"), ("EWR", "JFK", "LGA")


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@dataclass(frozen=True)
class World:
    """A table, its labels, and the probabilities that the model predicts."""

    columns: dict[str, Column]
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def found(self) -> RowLosses:
        return row_losses("binary", self.labels, self.probabilities)

    def where(self, **values: str) -> np.ndarray:
        inside = np.ones(len(self.labels), bool)
        for name, value in values.items():
            column = self.columns[name]
            inside &= np.array(column.names)[column.codes] == value
        return inside

    def with_flipped(self, rows: np.ndarray, share: float) -> "World":
        """Flips labels of a share of some rows after the model was trained."""
        flipped = rows & (np.random.default_rng(rows.sum()).random(len(rows)) < share)
        return replace(self, labels=np.where(flipped, 1 - self.labels, self.labels))

    def with_garbled(self, name: str, rows: np.ndarray) -> "World":
        """Permutes a feature within some rows and predicts these rows again."""
        column = self.columns[name].copy()
        column[rows] = np.random.default_rng(6).permutation(column[rows])
        columns = {**self.columns, name: column}
        return World(columns, self.labels, sigmoid(logits(columns)))


def logits(columns):
    rates = np.linspace(-1, 1, len(CARRIERS))[columns["carrier"].codes]
    return 2 * columns["wind"] + columns["temp"] + 0.7 * columns["hour"] + rates - 1


def world(rows: int = ROWS, seed: int = 0) -> World:
    draw = np.random.default_rng(seed)
    columns: dict[str, Column] = {name: draw.normal(size=rows) for name in ("wind", "temp", "hour", "noise")}
    columns["carrier"] = CategoricalColumn(draw.integers(0, len(CARRIERS), rows), CARRIERS)
    columns["origin"] = CategoricalColumn(draw.integers(0, len(ORIGINS), rows), ORIGINS)
    probabilities = sigmoid(logits(columns))
    return World(columns, (draw.random(rows) < probabilities).astype(int), probabilities)
