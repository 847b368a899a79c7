"""`init` and `run` push a model from a database and from nested folders; then the data changes."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from pipeline.cli import main
from pipeline.settings.config import load_config

MONTHS, ROWS = 3, 400


def table(month: int) -> pa.Table:
    random = np.random.default_rng(month)
    amount, shop = random.normal(50, 20, ROWS), random.integers(0, 4, ROWS)
    odds = (amount - 50) / 10 + (shop - 1.5)
    return pa.table(
        {
            "amount": np.round(amount, 2),
            "shop": [("north", "south", "east", "west")[one] for one in shop],
            "left": np.where(random.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )


def write_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table sales (month integer, amount real, shop text, left text)")
        for month in range(1, MONTHS + 1):
            rows = [(month, *row.values()) for row in table(month).to_pylist()]
            connection.executemany("insert into sales values (?, ?, ?, ?)", rows)
    connection.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def states(summary: dict) -> dict[str, str]:
    return {component["id"]: component["state"] for component in summary["components"]}


def test_a_sqlite_database(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_sqlite(Path("sales.db"))
    query = ("--query", "select amount, shop, left from sales where month = {span}")
    spans = ("--spans-query", "select distinct month from sales")
    found = run(capsys, "init", "--data", "sales.db", "--label", "left", *query, *spans)
    assert found["files"] == MONTHS
    assert {"what": "spans are 1 to 3", "setting": "[data] spans_query"} in found["assumed"]

    summary = run(capsys, "run", "--dataset", "sales", "--root", "runs")
    assert summary["metrics"]["auc"] > 0.8
    assert set(states(run(capsys, "run", "--dataset", "sales", "--root", "runs")).values()) == {"cached"}

    with sqlite3.connect("sales.db") as connection:
        connection.execute("update sales set amount = amount + 1 where rowid = 900")
    connection.close()
    again = run(capsys, "run", "--dataset", "sales", "--root", "runs")
    assert states(again)["ArrowExampleGen"] == "executed"

    compared = run(capsys, "drift", "sales.db", "sales.db", "--query", "select amount from sales where month = 1")
    assert "drifted" in json.dumps(compared)


@pytest.mark.long
def test_a_hive_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for month in range(1, MONTHS + 1):
        for half in range(2):
            folder = Path("sales") / f"month={month}"
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(table(month).slice(half * ROWS // 2, ROWS // 2), folder / f"part-{half}.parquet")
    run(capsys, "init", "--data", "sales", "--label", "left")
    assert load_config(Path("schemas/sales/pipeline.toml")).data.pattern == "month={span}/*.parquet"
    summary = run(capsys, "run", "--dataset", "sales", "--root", "runs")
    assert summary["metrics"]["auc"] > 0.8
    assert set(states(run(capsys, "run", "--dataset", "sales", "--root", "runs")).values()) == {"cached"}
