"""Feature screening selects the most informative columns of a wide table."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from components.label_audit.encoding import EncodedFeatures
from components.label_audit.feature_screening import _information, informative


def test_mutual_information_equals_scikit_learn_minus_the_bias() -> None:
    draw = np.random.default_rng(1)
    codes, bins = draw.integers(0, 3, 500), draw.integers(0, 5, 500)
    assert _information(bins, codes) == pytest.approx(mutual_info_score(bins, codes) - 4 * 2 / 1000)


def wide(rows: int = 2000) -> tuple[EncodedFeatures, np.ndarray]:
    """300 columns; 7 (categorical), 205 (numeric, U-shaped) and 290 (missing or not) depend on the label."""
    draw = np.random.default_rng(2)
    labels = draw.integers(0, 2, rows)
    matrix = np.column_stack([draw.integers(0, 2, (rows, 200)).astype(float), draw.normal(size=(rows, 100))])
    matrix[:, 3] = draw.integers(0, 1000, rows)  # many values, independent of the label
    matrix[:, 7] = np.where(draw.random(rows) < 0.8, labels, 1 - labels)
    matrix[:, 205] = np.where(labels == 1, draw.choice([-2, 2], rows), 0) + draw.normal(size=rows)
    matrix[labels == 1, 290] = np.nan
    return EncodedFeatures(matrix, 200, {}), labels


def test_informative_columns_are_selected() -> None:
    encoded, labels = wide()
    assert informative(encoded, labels, np.arange(len(labels)), 3).tolist() == [7, 205, 290]


def test_numeric_labels_are_binned_at_deciles() -> None:
    encoded, labels = wide()
    numbers = labels * 10.0 + np.random.default_rng(3).normal(size=len(labels))
    assert informative(encoded, numbers, np.arange(len(labels)), 3).tolist() == [7, 205, 290]


def test_held_out_rows_are_not_used() -> None:
    encoded, labels = wide()
    half = np.arange(len(labels) // 2)
    other = labels.copy()
    other[len(half) :] = 1 - other[len(half) :]
    assert informative(encoded, other, half, 20).tolist() == informative(encoded, labels, half, 20).tolist()


def test_few_columns_are_all_kept() -> None:
    encoded, labels = wide()
    assert informative(encoded, labels, np.arange(len(labels)), 300).tolist() == list(range(300))
