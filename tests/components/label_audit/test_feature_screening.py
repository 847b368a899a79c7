"""The columns that tell most about the label are kept, the others of a wide table are not."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from components.label_audit.encoding import Encoded
from components.label_audit.feature_screening import _information, informative


def test_information_is_scikit_learns_less_the_bias() -> None:
    draw = np.random.default_rng(1)
    codes, bins = draw.integers(0, 3, 500), draw.integers(0, 5, 500)
    assert _information(bins, codes) == pytest.approx(mutual_info_score(bins, codes) - 4 * 2 / 1000)


def wide(rows: int = 2000) -> tuple[Encoded, np.ndarray]:
    """300 columns, of which 7 (a category), 205 (a number, U-shaped) and 290 (missing or not) tell of the label."""
    draw = np.random.default_rng(2)
    labels = draw.integers(0, 2, rows)
    matrix = np.column_stack([draw.integers(0, 2, (rows, 200)).astype(float), draw.normal(size=(rows, 100))])
    matrix[:, 3] = draw.integers(0, 1000, rows)  # many values, nothing told
    matrix[:, 7] = np.where(draw.random(rows) < 0.8, labels, 1 - labels)
    matrix[:, 205] = np.where(labels == 1, draw.choice([-2, 2], rows), 0) + draw.normal(size=rows)
    matrix[labels == 1, 290] = np.nan
    return Encoded(matrix, 200, {}), labels


def test_what_tells_of_the_label_is_chosen() -> None:
    encoded, labels = wide()
    assert informative(encoded, labels, np.arange(len(labels)), 3).tolist() == [7, 205, 290]


def test_a_number_to_predict_is_cut_at_its_deciles() -> None:
    encoded, labels = wide()
    numbers = labels * 10.0 + np.random.default_rng(3).normal(size=len(labels))
    assert informative(encoded, numbers, np.arange(len(labels)), 3).tolist() == [7, 205, 290]


def test_rows_held_out_have_no_say() -> None:
    encoded, labels = wide()
    half = np.arange(len(labels) // 2)
    other = labels.copy()
    other[len(half) :] = 1 - other[len(half) :]
    assert informative(encoded, other, half, 20).tolist() == informative(encoded, labels, half, 20).tolist()


def test_few_columns_are_all_kept() -> None:
    encoded, labels = wide()
    assert informative(encoded, labels, np.arange(len(labels)), 300).tolist() == list(range(300))
