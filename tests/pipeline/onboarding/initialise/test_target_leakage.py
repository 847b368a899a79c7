import numpy as np
import pyarrow as pa
import pytest

from pipeline.onboarding.initialise.column_types import column_of
from pipeline.onboarding.initialise.column_values import values_of
from pipeline.onboarding.initialise.target_leakage import auc, leave_out

N = 200
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.normal(size=N)
AMOUNT = RANDOM.normal(size=N)
LABEL = ["yes" if value else "no" for value in RANDOM.random(N) < 0.4]
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def judged(label=LABEL, task="binary", spans=None, **columns):
    """The last of the columns, after what must not be learned is left out."""
    arrays = {name: pa.chunked_array([pa.array(column)]) for name, column in columns.items()}
    values = {name: values_of(column, name, ALIAS[column.type]) for name, column in arrays.items()}
    found = {name: column_of(column, len(label)) for name, column in values.items()}
    label = pa.chunked_array([pa.array(label)])
    leave_out(found, values, values_of(label, "y", ALIAS[label.type]), task, spans)
    return found[list(found)[-1]]


def cycle(values, size=N):
    """Values over and over, in an order that says nothing about the label."""
    return np.random.default_rng(1).permutation(np.resize(values, size)).tolist()


def test_a_copy():
    found = judged(noise=NOISE, x=NOISE)
    assert found.suspicious == "a copy of noise"
    assert not found.is_feature
    assert judged(noise=NOISE, x=NOISE * 2).is_feature  # in the same order, but not the same numbers


def test_a_recoded_copy():
    letters = cycle(["a", "b", "c"])
    found = judged(x=letters, z=[letter.upper() for letter in letters])
    assert found.suspicious == "a copy of x with other names"


def test_a_recoded_label_leaks():
    found = judged(x=["Y" if value == "yes" else "N" for value in LABEL])
    assert found.suspicious == "leaks the label: AUC 1.000 as the only feature"
    assert not found.is_feature


def test_leaks_of_other_tasks():
    found = judged(AMOUNT, "regression", x=AMOUNT * 3 + 1)
    assert found.suspicious == "leaks the label: correlation 1.0000 as the only feature"
    classes = cycle(["a", "b", "c"])
    found = judged(classes, "multiclass", x=[ord(value) for value in classes])
    assert found.suspicious == "leaks the label: accuracy 1.000 as the only feature"


def test_a_column_that_is_there_only_where_the_answer_is_yes_leaks():
    found = judged(x=[1.5 if value == "yes" else None for value in LABEL])
    assert found.suspicious.startswith("leaks the label")


def test_a_strong_column_stays_with_a_question():
    wrong = np.random.default_rng(3).random(2000) < 0.03
    truth = np.random.default_rng(4).random(2000) < 0.5
    found = judged(np.where(truth, "yes", "no").tolist(), x=np.where(truth ^ wrong, "a", "b").tolist())
    assert found.is_feature
    assert found.note.endswith("is it known at prediction time?")


def test_where_one_class_is_nearly_all_a_high_accuracy_is_no_leak():
    classes = ["a"] * 1990 + ["b"] * 5 + ["c"] * 5
    assert judged(classes, "multiclass", x=cycle(["p", "q"], 2000)).is_feature


def test_one_value_per_span_tells_spans_apart():
    spans = np.repeat([0, 1, 2, 3], N // 4)
    assert judged(x=spans * 3, spans=spans).suspicious.startswith("has one value per span")


@pytest.mark.parametrize("rows", [39, 40])
def test_of_too_few_rows_nothing_is_said(rows):
    label = ["yes", "no"] * (rows // 2) + ["no"] * (rows % 2)
    assert bool(judged(label, x=label).suspicious) == (rows == 40)


def test_auc_by_hand():
    # Of the four pairs (positive, negative) three are in order and one is tied.
    assert auc(np.array([3.0, 2.0, 2.0, 1.0] * 5), np.array([1, 1, 0, 0] * 5)) == pytest.approx(3.5 / 4)
    assert auc(np.array([1.0, 2.0]), np.array([0, 1])) == 0.5  # too few to say
