from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.onboarding.initialise.dataset import initialise
from pipeline.onboarding.initialise.messages import leaks_of, left_out_of, shortened
from pipeline.onboarding.initialise.proposal import Proposal, propose

N = 2_000
DRAW = np.random.default_rng(3)
LABEL = (DRAW.random(N) < 0.4).astype(int)
ALIAS = {pa.int64(): "int64", pa.float64(): "float64", pa.string(): "string"}


def proposed(**columns: object) -> Proposal:
    table = pa.table({"size": DRAW.normal(size=N), **columns, "y": LABEL})
    return propose(table, {name: ALIAS[table.schema.field(name).type] for name in table.column_names}, "y")


def test_leaks_are_ranked_and_asked_about() -> None:
    near = LABEL + DRAW.normal(scale=0.33, size=N)  # AUC about 0.98
    proposal = proposed(near=near, says=np.where(LABEL == 1, "late", "fine"))
    first, second = leaks_of(proposal)
    assert (first.column, first.left_out) == ("says", True)
    assert first.question == (
        "says: excluded, it predicts y almost perfectly (AUC 1.000); if it is known before y, add it to [features]"
    )
    assert (second.column, second.left_out) == ("near", False)
    assert 0.95 < second.score < 0.99
    assert second.question == (
        f"near: strong predictor of y ({second.alone}); if it is only known after y, remove it from [features]"
    )


def test_a_column_that_has_a_value_where_the_answer_is_yes() -> None:
    values = pa.array(
        [float(value) if label else None for value, label in zip(DRAW.normal(size=N), LABEL, strict=True)]
    )
    (leak,) = leaks_of(proposed(refund=values))
    assert (leak.column, leak.left_out) == ("refund", True)
    assert "the presence of a value alone predicts as well" in leak.question


def test_an_id_in_the_order_of_the_label() -> None:
    rank = np.argsort(np.argsort(LABEL, kind="stable"))
    (leak,) = leaks_of(proposed(order_id=[f"R{place:05}" for place in rank]))
    assert leak.column == "order_id"
    assert leak.question.startswith("order_id: the rows are sorted by y, so this id predicts it (AUC ")
    assert not leaks_of(proposed(order_id=[f"R{place:05}" for place in DRAW.permutation(N)]))


def test_what_is_left_out_comes_with_its_reason() -> None:
    words = [f"one {a} two {b} three {a * b}" for a, b in DRAW.integers(0, 99, (N, 2)).tolist()]
    found = left_out_of(proposed(same=["x"] * N, note=words))
    assert [one.column for one in found] in (["note", "same"], ["same"])  # texts may be a feature
    assert found[-1].why == "is 'x' in every row"


def test_a_long_list_is_cut_and_says_so() -> None:
    assert shortened([str(line) for line in range(14)])[-2:] == ["  11", "  and 2 more; --json lists all"]


def test_the_order_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["key,near,same,plan,y"]
    for row in range(600):
        near = LABEL[row] * 3 + DRAW.normal()
        label = ("no", "yes", "No", "Yes")[LABEL[row] + 2 * (row % 5 == 0)]
        lines.append(f"{row},{near:.3f},x,{('pro', 'basic')[row % 2]},{label}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    found = initialise("t.csv", "y")
    said = found.to_text()
    titles = ["May leak the label:", "Spelling variants:", "Excluded from", "Assumptions and", "column  ", "Next: "]
    assert [said.index(title) for title in titles] == sorted(said.index(title) for title in titles)
    told = found.to_json()
    assert [one["column"] for one in told["leaks"]] == ["near"]
    assert [one["column"] for one in told["left_out"]] == ["same"]
    assert told["assumed"][0]["setting"].startswith("[dataset] task")
    assert {one["setting"] for one in told["assumed"]} >= {"[dataset] id", "[data.values.y]"}
