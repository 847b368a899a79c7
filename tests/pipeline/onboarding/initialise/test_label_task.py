import numpy as np
import pyarrow as pa
import pytest

from components.shared.errors import InputError
from pipeline.onboarding.initialise.column_values import values_of
from pipeline.onboarding.initialise.label_task import read_label, yes_of

N = 200
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def read(label, alias=None):
    label = pa.chunked_array([pa.array(label)])
    return read_label(values_of(label, "y", alias or ALIAS.get(label.type, "list:int64")))


def cycle(values, size=N):
    """Values over and over, in an order that says nothing about the label."""
    return np.random.default_rng(1).permutation(np.resize(values, size)).tolist()


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (cycle([0, 1]), "binary", 1),
        (cycle([0.0, 1.0]), "binary", 1),
        (cycle([1, 2, 2]), "binary", 1),  # the rarer
        (cycle(["yes", "yes", "no"]), "binary", "yes"),
        (cycle(["a", "b", "c"]), "multiclass", None),
        (cycle(range(10)), "multiclass", None),
        (cycle([3.0, 4.0, 5.0]), "multiclass", None),  # integers, with missing ones in pandas
        (cycle(range(100)), "regression", None),
        (np.random.default_rng(7).normal(size=N), "regression", None),
    ],
)
def test_tasks(values, task, positive):
    assert read(values)[:2] == (task, positive)


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        (["yes", "no"], 0),
        (["n", "y"], 1),
        (["-1", "1"], 1),
        (["1", "2"], None),
        (["m", "f"], None),
        (["m", "b"], 0),
        (["good", "bad"], 1),
        (["benign", "malignant"], 1),
        (["churned", "stayed"], 0),
        (["not late", "late"], 1),
        (["non-smoker", "smoker"], 1),
        (["<=50k", ">50k"], 1),
        (["cat", "dog"], None),
    ],
)
def test_the_positive_class_by_its_word(words, yes):
    assert yes_of(words) == yes


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ([0, 1, 1, 1], "0 and 1 (75.0% are 1)"),
        (["No.", "Yes.", "Yes.", "Yes."], "'No.' and 'Yes.'; positive class 'Yes.' (by name, 75.0%)"),
        (["cat", "dog", "dog", "dog"], "'cat' and 'dog'; positive class 'cat' (the rarer class, 25.0%)"),
    ],
)
def test_the_positive_class_says_why(label, why):
    assert read(label)[2] == why


@pytest.mark.parametrize(
    ("label", "alias", "message"),
    [
        (["a"] * N, None, "label column 'y': is 'a' in every row"),
        (pa.nulls(N, pa.string()), None, "label column 'y': has no value in any row"),
        ([f"name {number}" for number in range(N)], None, "200 distinct texts in 200 rows"),
        (cycle([0, 1, 2]), "date", "is a date, which cannot be predicted"),
        (cycle([0.5, 1.5]), None, "has two values, .*; use integers"),
    ],
)
def test_labels_that_cannot_be_learned(label, alias, message):
    with pytest.raises(InputError, match=message):
        read(label, alias)
