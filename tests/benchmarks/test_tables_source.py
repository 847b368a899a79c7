"""The public tables and the models that learn from them, as far as this environment has what they need."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import run_tables_rivals as rivals
from benchmarks import run_tables_source as source
from benchmarks.tables_judging import METRICS


def test_every_table_can_be_judged() -> None:
    names = [recipe.name for recipe in source.RECIPES]
    assert len(set(names)) == len(names) >= 12
    assert {recipe.task for recipe in source.RECIPES} == set(METRICS)
    assert all(name.isidentifier() for name in names)  # they become names of datasets


def test_a_label_becomes_0_and_1() -> None:
    rows = source._is(pd.DataFrame({"sex": ["f", "m", None]}), "sex", "f")
    assert rows.sex.tolist()[:2] == [1, 0]
    assert rows.sex.isna().tolist() == [False, False, True]


def test_rows_without_a_label_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [5.0, np.nan, 7.0]}, index=[9, 8, 7])
    recipe = source.Recipe("t", "nowhere", "regression", "y", "", lambda: table)
    monkeypatch.setattr(source, "RECIPES", (recipe,))
    monkeypatch.setattr("sys.argv", ["run_tables_source", "t", str(tmp_path)])
    source.main()
    found = pd.read_parquet(tmp_path / "rows.parquet")
    assert found.to_dict("list") == {"row_id": [0, 1], "a": [1.0, 3.0], "y": [5.0, 7.0]}


def test_rare_and_unknown_categories_are_missing() -> None:
    train = pd.DataFrame({"x0": ["a", "a", "b", "b", "c", None], "x1": [1, 2, 3, 4, 5, 6]})
    coded = rivals._categories(train, 2)
    found = coded(pd.DataFrame({"x0": ["b", "c", "new", None], "x1": [1, 2, 3, 4]}))
    assert found.x0.isna().tolist() == [False, True, True, True]
    assert found.x1.dtype == np.float64


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("model", ["boosting", "linear"])
def test_models_learn_from_text_and_numbers_with_gaps(
    model: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 600)
    number = random.normal(size=600)
    label = {"binary": (kind == 1).astype(int), "multiclass": np.array(["u", "v", "w"])[kind], "regression": 2.0 * kind}
    rows = pd.DataFrame({"row_id": range(600), "a name, [odd]": np.array(["p", "q", "r"])[kind], "n": number})
    rows.loc[::7, "n"] = np.nan
    rows.loc[::11, "a name, [odd]"] = None
    rows["y"] = label[task]
    rows[:400].to_parquet(tmp_path / "train.parquet")
    rows[400:].to_parquet(tmp_path / "test.parquet")
    (tmp_path / "table.json").write_text(json.dumps({"task": task, "label": "y"}))
    monkeypatch.setattr("sys.argv", ["run_tables_rivals", model, str(tmp_path)])
    rivals.main()
    assert set(json.loads(capsys.readouterr().out)) == {"seconds", "cpu_seconds"}
    answers = np.load(tmp_path / f"{model}.npy")
    there = rows["a name, [odd]"][400:].notna().to_numpy()
    if task == "multiclass":
        assert answers.shape == (200, 3)
        assert (answers.argmax(axis=1)[there] == kind[400:][there]).mean() > 0.98
    else:
        wanted = np.asarray(label[task][400:], float)
        assert answers.shape == (200,)
        assert np.abs(answers - wanted)[there].mean() < 0.2
