"""The list of runs."""

import json

import pytest

from benchmarks.synthetic_history import History
from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.run_history.runs import history, runs_text
from tests.pipeline.report.a_run import RUN, summary


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> History:
    made = History(tmp_path_factory.mktemp("runs") / "flights")
    made.add(train=[1, 2, 3], evaluation=4)
    made.add(train=[2, 3, 4], evaluation=5, push=False)
    made.add(train=[2, 3, 4], evaluation=5, push=False, learning_rate=0.1, until="Trainer")
    return made


def test_newest_first(made):
    runs = history(made.home)
    assert [run.run_id for run in runs] == made.run_ids[::-1]
    assert [run.state for run in runs] == ["unfinished", "done", "done"]
    first = runs[-1]
    assert first.when == "2026-01-01T00:00:00+00:00"
    assert first.spans == {"train": [1, 2, 3], "eval": [4]}
    assert first.rows == {"train": 3000, "eval": 1000}
    assert (first.drifted, first.pushed, first.blessed, first.seconds) == (0, 1, True, 100.0)
    assert (first.components, first.cached) == (9, 0)
    assert first.metrics == {"auc": 0.7, "average_precision": 0.5, "f1": 0.5}  # what is no metric is left out
    assert runs[1].cached == 1  # the schema
    json.dumps([run.to_json() for run in runs], allow_nan=False)


def test_limit(made):
    assert [run.run_id for run in history(made.home, limit=1)] == made.run_ids[-1:]
    with pytest.raises(UsageError, match="--limit 0: must be at least 1"):
        history(made.home, limit=0)


def test_runs_whose_reports_are_gone_are_in_the_metadata(made, tmp_path):
    import shutil

    home = tmp_path / "flights"
    shutil.copytree(made.home, home)
    shutil.rmtree(home / "reports" / made.run_ids[0])
    assert len(history(home)) == 2
    assert history(home, made.store)[-1].state == "no report"


def test_a_damaged_summary_is_told_from_an_unfinished_run(made, tmp_path):
    folder = tmp_path / "flights" / "reports" / "20260101T000000Z-0000"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text('{"run_id": ')
    (tmp_path / "flights" / "reports" / "20260102T000000Z-0000").mkdir()
    assert [run.state for run in history(tmp_path / "flights")] == ["unfinished", "unreadable"]


def test_drift_is_counted_by_columns_as_the_report_counts_it(tmp_path):
    def drifted(feature, **more):
        return {"feature": feature, "measure": "missing", "distance": 0.2, "threshold": 0.1, "drifted": True, **more}

    rows = [
        drifted("a"),
        drifted("a", measure="chebyshev"),
        drifted("a", slice="o=1"),
        drifted("b", slice="o=1"),
        drifted("b", slice="o=2"),
        drifted("(columns)", role="table"),
        {**drifted("c"), "drifted": False},
    ]
    folder = tmp_path / "reports" / RUN
    write_json(folder / "summary.json", summary(drift=[{"detail": "", **row} for row in rows]))
    (run,) = history(tmp_path)
    assert (run.drifted, run.drifted_in_slices) == (1, 1)
    assert "1 (+1 in slices)" in runs_text([run])


def test_no_run(tmp_path):
    with pytest.raises(UsageError, match="no run yet"):
        history(tmp_path / "flights")


def test_text(made):
    heading, *lines = runs_text(history(made.home)).splitlines()
    assert heading.split() == [
        *("run", "train", "eval", "rows", "drift", "auc", "average_precision", "f1", "outcome", "cached", "seconds")
    ]
    assert "unfinished" in lines[0]
    assert "not blessed" in lines[1]
    assert lines[2].split() == [
        *(made.run_ids[0], "1-3", "4", "4,000", "0", "0.7000", "0.5000", "0.5000", "pushed", "as", "v1", "0/9", "100")
    ]
