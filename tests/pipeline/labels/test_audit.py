import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.arrow_example_gen.corrections import CorrectionCounts, load_corrections
from components.arrow_example_gen.source import Source
from components.label_audit.export import ExportCounts
from components.shared.errors import InputError, UsageError
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import find_spans
from pipeline.cli import main
from pipeline.labels.audit import audit, export_corrections, export_text
from pipeline.settings.config import load_config


def table(rows: int = 400) -> pd.DataFrame:
    """`kind` follows from height and weight except in ten rows; `ann` and `bob` are annotators."""
    rng = np.random.default_rng(4)
    tall = rng.random(rows) < 0.5
    kind = np.where(tall, "tall", "small")
    frame = pd.DataFrame(
        {
            "row_id": [f"p{i}" for i in range(rows)],
            "height": np.where(tall, 190, 150) + rng.normal(0, 5, rows).round(2),
            "weight": np.where(tall, 90, 50) + rng.normal(0, 5, rows).round(2),
            "color": rng.choice(["red", "green", "blue"], rows),
            "kind": kind,
        }
    )
    frame.loc[:9, "kind"] = np.where(tall[:10], "small", "tall")
    ann, bob = kind.copy(), kind.astype(object)
    ann[20:30] = "tall"
    bob[:200] = None
    return frame.assign(ann=ann, bob=bob)


LABELERS = ["ann", "bob"]


@pytest.fixture
def data(tmp_path, monkeypatch) -> str:
    """Writes labelled.csv with the annotators' columns and people.csv without; returns the latter."""
    monkeypatch.chdir(tmp_path)
    table().to_csv("labelled.csv", index=False)
    table().drop(columns=LABELERS).to_csv("people.csv", index=False)
    return "people.csv"


def test_any_file_without_settings(data):
    found = audit("labelled.csv", "kind", ids=["row_id"], labelers=LABELERS)
    assert {issue.row for issue in found.labels.issues[:10]} == set(range(10))
    assert found.labels.issues == audit(data, "kind", ids=["row_id"]).labels.issues  # annotators are no features
    printed = found.to_json()
    json.dumps(printed, allow_nan=False)
    assert printed["rows"] == 400 and printed["noise"] == pytest.approx(10 / 400, abs=0.01)
    assert printed["issues"][0].keys() == {"row", "id", "label", "suggested", "quality"}
    assert printed["type_mismatches"] == printed["misfits"] == []  # the second is the former name
    assert printed["agreement"]["compared"] == 200 and printed["agreement"]["advice"]
    assert "of 400 labels are suspected errors" in found.to_text()
    assert "annotators ann, bob" in found.to_text()


def test_parquet_gives_the_same_result(data):
    table().drop(columns=LABELERS).to_parquet("people.parquet", index=False)
    one, other = (audit(name, "kind", ids=["row_id"]).to_json() for name in (data, "people.parquet"))
    assert one["issues"] == other["issues"]


def test_annotators_without_a_label(data):
    found = audit("labelled.csv", labelers=["ann", "kind"])
    assert found.labels is None
    # ann differs in the small ones of rows 20 to 29 and in the ten wrong labels.
    assert found.agreement.disagreeing == 10 + int((table()["ann"] != table()["kind"])[10:].sum())
    assert found.to_json()["issues"] == []
    with pytest.raises(UsageError, match="--label"):
        export_corrections(found, Path("x.csv"))


def test_settings_give_the_features(project):
    config = load_config(project / "schemas" / "flights" / "pipeline.toml")
    found = audit("data/flights/span-01.csv", config=config)
    assert (found.label, found.rows, found.labels.audited) == ("late", 1000, 1000)
    assert not found.labels.separable
    assert all(issue.id.count("-") >= 4 for issue in found.labels.issues)
    assert "classes overlap: many of these rows are hard to predict" in found.to_text()


def test_label_issues_are_exported_as_corrections(data):
    found = audit(data, "kind", ids=["row_id"])
    assert export_corrections(found, Path("corrections.csv")) == ExportCounts(
        found.labels.doubtful, filled=0, left_out=0
    )
    rows = list(csv.DictReader(io.StringIO(Path("corrections.csv").read_text())))
    assert list(rows[0]) == ["id", "field", "value", "reason", "by", "when"]
    assert {row["id"] for row in rows[:10]} == {f"p{i}" for i in range(10)}
    assert {(row["field"], row["value"], row["by"]) for row in rows} == {("kind", "", "")}


def test_decisions_are_not_overwritten(data):
    found = audit(data, "kind", ids=["row_id"])
    path = Path("corrections.csv")
    export_corrections(found, path)
    export_corrections(found, path)  # no decisions yet, so it may be overwritten
    lines = path.read_text().splitlines()
    decided = "\n".join([lines[0], "p0,kind,x,,ann,2026-01-01", *lines[2:]])
    path.write_text(decided)
    with pytest.raises(UsageError, match=r"corrections.csv: 1 of its lines are filled in; choose another file"):
        export_corrections(found, path)
    assert path.read_text() == decided
    Path("notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"notes.csv: exists and is not a corrections file"):
        export_corrections(found, Path("notes.csv"))


def test_repeated_ids_are_left_out_of_corrections(data):
    rows = table().drop(columns=LABELERS)
    rows.loc[399, "row_id"] = "p0"
    rows.to_csv(data, index=False)
    found = audit(data, "kind", ids=["row_id"])
    assert found.to_json()["repeated_ids"] == 2
    assert export_corrections(found, Path("corrections.csv")) == ExportCounts(
        found.labels.doubtful - 1, filled=0, left_out=1
    )


def test_auto_is_applied_by_ingest(data, capsys):
    assert main(["audit", data, "--label", "kind", "--id", "row_id", "--export", "auto.csv", "--auto", "0.05"]) == 0
    printed = capsys.readouterr().err
    rows = list(csv.DictReader(io.StringIO(Path("auto.csv").read_text())))
    replaced = [row for row in rows if row["value"]]
    assert f"auto.csv: {len(replaced)} labels replaced by the suggested one (quality <= 0.05)" in printed
    done = {row["id"] for row in replaced}
    assert len(replaced) >= 7 and done <= {f"p{i}" for i in range(10)}  # wrong labels of low quality only
    assert len(rows) > len(replaced)
    assert {row["by"] for row in replaced} == {"auto (quality <= 0.05, model forest+neighbours)"}
    columns = {"row_id": "string", "height": "float64", "weight": "float64", "color": "string", "kind": "string"}
    source = Source(".", "people.csv", columns, "kind", ["row_id"], 1, 0.2, ReadOptions(), "auto.csv")
    (file,) = find_spans(".", "people.csv")
    applied = CorrectionCounts()
    kinds = {}
    for split in ("train", "eval"):
        for batch in source.read(file, split, applied=applied):
            kinds |= dict(zip(batch["row_id"].to_pylist(), batch["kind"].to_pylist(), strict=True))
    assert applied.relabelled == len(replaced)
    before = table()
    other = np.where(before["kind"] == "tall", "small", "tall")
    expected = np.where(before["row_id"].isin(done), other, before["kind"])
    assert kinds == dict(zip(before["row_id"], expected, strict=True))


def test_auto_whose_labels_are_numbers_is_read_as_such(data):
    rows = table().drop(columns=LABELERS)
    rows.assign(kind=(rows["kind"] == "tall").astype(int)).to_csv(data, index=False)
    exported = export_corrections(audit(data, "kind", ids=["row_id"]), Path("auto.csv"), 0.05)
    assert exported.filled >= 7
    read = load_corrections("auto.csv", {"row_id": "string", "kind": "int64"}, ["row_id"], "kind")
    assert set(read.edits["kind"].values.to_pylist()) == {0, 1}


@pytest.mark.parametrize("threshold", [-0.1, 0.51, float("nan")])
def test_auto_above_a_half_is_refused(data, threshold):
    with pytest.raises(UsageError, match=r"must be between 0 and 0\.5"):
        export_corrections(audit(data, "kind", ids=["row_id"]), Path("auto.csv"), threshold)
    assert not Path("auto.csv").exists()


def test_auto_without_a_file_is_refused(data, capsys):
    assert main(["audit", data, "--label", "kind", "--auto", "0.05"]) == 2
    assert "name a file with --export" in capsys.readouterr().err


def test_auto_of_a_regression_is_refused(data):
    rows = table().drop(columns=LABELERS)
    rows.loc[3, "weight"] = 900
    rows.to_csv(data, index=False)
    found = audit(data, "weight", ids=["row_id"])
    assert found.labels.issues
    with pytest.raises(UsageError, match="a prediction, not a label"):
        export_corrections(found, Path("auto.csv"), 0.05)


def test_auto_reports_that_the_limit_was_reached(data):
    found = audit(data, "kind", ids=["row_id"], limit=3)
    exported = export_corrections(found, Path("auto.csv"), 0.3)
    assert exported.filled == 3
    assert "--limit sets their number" in export_text(found, Path("auto.csv"), exported, 0.3)


def test_export_without_ids_is_refused(data):
    table().drop(columns=["row_id", *LABELERS]).to_csv(data, index=False)
    with pytest.raises(UsageError, match="--id"):
        export_corrections(audit(data, "kind"), Path("corrections.csv"))


def test_the_limit_lists_fewer(data):
    assert len(audit(data, "kind", limit=3).to_json()["issues"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "sort"}, "--label sort: no such column"),
        ({"label": "kind", "labelers": ["eve"]}, "--annotators eve: no such column"),
        ({"label": "kind", "labelers": ["color", "color"]}, "color is given twice"),
        ({"label": "kind", "ids": ["nr"]}, "--id nr: no such column"),
        ({"label": "kind", "model": "oracle"}, "legal: auto, boosting, forest, neighbours, logistic"),
        ({"label": "kind", "limit": 0}, "must be at least 1"),
        ({}, "give the label column"),
    ],
)
def test_bad_usage_is_one_line(data, arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        audit(data, **arguments)
    assert "\n" not in str(raised.value)


def test_one_class_only(data):
    table().assign(kind="tall").to_csv(data, index=False)
    with pytest.raises(InputError, match="kind"):
        audit(data, "kind")


def test_not_there(data):
    with pytest.raises(UsageError, match="no such file"):
        audit("other.csv", "kind")


@pytest.mark.slow
def test_tf_examples_give_the_same_result_as_csv(data):
    import tensorflow as tf

    Path("examples").mkdir()
    rows = table()
    with tf.io.TFRecordWriter("examples/data_tfrecord-00000-of-00001.gz", "GZIP") as writer:
        for row in rows.drop(columns=LABELERS).to_dict("records"):
            feature = {
                name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
                if isinstance(value, float)
                else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
                for name, value in row.items()
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    found = audit("examples", "kind", ids=["row_id"])
    # float32 rounding may move a row across a tree's split.
    assert len({issue.id for issue in found.labels.issues[:10]} & {f"p{i}" for i in range(10)}) >= 8
