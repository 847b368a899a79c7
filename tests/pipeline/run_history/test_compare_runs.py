"""What differs between two runs."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.synthetic_history import History
from components.shared.errors import InputError, UsageError
from pipeline.run_history.compare_data import RowTotals
from pipeline.run_history.compare_rows import row_changes
from pipeline.run_history.compare_runs import compare_runs
from pipeline.run_history.compare_schema import schema_change
from pipeline.run_history.compare_text import run_comparison_text
from tests.pipeline.examples_files import ROWS, edited, write


@pytest.fixture
def before(tmp_path) -> Path:
    return write(tmp_path / "before.gz", ROWS)


def test_exactly_the_changed_row(before, tmp_path):
    found = row_changes(before, write(tmp_path / "after.gz", edited(1, distance=[7])), ["row_id"])
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    (row,) = found.shown
    assert (row.kind, row.row, row.id, row.cells) == ("changed", 1, {"row_id": "b"}, {"distance": (2, 7)})


def test_a_value_that_appears_or_vanishes(before, tmp_path):
    after = write(tmp_path / "after.gz", [*edited(2, origin=["EWR"])[:3], {**ROWS[3], "distance": []}])
    cells = [row.cells for row in row_changes(before, after, ["row_id"]).shown]
    assert cells == [{"origin": (None, "EWR")}, {"distance": (4, None)}]


def test_rows_added_and_removed(before, tmp_path):
    new = {"row_id": ["e"], "distance": [5], "origin": ["EWR"]}
    found = row_changes(before, write(tmp_path / "after.gz", [new, *ROWS[1:]]), ["row_id"])
    assert (found.added, found.removed, found.changed) == (1, 1, 0)
    assert [(row.kind, row.row, row.id) for row in found.shown] == [
        ("removed", 0, {"row_id": "a"}),
        ("added", 0, {"row_id": "e"}),
    ]


def test_other_order_of_rows_or_columns_is_no_change(before, tmp_path):
    for after in (
        write(tmp_path / "rows.gz", ROWS[::-1]),
        write(tmp_path / "columns.gz", ROWS, ("origin", "row_id", "distance")),
    ):
        found = row_changes(before, after, ["row_id"])
        assert (found.added, found.removed, found.changed, found.shown) == (0, 0, 0, ())


def test_repeated_rows_are_counted(before, tmp_path):
    found = row_changes(before, write(tmp_path / "after.gz", [*ROWS, ROWS[0], ROWS[0]]), ["row_id"])
    assert (found.added, found.removed, found.changed) == (2, 0, 0)


def test_without_ids(before, tmp_path):
    found = row_changes(before, write(tmp_path / "same length.gz", edited(3, distance=[9])), [])
    assert [(row.kind, row.row, row.id, row.cells) for row in found.shown] == [("changed", 3, {}, {"distance": (4, 9)})]
    found = row_changes(before, write(tmp_path / "shorter.gz", ROWS[1:]), [])
    assert (found.added, found.removed, found.changed) == (0, 1, 0)


def test_relabelled_and_other_features_are_counted(before, tmp_path):
    rows = [{**row, "distance": [9]} for row in ROWS[:2]] + ROWS[2:]
    rows[1] = {**rows[1], "origin": ["LGA"]}
    rows[3] = {**rows[3], "origin": []}
    after = write(tmp_path / "after.gz", rows)
    found = row_changes(before, after, ["row_id"], label="distance")
    assert (found.changed, found.relabelled, found.features) == (3, 2, 2)
    found = row_changes(before, after, ["row_id"])
    assert (found.relabelled, found.features) == (0, 3)


def test_shows_a_few_and_counts_all(before, tmp_path):
    after = write(tmp_path / "after.gz", [{**row, "distance": [0]} for row in ROWS])
    found = row_changes(before, after, ["row_id"], most=2)
    assert (found.changed, len(found.shown)) == (4, 2)


@pytest.mark.slow
def test_reads_what_ingest_writes(tmp_path):
    from components.arrow_example_gen.example_encoding import write_examples

    table = pa.table({"row_id": ["a", "b"], "distance": [1, None], "origin": ["EWR", "JFK"]})
    other = pa.table({"row_id": ["a", "b"], "distance": [1, 5], "origin": ["EWR", "JFK"]})
    for name, one in (("before.gz", table), ("after.gz", other)):
        write_examples(one.to_batches(), str(tmp_path / name))
    (row,) = row_changes(tmp_path / "before.gz", tmp_path / "after.gz", ["row_id"]).shown
    assert (row.id, row.cells) == ({"row_id": "b"}, {"distance": (None, 5)})


def test_damaged_file(before, tmp_path):
    broken = tmp_path / "broken.gz"
    for content in (b"no gzip", before.read_bytes()[:-30], gzip.compress(b"\x05\0\0\0\0\0\0\0....abc")):
        broken.write_bytes(content)
        with pytest.raises(InputError, match=r"broken\.gz"):
            row_changes(before, broken, [])


def _examples(folder: Path, rows_of_span_2: list[dict]) -> None:
    write(folder / "Split-train" / "data_tfrecord-00000-of-00002.gz", ROWS)
    write(folder / "Split-train" / "data_tfrecord-00001-of-00002.gz", rows_of_span_2)
    write(folder / "Split-eval" / "data_tfrecord-00000-of-00001.gz", ROWS)


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> History:
    """0: the start; 1: the same; 2: a row of span 2; 3: another rate; 4: both and the next month; 5: killed."""
    rows = [ROWS]

    def fill(folder: Path, type_: str) -> None:
        folder.mkdir(parents=True)
        if type_ == "Examples":
            _examples(folder, rows[0])

    made = History(tmp_path_factory.mktemp("runs") / "flights", write=fill)
    made.add(train=[1, 2], evaluation=3)
    made.add(train=[1, 2], evaluation=3)
    rows[0] = edited(1, distance=[7])
    made.add(train=[1, 2], evaluation=3, edits={2: "corrected"})
    made.add(train=[1, 2], evaluation=3, learning_rate=0.01, push=False)
    made.add(train=[2, 3], evaluation=4, learning_rate=0.02, edits={2: "corrected"})
    made.add(train=[2, 3], evaluation=4, learning_rate=0.03, until="Trainer")
    return made


def _compare(history, before, after):
    return compare_runs(history.store, history.home, history.run_ids[before], history.run_ids[after])


def test_exactly_that_rows_span(history):
    found = _compare(history, 0, 2)
    assert found.verdict == "data-centric"
    (span,) = found.spans
    assert (span.span, span.change, span.splits) == (2, "changed", ("train", "train"))
    assert (span.by_row.added, span.by_row.removed, span.by_row.changed) == (0, 0, 1)
    assert span.by_row.shown[0].id == {"row_id": "b"}
    assert found.same_eval
    assert (found.gain.metric, found.gain.before, found.gain.gain) == ("auc", 0.7, 0.0)
    assert found.rows == RowTotals(added=0, dropped=0, relabelled=0, features=1)
    assert found.code == ()
    text = run_comparison_text(found)
    assert "the data changed, the code did not" in text
    assert "rows: 1 changed, 0 added, 0 removed" in text
    assert "row_id b: distance 2 -> 7" in text


def test_nothing(history):
    found = _compare(history, 0, 1)
    assert (found.verdict, found.spans, found.parameters, found.schema) == ("nothing", (), (), None)
    assert "neither data nor code changed" in run_comparison_text(found)


def test_code(history):
    found = _compare(history, 0, 3)
    assert (found.verdict, found.spans) == ("model-centric", ())
    (change,) = found.parameters
    assert str(change) == "parameter Trainer.custom_config.training.learning_rate: 0.001 -> 0.01"
    assert found.settings is None  # not recorded
    assert found.outcome == ("pushed as v1", "not blessed")


def test_both_and_a_month_later(history):
    found = _compare(history, 0, 4)
    assert found.verdict == "both"
    assert [(span.span, span.change, span.splits) for span in found.spans] == [
        (1, "removed", ("train", None)),
        (2, "changed", ("train", "train")),
        (3, "moved", ("eval", "train")),
        (4, "added", (None, "eval")),
    ]
    assert not found.same_eval
    assert (found.gain, found.rows) == (None, RowTotals(added=1000, dropped=1000, relabelled=0, features=0))
    assert "evaluated on different rows" in run_comparison_text(found)


def test_metrics_and_slices(history):
    found = _compare(history, 0, 3)
    assert (found.metrics["auc"].before, found.metrics["auc"].after, found.metrics["auc"].delta) == (0.7, 0.7, 0.0)
    assert found.slices["origin=EWR"]["auc"].before == 0.6


def test_recorded_settings(history):
    for number, settings in ((0, {"training": {"epochs": 3}}), (3, {"training": {"epochs": 5, "seed": 1}})):
        path = history.home / "reports" / history.run_ids[number] / "summary.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "settings": settings}))
    found = _compare(history, 0, 3)
    assert [str(change) for change in found.settings] == [
        "setting [training] epochs: 3 -> 5",
        "setting [training] seed: null -> 1",
    ]


def test_a_run_that_was_killed(history):
    found = _compare(history, 4, 5)
    assert found.outcome == ("pushed as v4", "unfinished")
    assert found.spans[0].change == "changed"  # span 2 was corrected in run 4 alone
    assert found.metrics["auc"].after is None
    json.dumps(found.to_json(), allow_nan=False)


def test_rows_that_were_deleted_cannot_be_told(tmp_path):
    made = History(tmp_path / "flights")  # whose folders hold no examples
    made.add(train=[1], evaluation=2)
    made.add(train=[1], evaluation=2, edits={1: "corrected"})
    found = _compare(made, 0, 1)
    assert (found.spans[0].by_row, found.rows) == (None, None)
    assert "no comparison by row, since the examples of a run were deleted" in run_comparison_text(found)


def test_unknown_run(history):
    with pytest.raises(UsageError, match="run 2020 is not in this metadata store"):
        compare_runs(history.store, history.home, "2020", history.run_ids[0])


def test_schema(tmp_path):
    texts = {
        "schema-aaaa": 'feature { name: "a" type: INT } feature { name: "b" type: BYTES domain: "x" } '
        'feature { name: "c" type: INT } string_domain { name: "x" value: "1" }',
        "schema-bbbb": 'feature { name: "a" type: INT } feature { name: "b" type: BYTES domain: "x" } '
        'feature { name: "d" type: INT } string_domain { name: "x" value: "2" }',
    }
    paths = []
    for name, text in texts.items():
        path = tmp_path / name / "schema.pbtxt"
        path.parent.mkdir()
        path.write_text(text)
        paths.append(str(path))
    found = schema_change(*paths)
    assert (found.added, found.removed, found.changed) == (("d",), ("c",), ("b",))  # b through its domain
    assert schema_change(paths[0], paths[0]) is None
    assert schema_change(paths[0], "") is None
    Path(paths[0]).unlink()
    assert schema_change(*paths).sha256[0] == "aaaa"


def test_intervals_that_cannot_be_had_are_explained(history):
    def compare(before, after):
        ids = history.run_ids
        return compare_runs(history.store, history.home, ids[before], ids[after], with_intervals=True)

    found = compare(0, 3)
    assert found.intervals is None
    assert "model" in found.without_intervals
    assert "No intervals: " in run_comparison_text(found)
    assert compare(0, 4).without_intervals == "the two runs were evaluated on different spans"
    assert compare(4, 5).without_intervals == "a run has no model"
