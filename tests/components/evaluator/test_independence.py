import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.independence import independence_p_value


def test_few_rows_have_exact_p_values():
    """One of 10 orders has 2 positives above 3 negatives; one of 6 orders of 3 numbers is the true one."""
    assert independence_p_value("binary", np.array([0, 0, 0, 1, 1]), np.arange(5) / 10) == pytest.approx(0.1)
    assert independence_p_value("regression", np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.9])) == pytest.approx(
        1 / 6
    )


@pytest.mark.parametrize("labels", [[], [1], [1, 1, 1]])
def test_undefined_test_has_p_value_1(labels):
    labels = np.array(labels, float)
    assert independence_p_value("binary", labels, np.linspace(0, 1, len(labels))) == 1.0
    assert independence_p_value("regression", labels, np.linspace(0, 1, len(labels))) == 1.0


def test_associated_predictions_are_detected():
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 200)
    assert independence_p_value("multiclass", codes, np.eye(3)[codes]) == 1 / 200
    assert independence_p_value("multiclass", codes, np.eye(3)[(codes + 1) % 3]) == 1.0
    truth = random.normal(size=200)
    assert independence_p_value("regression", truth, truth + random.normal(size=200)) < 1e-6


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@settings(deadline=None, max_examples=5)
@given(rows=st.integers(4, 40))
def test_independent_predictions_are_rejected_at_the_nominal_rate(task, rows):
    """At 5 %, at most 13 of 100 samples are rejected, with a probability of 99.9 %."""
    found = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        labels = random.normal(size=rows) if task == "regression" else random.integers(0, 2, rows)
        answer = random.dirichlet([1, 1], rows) if task == "multiclass" else random.random(rows)
        found += independence_p_value(task, labels, answer) <= 0.05
    assert found <= 13
