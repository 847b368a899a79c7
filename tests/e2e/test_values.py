"""Regression tests of values that were lost: categories with line breaks, integers that are equal as float32."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main

pytestmark = pytest.mark.e2e

CASES = Path(__file__).parents[1] / "cases"


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict:
    monkeypatch.chdir(folder)
    assert main(["init", "--data", "sales.csv", "--label", "left", "--name", "sales"]) == 0
    capsys.readouterr()
    assert main(["run", "--dataset", "sales", "--json"]) == 0
    found: dict = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("case", "column", "distinct", "auc"), [("cat_newline", "address", 8, 0.96), ("big_offset", "last_seen", 600, 0.97)]
)
def test_a_run_reaches_what_init_promises(case, column, distinct, auc, tmp_path, monkeypatch, capsys):
    (tmp_path / "sales.csv").write_bytes((CASES / f"{case}.csv").read_bytes())
    summary = run(tmp_path, monkeypatch, capsys)
    assert summary["metrics"]["auc"] > auc
    assert summary["pushed"] == 1
    strongest = summary["strongest_column"]
    assert (strongest["column"], strongest["metric"], strongest["lost"]) == (column, "auc", False)
    assert not [row for row in summary["values"] if row["finding"]]
    (kept,) = [row for row in summary["values"] if row["column"] == column]
    assert kept["learned"] >= 0.99 * kept["distinct"] >= 0.99 * distinct


@pytest.mark.long
def test_what_float32_rounds_away_is_told_and_stops_the_run_by_policy(tmp_path, monkeypatch, capsys):
    table = pd.read_csv(CASES / "big_offset.csv")
    seconds = table["last_seen"].to_numpy() / 1000 + np.round(np.arange(len(table)) / 1e6, 6)
    table.assign(last_seen=seconds).to_csv(tmp_path / "sales.csv", index=False)
    summary = run(tmp_path, monkeypatch, capsys)
    lost = [row for row in summary["values"] if row["finding"]]
    assert [(row["column"], row["kind"]) for row in lost] == [("last_seen", "float32")]
    assert {"feature": "last_seen", "kind": "values_lost", "detail": lost[0]["finding"]} in summary["anomalies"]
    settings = tmp_path / "schemas" / "sales" / "pipeline.toml"
    text = settings.read_text(encoding="utf-8")
    assert "[gate]" in text
    settings.write_text(text.replace("[gate]", '[gate]\nvalues = "block"'), encoding="utf-8")
    assert main(["run", "--dataset", "sales"]) == 3
    said = capsys.readouterr().err
    assert "values are lost between the data and the model: last_seen: as float32" in said
    assert "Traceback" not in said
