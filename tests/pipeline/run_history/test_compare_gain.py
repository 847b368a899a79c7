"""Corrected rows and gains between two runs."""

import json
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.shared.statistics.bootstrap import Interval
from pipeline.run_history.compare_data import RowTotals, span_changes, totals
from pipeline.run_history.compare_data import span_changes_text as span_text
from pipeline.run_history.compare_gain import MetricDelta, gain_of
from pipeline.run_history.compare_intervals import Intervals
from tests.pipeline.examples_files import ROWS, edited, write


def _artifact(folder: Path, rows: list[dict], corrections: str, evaluation: list[dict] = ROWS) -> mlmd.Artifact:
    """An Examples artifact of spans 1 (train) and 2 (eval), corrected by a file of that digest."""
    made = mlmd.Artifact(uri=str(folder))
    files = []
    for split, span, content in (("train", 1, rows), ("eval", 2, evaluation)):
        write(folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz", content)
        named = {"split": split, "span": span, "name": f"span-{span}.csv", "sha256": str(span)}
        files.append({**named, "bytes": 1, "rows": len(content), "unlabelled": 0})
    made.custom_properties["files"].string_value = json.dumps(files)
    if corrections:
        listed = [{"name": "corrections.csv", "sha256": corrections, "rows": 2}]
        made.custom_properties["corrections"].string_value = json.dumps(listed)
    return made


def test_the_same_files_with_other_corrections(tmp_path):
    plain = _artifact(tmp_path / "plain", ROWS, "")
    relabelled = _artifact(tmp_path / "relabelled", edited(1, distance=[7])[:3], "a")
    (change,) = span_changes(plain, relabelled, ["row_id"], label="distance")
    assert (change.span, change.change, change.splits) == (1, "corrected", ("train", "train"))
    assert totals([change]) == RowTotals(added=0, dropped=1, relabelled=1, features=0)
    text = span_text(change)
    assert text[0].endswith("by other corrections")
    assert "  of the changed: 1 relabelled, 0 with other features" in text
    # Other corrections that hit no row of these spans change nothing; the same ones are not even looked at.
    assert span_changes(plain, _artifact(tmp_path / "idle", ROWS, "b"), ["row_id"]) == ()
    assert span_changes(relabelled, _artifact(tmp_path / "again", ROWS, "a"), ["row_id"]) == ()


def test_a_corrected_eval_split_is_other_rows(tmp_path):
    one = _artifact(tmp_path / "one", ROWS, "")
    other = _artifact(tmp_path / "other", ROWS, "a", evaluation=edited(0, origin=["JFK"]))
    (change,) = span_changes(one, other, ["row_id"], label="distance")
    assert (change.change, change.splits, change.by_row.features) == ("corrected", ("eval", "eval"), 1)


def test_gain():
    recorded = {"rows": MetricDelta(9, 9, 0), "log_loss": MetricDelta(0.5, 0.375, -0.125)}
    gain = gain_of(recorded, None)
    assert (gain.metric, gain.gain, gain.low) == ("log_loss", 0.125, None)  # a lower loss is a gain
    interval = Interval(0.5, 0.375, -0.125, -0.25, 0.0625)
    judged = Intervals(100, 10, 0.95, {"rmse": interval}, {})
    gain = gain_of(recorded, judged)
    assert (gain.metric, gain.before, gain.gain, gain.low, gain.high) == ("rmse", 0.5, 0.125, -0.0625, 0.25)
    assert gain_of({"auc": MetricDelta(None, 0.5, None)}, None) is None
    assert gain_of({}, None) is None
