import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.errors import InputError, UsageError
from pipeline.audit_command import audit, export
from pipeline.config import load_config


def table(rows: int = 400) -> pd.DataFrame:
    """`kind` follows from height and weight, but for ten rows; `ann` and `bob` labelled, too."""
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
    """With the labelers' columns in labelled.csv, without in people.csv."""
    monkeypatch.chdir(tmp_path)
    table().to_csv("labelled.csv", index=False)
    table().drop(columns=LABELERS).to_csv("people.csv", index=False)
    return "people.csv"


def test_any_file_without_settings(data):
    found = audit("labelled.csv", "kind", ids=["row_id"], labelers=LABELERS)
    assert {issue.row for issue in found.labels.issues[:10]} == set(range(10))
    assert found.labels.issues == audit(data, "kind", ids=["row_id"]).labels.issues  # labelers are no features
    printed = found.to_json()
    json.dumps(printed, allow_nan=False)
    assert printed["rows"] == 400 and printed["noise"] == pytest.approx(10 / 400, abs=0.01)
    assert printed["issues"][0].keys() == {"row", "id", "label", "suggested", "quality"}
    assert printed["agreement"]["compared"] == 200 and printed["agreement"]["advice"]
    assert "of 400 labels are doubtful" in found.for_a_person()
    assert "labelers ann, bob" in found.for_a_person()


def test_parquet_says_the_same(data):
    table().drop(columns=LABELERS).to_parquet("people.parquet", index=False)
    one, other = (audit(name, "kind", ids=["row_id"]).to_json() for name in (data, "people.parquet"))
    assert one["issues"] == other["issues"]


def test_labelers_alone(data):
    found = audit("labelled.csv", labelers=["ann", "kind"])
    assert found.labels is None
    # ann differs in those of rows 20 to 29 that are small, and in the ten wrong ones.
    assert found.agreement.disagreeing == 10 + int((table()["ann"] != table()["kind"])[10:].sum())
    assert found.to_json()["issues"] == []
    with pytest.raises(UsageError, match="--label"):
        export(found, Path("x.csv"))


def test_settings_say_the_features(project):
    config = load_config(project / "schemas" / "flights" / "pipeline.toml")
    found = audit("data/flights/span-01.csv", config=config)
    assert (found.label, found.rows, found.labels.judged) == ("late", 1000, 1000)
    assert not found.labels.separable
    assert all(issue.id.count("-") >= 4 for issue in found.labels.issues)
    assert "hard rows among them" in found.for_a_person()


def test_the_doubtful_as_corrections(data):
    found = audit(data, "kind", ids=["row_id"])
    assert export(found, Path("corrections.csv")) == (found.labels.doubtful, 0)
    rows = list(csv.DictReader(io.StringIO(Path("corrections.csv").read_text())))
    assert list(rows[0]) == ["id", "field", "value", "reason", "by", "when"]
    assert {row["id"] for row in rows[:10]} == {f"p{i}" for i in range(10)}
    assert {(row["field"], row["value"], row["by"]) for row in rows} == {("kind", "", "")}


def test_repeated_ids_are_left_out_of_corrections(data):
    rows = table().drop(columns=LABELERS)
    rows.loc[399, "row_id"] = "p0"
    rows.to_csv(data, index=False)
    found = audit(data, "kind", ids=["row_id"])
    assert found.to_json()["repeated_ids"] == 2
    assert export(found, Path("corrections.csv")) == (found.labels.doubtful - 1, 1)


def test_without_ids_there_is_nothing_to_correct_by(data):
    table().drop(columns=["row_id", *LABELERS]).to_csv(data, index=False)
    with pytest.raises(UsageError, match="--id"):
        export(audit(data, "kind"), Path("corrections.csv"))


def test_the_limit_lists_fewer(data):
    assert len(audit(data, "kind", limit=3).to_json()["issues"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "sort"}, "--label sort: no such column"),
        ({"label": "kind", "labelers": ["eve"]}, "--labelers eve: no such column"),
        ({"label": "kind", "labelers": ["color", "color"]}, "color is named twice"),
        ({"label": "kind", "ids": ["nr"]}, "--id nr: no such column"),
        ({"label": "kind", "model": "oracle"}, "legal: auto, boosting, forest, neighbours, logistic"),
        ({"label": "kind", "limit": 0}, "give at least 1"),
        ({}, "name the label column"),
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
def test_tf_examples_say_the_same_as_the_csv(data):
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
    # Stored as float32, so that a split may fall on the other side of a row.
    assert len({issue.id for issue in found.labels.issues[:10]} & {f"p{i}" for i in range(10)}) >= 8
