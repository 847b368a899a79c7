"""From logged requests and a file of labels to a span: `plumbline feedback`, `plumbline requests`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.table_reading.column_types import arrow_types, column_types, parse_schema
from components.table_reading.readers import read_batches
from components.table_reading.spans import find_spans, open_folder
from pipeline.cli.command_line import main
from pipeline.settings.config import load_config
from serving.request_log.records import Records
from serving.request_log.settings import LogSettings
from serving.request_log.writer import RequestLogWriter
from tests.serving.request_log.made_up import NOON, logged

SETTINGS = """
[dataset]
name = "loans"
label = "repaid"
positive = "yes"
id = ["loan_id"]
time = "asked"

[data]
directory = "data"
pattern = "span-{span}.csv"
delimiter = ";"
values = { repaid = { Yes = "yes" } }
list_separator = { tags = "|" }

[features]
categorical = ["purpose"]
numeric = ["amount", "income"]
dates = ["born"]
lists = ["tags"]
"""

SCHEMA = """
feature { name: "loan_id" type: BYTES value_count { min: 1 max: 1 } }
feature { name: "asked" type: INT value_count { min: 1 max: 1 } time_domain { integer_format: UNIX_MICROSECONDS } }
feature { name: "purpose" type: BYTES value_count { min: 1 max: 1 } }
feature { name: "amount" type: FLOAT value_count { min: 1 max: 1 } }
feature { name: "income" type: INT value_count { min: 1 max: 1 } }
feature { name: "born" type: INT value_count { min: 1 max: 1 } time_domain { integer_format: UNIX_DAYS } }
feature { name: "tags" type: BYTES value_count { min: 0 } }
feature { name: "clerk" type: BYTES value_count { min: 1 max: 1 } }
feature { name: "repaid" type: BYTES value_count { min: 1 max: 1 } string_domain { value: "no" value: "yes" } }
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Path:
    """Working folder with settings, and a log with three requests of two rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas" / "loans").mkdir(parents=True)
    (tmp_path / "schemas" / "loans" / "pipeline.toml").write_text(SETTINGS)
    (tmp_path / "schemas" / "loans" / "schema.pbtxt").write_text(SCHEMA)
    writer = RequestLogWriter(tmp_path / "runs" / "loans" / "requests", LogSettings())
    for number, label in enumerate(["live", "canary", "shadow"]):
        writer.append(
            Records(
                model="loans",
                version=1,
                label=label,  # type: ignore[arg-type]
                request_id=f"r{number}",
                time=NOON + number,
                latency=0.001,
                features={
                    "purpose": np.array(["car; used", None], object),
                    "amount": np.array([1000.5, np.nan], np.float32),
                    "income": np.ma.array(np.array([30_000, 0]), mask=[False, True]),
                    "born": np.array([3652, 0]),
                    "tags": np.array([["a", "b"], ["c", "d"]], object),
                },
                outputs={"probability": np.full(2, 0.5, np.float32)},
            )
        )
    writer.close()
    return tmp_path


def labels(place: Path, text: str) -> str:
    (place / "labels.csv").write_text(text)
    return "labels.csv"


def test_labels_are_joined_and_the_last_one_wins(place: Path, capsys):
    file = labels(place, "request_id,row,repaid\nr0,0,no\nr0,1,Yes\nr9,0,no\nr1,0,\nr0,0,yes\n")
    assert main(["feedback", file, "--dataset", "loans", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    counts = {key: record[key] for key in ("rows", "matched", "unmatched", "changed", "repeated", "missing")}
    assert counts == {"rows": 3, "matched": 2, "unmatched": 1, "changed": 0, "repeated": 1, "missing": 1}
    assert record["file"] == "labels.csv" and len(record["sha256"]) == 64 and record["user"]
    folder = place / "runs" / "loans" / "requests"

    def found() -> dict[tuple[str, int], str | None]:
        rows = logged(folder, "request_id", "row", "target", "target_time")
        assert all((row["target"] is None) == (row["target_time"] is None) for row in rows)
        return {(row["request_id"], row["row"]): row["target"] for row in rows if row["target"]}

    assert found() == {("r0", 0): "yes", ("r0", 1): "yes"}
    # A label of the whole request replaces those of its rows; a parquet file has types.
    pq.write_table(pa.table({"request_id": ["r0", "r2"], "repaid": ["no", "no"]}), place / "more.parquet")
    assert main(["feedback", "more.parquet", "--dataset", "loans"]) == 0
    assert "2 labels imported: 2 belong to logged requests (1 changed), 0 do not" in capsys.readouterr().out
    assert found() == {("r0", 0): "no", ("r0", 1): "no", ("r2", 0): "no", ("r2", 1): "no"}
    assert main(["feedback", labels(place, "request_id;row;repaid\nr0;1;yes\n"), "--dataset", "loans"]) == 0
    assert found()[("r0", 0)] == "no" and found()[("r0", 1)] == "yes"
    # The request whose label came first.
    writer = RequestLogWriter(folder, LogSettings())
    writer.append(Records("loans", 1, "live", "r9", NOON, 0.1))
    writer.close()
    assert found()[("r9", 0)] == "no"
    capsys.readouterr()
    assert main(["requests", "--dataset", "loans"]) == 0
    shown = capsys.readouterr().out
    assert "feedback 3: labels.csv by" in shown and "1 labels, 1 matched, 0 unmatched, 1 changed" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("request_id,row,repaid\nr0,0,no\nr0,1,maybe\n", "row 2: repaid is 'maybe'; legal: no, yes"),
        ("request_id,row,repaid\nr0,-1,no\n", "row 1: row is -1; it is the position within the request, from 0"),
        ("request_id,repaid\n,no\n", "row 1: has no request_id"),
        ("request_id,late\nr0,no\n", "repaid"),
        ("id,repaid\nr0,no\n", "request_id"),
        ("request_id,row,repaid\nr0,one,no\n", "'one'"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(place: Path, capsys, text: str, message: str):
    assert main(["feedback", labels(place, text), "--dataset", "loans"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "labels.csv" in said and message in said
    assert [path.name for path in (place / "runs/loans/requests/feedback").glob("*.parquet")] == []


def test_without_a_log_or_a_file(place: Path, capsys):
    assert main(["feedback", "none.csv", "--dataset", "loans"]) == 2
    assert "none.csv" in capsys.readouterr().err
    shutil.rmtree(place / "runs" / "loans" / "requests")
    for command in (["feedback", "none.csv"], ["requests"]):
        assert main([*command, "--dataset", "loans"]) == 2
        assert "there is no request log; `plumbline serve` writes it" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labelled_rows_become_a_span(place: Path, capsys, suffix: str):
    """It is read as a run reads it; shadow answers, which were not sent, and rows without a label are not in it."""
    assert main(["requests", "--dataset", "loans", "--export", "data/span-7.csv"]) == 2
    assert "no row has a label; import labels with `plumbline feedback` first" in capsys.readouterr().err
    file = labels(place, "request_id,row,repaid\nr0,0,no\nr0,1,yes\nr1,1,yes\nr2,0,yes\n")
    assert main(["feedback", file, "--dataset", "loans"]) == 0
    capsys.readouterr()
    span = f"data/span-7.{suffix}"
    assert main(["requests", "--dataset", "loans", "--export", span, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": span, "rows": 3, "absent": ["clerk"]}
    config = load_config(place / "schemas" / "loans" / "pipeline.toml")
    types = arrow_types(column_types(parse_schema(SCHEMA, "schema.pbtxt")))
    (found,) = find_spans("data", f"span-{{span}}.{suffix}")
    batches = list(read_batches(open_folder("data")[0], found, types, config.data.read_options()))
    rows = {row["loan_id"]: row for batch in batches for row in batch.to_pylist()}
    assert sorted(rows) == ["r0/0", "r0/1", "r1/1"]
    one = rows["r0/0"]
    assert (one["purpose"], one["amount"], one["income"], one["repaid"]) == ("car; used", 1000.5, 30_000, "no")
    assert (str(one["born"]), str(one["asked"]), one["clerk"]) == ("1980-01-01", "2026-11-29 12:00:00", None)
    assert list(one["tags"]) == ["a", "b"]
    other = rows["r0/1"]
    assert (other["purpose"], other["amount"], other["income"], other["repaid"]) == (None, None, None, "yes")
    assert main(["requests", "--dataset", "loans", "--export", span]) == 2
    assert "exists; a span that runs have read must not change" in capsys.readouterr().err
    late = ["--since", "2026-11-30"]
    assert main(["requests", "--dataset", "loans", "--export", "data/span-8.csv", *late]) == 2
    assert not list(place.glob("data/*8*")) and not list(place.glob("data/.*"))
