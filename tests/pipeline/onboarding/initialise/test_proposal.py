import numpy as np
import pyarrow as pa
import pytest

from components.shared.errors import InputError, UsageError
from pipeline.onboarding.initialise.proposal import propose

N = 200
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.normal(size=N)
AMOUNT = RANDOM.normal(size=N)
LABEL = ["yes" if value else "no" for value in RANDOM.random(N) < 0.4]
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def proposed(**columns):
    """A proposal for columns beside a noise column and, unless given, a yes/no label."""
    table = pa.table({"noise": NOISE, "y": LABEL, **columns})
    return propose(table, {field.name: ALIAS[field.type] for field in table.schema}, "y")


def cycle(values, size=N):
    """Values over and over, in an order that says nothing about the label."""
    return np.random.default_rng(1).permutation(np.resize(values, size)).tolist()


def test_a_proposal_holds_all_columns_in_the_order_of_the_data():
    proposal = proposed(x=cycle(["a", "b", "c"]), hour=cycle(range(24)), copy=NOISE)
    assert [(column.name, column.kind) for column in proposal.columns] == [
        ("noise", "numeric"),
        ("y", "label"),
        ("x", "categorical"),
        ("hour", "cyclical"),
        ("copy", "numeric"),
    ]
    assert (proposal.label, proposal.task, proposal.positive) == ("y", "binary", "yes")
    assert proposal.of_kind("numeric") == ("noise",)  # without its copy
    assert proposal.of_kind("cyclical") == ("hour",)


def test_rows_without_a_label_are_said_to_be_left_out():
    label = next(column for column in proposed(y=[None, *LABEL[1:]]).columns if column.kind == "label")
    assert label.note.endswith("; rows without a label are dropped")


def test_majority_and_spread():
    assert proposed(y=cycle(["a", "a", "b", "c"])).majority == 0.5
    assert proposed(y=AMOUNT).spread == pytest.approx(AMOUNT.std())


def test_of_several_ids_the_one_of_most_rows_each_is_taken():
    assert proposed(row_id=np.arange(N), customer_id=cycle(range(100))).id == ("customer_id",)
    assert proposed().id == ()


def test_no_column_is_left():
    with pytest.raises(InputError, match="no column can be a feature \\(noise: is '1.0' in every row\\)"):
        proposed(noise=[1.0] * N)
    with pytest.raises(InputError, match="the label is the only column"):
        propose(pa.table({"y": LABEL}), {"y": "string"}, "y")


def test_a_label_that_is_not_there():
    table = pa.table({"late": LABEL, "noise": NOISE})
    with pytest.raises(UsageError, match="--label lat: no such column; did you mean late\\? available: late, noise"):
        propose(table, {"late": "string", "noise": "float64"}, "lat")
