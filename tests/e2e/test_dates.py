"""Dates, times of day, durations and lists from the file to the served prediction; one file is split into spans."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main

pytestmark = pytest.mark.e2e

CASES = Path(__file__).parents[1] / "cases"
ROWS = 1_500


def table() -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Returns rows of 2023 whose label depends on the hour, the weekday and the tags, and the month of each row."""
    random = np.random.default_rng(0)
    at = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.sort(random.integers(0, 365 * 86_400, ROWS)), unit="s")
    born = pd.Timestamp("1960-01-01") + pd.to_timedelta(random.integers(0, 14_000, ROWS), unit="D")
    tags = [";".join(random.choice(["red", "green", "blue"], random.integers(0, 4), replace=False)) for _ in at]
    logit = 3.0 * (at.hour >= 12) + 2.0 * (at.weekday >= 5) + 2.0 * np.array(["red" in one for one in tags]) - 3.0
    rows = pd.DataFrame(
        {
            "row_id": np.arange(ROWS),
            "at": at.strftime("%d.%m.%Y %H:%M:%S"),
            "born": born.strftime("%m/%d/%Y"),
            "tags": tags,
            "called": [f"{hour}:{minute:02d}" for hour, minute in random.integers(0, 24, (ROWS, 2))],
            "x": random.normal(size=ROWS).round(3),
            "late": (random.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(int),
        }
    )
    rows.loc[5, "x"] = np.inf
    return rows, pd.Series(at).dt.strftime("%Y%m")


def run(capsys: pytest.CaptureFixture[str], dataset: str, *more: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["run", "--dataset", dataset, "--json", *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def settings(dataset: str, **changes: str) -> None:
    """Copies the dataset `one` with replaced lines of its settings: beginning of a line -> new line."""
    folder = Path("schemas") / dataset
    folder.mkdir()
    (folder / "schema.pbtxt").write_bytes((Path("schemas") / "one" / "schema.pbtxt").read_bytes())
    lines = (Path("schemas") / "one" / "pipeline.toml").read_text().splitlines()
    changes = {"name": f'name = "{dataset}"', "# time": 'time = "at"', **changes}
    for start, line in changes.items():
        at = next(number for number, old in enumerate(lines) if old.startswith(f"{start} ="))
        lines[at] = line
    (folder / "pipeline.toml").write_text("\n".join(lines) + "\n")


@pytest.mark.long
def test_spans_cut_from_one_file_are_those_of_span_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows, months = table()
    rows.to_csv("all.csv", index=False)
    Path("spans").mkdir()
    for month, some in rows.groupby(months):
        some.to_csv(f"spans/span-{month}.csv", index=False)
    assert main(["init", "--data", "all.csv", "--label", "late", "--name", "one"]) == 0
    said = capsys.readouterr().out
    assert "at is date: read as %d.%m.%Y %H:%M:%S" in said
    assert "born is date: read as %m/%d/%Y" in said
    assert "tags is list: lists with separator ';'" in said
    assert "called is time" in said

    settings("cut", eval_share='span_by = "month"\nwindow = 4')
    settings("files", eval_share="window = 4", directory='directory = "spans"', pattern='pattern = "span-{span}.csv"')
    cut, files = run(capsys, "cut", "--span", "202311"), run(capsys, "files", "--span", "202311")
    assert cut["spans"] == files["spans"] == {"train": [202307, 202308, 202309, 202310], "eval": [202311]}
    assert cut["rows"] == files["rows"]
    assert cut["metrics"] == files["metrics"]
    assert cut["metrics"]["auc"] > 0.8
    learned = {row["column"] for row in cut["values"]}
    assert {"at: hour (UTC)", "at: weekday (UTC)", "tags: has red", "born: days before at (date to UTC)"} < learned
    assert "at: month (UTC)" not in learned  # of four months the fifth is new
    assert [row["detail"] for row in cut["anomalies"] if row["kind"] == "infinite"] == [
        "all.csv: 1 values are infinite and count as missing, first 'inf' in row 7"
    ]
    assert not [row["feature"] for row in cut["drift"] if row["drifted"] and row["feature"].startswith("at")]

    settings("newest")
    newest = run(capsys, "newest")
    assert newest["rows"] == {"train": 1_200, "eval": 300}

    import tensorflow as tf

    model = tf.saved_model.load(str(tmp_path / "runs" / "newest" / "registry" / "1"))
    serve = model.signatures["serving_default"]
    late = {"at": "2023-12-30T23:00:00", "born": "1970-02-28", "tags": "red", "called": 50_000.0, "x": 0.0}
    early = {**late, "at": "2023-12-27T01:00:00", "tags": ""}
    sent = {name: tf.constant([late[name], early[name]]) for name in late}  # type: ignore[index]
    probability = serve(**sent)["probability"].numpy()
    assert probability[0] > 0.7 > 0.3 > probability[1]


@pytest.mark.long
def test_every_type_of_parquet_is_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.parquet").write_bytes((CASES / "pq_zoo.parquet").read_bytes())
    assert main(["init", "--data", "sales.parquet", "--label", "left", "--name", "zoo"]) == 0
    found = run(capsys, "zoo")
    assert found["metrics"]["auc"] > 0.85
    learned = {row["column"] for row in found["values"]}
    assert {"age", "spend", "plan", "vip", "dur", "tod", "at: hour (UTC)", "tags: count", "tags: has a"} <= learned
