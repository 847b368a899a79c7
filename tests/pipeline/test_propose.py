import numpy as np
import pyarrow as pa
import pytest

from components.errors import InputError, UsageError
from pipeline.propose import auc, propose, yes_of

N = 200
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.normal(size=N)
AMOUNT = RANDOM.normal(size=N)
LABEL = ["yes" if value else "no" for value in RANDOM.random(N) < 0.4]
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def proposed(label="y", types=None, spans=None, rows=None, **columns):
    """A proposal for columns beside a noise column and, unless given, a yes/no label."""
    columns = {"noise": NOISE, "y": LABEL, **columns}
    size = len(columns[label])
    table = pa.table({name: pa.array(values[:size]) for name, values in columns.items()})
    found = {field.name: ALIAS.get(field.type, "list:int64") for field in table.schema} | (types or {})
    return propose(table, found, label, rows=rows, spans=spans)


def column(name="x", **given):
    proposal = proposed(**given)
    return next(column for column in proposal.columns if column.name == name)


def cycle(values, size=N):
    """Values over and over, in an order that says nothing about the label."""
    return np.random.default_rng(1).permutation(np.resize(values, size)).tolist()


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", cycle(["a", "b", "c"]), "categorical"),
        ("x", cycle([0, 1]), "categorical"),
        ("x", cycle(range(7)), "numeric"),
        ("zip_code", cycle([10001, 10002, 94110]), "categorical"),
        ("x", NOISE * 2, "numeric"),
        ("patient_id", RANDOM.permutation(np.arange(N)) * 7, "id"),
        ("PassengerId", np.arange(N) + 1, "id"),
        ("x", np.arange(N) + 1, "id"),  # counts the rows
        ("x", [f"A{number:04}" for number in range(N)], "id"),
        ("customerId", cycle(range(100)), "id"),  # two rows each
        ("store_id", cycle(range(5)), "categorical"),
        ("x", [f"they wrote {number} words about it at length" for number in range(N)], "text"),
        ("x", [f"{1 + number % 12}/{1 + number % 28}/2014" for number in range(N)], "date"),
        ("created_ts", 1_400_000_000 + np.arange(N)[::-1] * 977, "date"),
        ("x", 20240100 + RANDOM.integers(1, 29, N), "date"),
    ],
)
def test_kinds(name, values, kind):
    found = column(name, **{name: values})
    assert (found.kind, found.suspicious) == (kind, "")


@pytest.mark.parametrize(
    ("name", "values", "period"),
    [
        ("hour", cycle(range(24)), 24),
        ("start_hour", cycle(range(6, 24)), 24),
        ("hours", cycle(range(24)), 0),  # a duration
        ("hour", cycle(range(6)), 0),
        ("minute", cycle([0, 15, 30, 45]), 60),
        ("dayOfWeek", cycle(range(1, 8)), 7),
        ("day", cycle(range(7)), 7),
        ("day", cycle(range(1, 32)), 0),  # of the month
        ("month", cycle(range(1, 13)), 12),
        ("day_of_year", cycle(range(1, 367)), 365.25),
        ("wind_dir", cycle(range(0, 361, 10)), 360),
        ("bearing", np.linspace(0, 359.5, N), 360),
        ("direction", cycle(range(4)), 0),
    ],
)
def test_cyclical_only_where_name_and_range_say_so(name, values, period):
    assert column(name, **{name: values}).period == period


def test_dates_lists_and_truth_values_by_type():
    kinds = {alias: column(x=cycle([0, 1]), types={"x": alias}).kind for alias in ("date", "timestamp", "bool")}
    assert kinds == {"date": "date", "timestamp": "date", "bool": "categorical"}
    assert column(x=[[1, 2]] * N).kind == "list"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["same"] * N, "is 'same' in every row"),
        (pa.nulls(N, pa.string()), "has no value in any row"),
        ([5] + [None] * 299, "has a value in 1 of 300 rows"),
        (
            [f"name {number // 2}" for number in range(N)][: N // 2] + [f"n {i}" for i in range(N // 2)],
            "near-unique: 75%",
        ),
        (RANDOM.permutation(5000) * 3, "near-unique: an integer of its own"),
        (NOISE, "a copy of noise"),
        (["Y" if value == "yes" else "N" for value in LABEL], "gives the label away: AUC 1.000 on its own"),
    ],
)
def test_suspicious_columns_are_no_features_and_say_why(values, reason):
    size = len(values)
    others = {"y": cycle(["yes", "no"], size), "noise": np.arange(size) * 1.5 % 7} if size != N else {}
    found = column(x=values, **others)
    assert found.suspicious.startswith(reason)
    assert not found.is_feature


def test_a_recoded_copy():
    letters = cycle(["a", "b", "c"])
    found = column("z", x=letters, z=[letter.upper() for letter in letters])
    assert found.suspicious == "a copy of x in other words"


def test_leaks_of_other_tasks():
    assert column(y=AMOUNT, x=AMOUNT * 3 + 1).suspicious == "gives the label away: correlation 1.0000 on its own"
    classes = cycle(["a", "b", "c"])
    assert column(y=classes, x=[ord(value) for value in classes]).suspicious.startswith(
        "gives the label away: accuracy 1.000"
    )


def test_a_column_that_is_there_only_where_the_answer_is_yes_leaks():
    assert column(x=[1.5 if value == "yes" else None for value in LABEL]).suspicious.startswith("gives the label away")


def test_a_strong_column_stays_with_a_question():
    wrong = np.random.default_rng(3).random(2000) < 0.03
    truth = np.random.default_rng(4).random(2000) < 0.5
    given = {"y": np.where(truth, "yes", "no").tolist(), "noise": np.random.default_rng(5).random(2000)}
    found = column(x=np.where(truth ^ wrong, "a", "b").tolist(), **given)
    assert found.is_feature
    assert found.note.endswith("is it known when the question is asked?")


def test_where_one_class_is_nearly_all_a_high_accuracy_is_no_leak():
    classes = ["a"] * 1990 + ["b"] * 5 + ["c"] * 5
    found = column(x=cycle(["p", "q"], 2000), y=classes, noise=np.random.default_rng(1).normal(size=2000))
    assert found.is_feature


def test_one_value_per_span_tells_spans_apart():
    spans = np.repeat([0, 1, 2, 3], N // 4)
    assert column(x=spans * 3, spans=spans).suspicious.startswith("has one value per span")


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
        (AMOUNT, "regression", None),
    ],
)
def test_tasks(values, task, positive):
    proposal = proposed(y=values)
    assert (proposal.task, proposal.positive) == (task, positive)


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


def test_majority_and_spread():
    assert proposed(y=cycle(["a", "a", "b", "c"])).majority == 0.5
    assert proposed(y=AMOUNT).spread == pytest.approx(AMOUNT.std())


def test_of_several_ids_the_one_of_most_rows_each_is_taken():
    assert proposed(row_id=np.arange(N), customer_id=cycle(range(100))).id == ("customer_id",)
    assert proposed().id == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": ["a"] * N}, "label column 'y': is 'a' in every row"),
        ({"y": pa.nulls(N, pa.string())}, "label column 'y': has no value in any row"),
        ({"y": [f"name {number}" for number in range(N)]}, "200 different texts in 200 rows"),
        ({"y": cycle([0, 1, 2]), "types": {"y": "date"}}, "is a date, which is nothing to predict"),
        ({"noise": [1.0] * N}, "no column is left to learn from \\(noise: is '1.0' in every row\\)"),
    ],
)
def test_labels_that_cannot_be_learned(given, message):
    with pytest.raises(InputError, match=message):
        proposed(**given)


def test_a_label_that_is_not_there():
    table = pa.table({"late": LABEL, "noise": NOISE})
    with pytest.raises(UsageError, match="--label lat: no such column; did you mean late\\? There is: late, noise"):
        propose(table, {"late": "string", "noise": "float64"}, "lat")


def test_auc_by_hand():
    # Of the four pairs (positive, negative) three are in order and one is tied.
    assert auc(np.array([3.0, 2.0, 2.0, 1.0] * 5), np.array([1, 1, 0, 0] * 5)) == pytest.approx(3.5 / 4)
    assert auc(np.array([1.0, 2.0]), np.array([0, 1])) == 0.5  # too few to say
