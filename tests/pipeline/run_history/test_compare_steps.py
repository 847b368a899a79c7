"""Comparison names data steps: rows of older spans, balance, augmentation."""

import json

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.run_history.compare_data import extra_lines, span_changes, step_lines, totals
from tests.pipeline.examples_files import ROWS, write

JFK = [{"where": {"origin": ["JFK"]}, "spans": 1, "rows": 1}]


@pytest.fixture
def examples(tmp_path):
    """examples(name, {split: {span: rows}}, extra) -> the artifact, its files as ingest lays them out."""

    def make(name: str, splits: dict[str, dict[int, list]], extra: list | None = None) -> mlmd.Artifact:
        folder = tmp_path / name
        artifact = mlmd.Artifact(uri=str(folder))
        files = []
        for split, spans in splits.items():
            for at, (span, rows) in enumerate(spans.items()):
                write(folder / f"Split-{split}" / f"data_tfrecord-{at:05d}-of-{len(spans):05d}.gz", rows)
                about = {"split": split, "span": span, "name": f"span-{span}.csv", "sha256": f"sha{span}"}
                files.append({**about, "rows": len(rows), "unlabelled": 0})
        artifact.custom_properties["files"].string_value = json.dumps(files)
        if extra is not None:
            artifact.custom_properties["extra"].string_value = json.dumps(extra)
        return artifact

    return make


WINDOW = {"train": {2: ROWS}, "eval": {3: ROWS}}


def test_rows_of_an_older_span_are_added_rows(examples):
    before = examples("before", WINDOW)  # of a run before there was such a thing
    after = examples("after", {**WINDOW, "extra": {1: ROWS[1:2]}}, JFK)
    (change,) = found = span_changes(before, after, ["row_id"])
    assert (change.span, change.change, change.splits, change.rows) == (1, "added", (None, "extra"), (0, 1))
    assert totals(found).added == 1
    assert totals(span_changes(after, before, ["row_id"])).dropped == 1
    assert span_changes(after, after, ["row_id"]) == ()


def test_another_slice_of_the_same_span_is_told_by_row(examples):
    other = [{"where": {"origin": ["EWR"]}, "spans": 1, "rows": 2}]
    before = examples("before", {**WINDOW, "extra": {1: ROWS[1:2]}}, JFK)
    after = examples("after", {**WINDOW, "extra": {1: [ROWS[0], ROWS[3]]}}, other)
    (change,) = found = span_changes(before, after, ["row_id"])
    assert (change.span, change.change, change.splits) == (1, "selected", ("extra", "extra"))
    assert (totals(found).added, totals(found).dropped) == (2, 1)


def test_a_span_that_left_the_window_keeps_some_rows(examples):
    before = examples("before", {"train": {1: ROWS, 2: ROWS}, "eval": {3: ROWS}})
    after = examples("after", {**WINDOW, "extra": {1: ROWS[1:2]}}, JFK)
    (change,) = found = span_changes(before, after, ["row_id"])
    assert (change.change, change.splits) == ("selected", ("train", "extra"))
    assert (totals(found).added, totals(found).dropped) == (0, 3)


def test_the_lines():
    balance = {"balance": {"method": "weights", "ratio": 1.0, "weights": {}, "correct_prior": True}}
    assert step_lines({}, balance) == ['balance: none -> method "weights", ratio 1.0, correct_prior true']
    assert step_lines(balance, {**balance, "augmentation": {"jitter": 0.5}}) == ["augmentation: none -> jitter 0.5"]
    assert step_lines(balance, balance) == []
    (line,) = extra_lines([], JFK)
    assert line == "added: 1 rows of the 1 spans before the window with origin = JFK"
    assert extra_lines(JFK, []) == [line.replace("added", "removed")]
    assert extra_lines(JFK, JFK) == []
