"""One reader of summary.json, one policy for an unusable one: refused alone, skipped and counted among others."""

import json

import pytest

from components.shared.errors import UsageError
from pipeline.drift.history import load_history
from pipeline.metadata.summary_files import read_summary, summaries, summary_of_run
from pipeline.notebook_views.last_run import last_run
from pipeline.report.history import read_runs
from pipeline.report.history_page import history_page
from pipeline.run_history.runs import history
from tests.pipeline.report.a_run import RUN, summary

UNUSABLE = {
    "20261122T000000Z-cut0": '{"run_id": ',
    "20261122T000001Z-void": "  ",
    "20261122T000002Z-list": "[1]",
    "20261122T000003Z-late": json.dumps(summary(run_id="another")),
    "20261122T000004Z-poor": json.dumps({"run_id": "20261122T000004Z-poor"}),
    "20261122T000005Z-byte": b"\xff\xfe{",
}
WHY = {
    "cut0": "is damaged or cut short",
    "void": "is empty",
    "list": "is no JSON object",
    "late": "is not the summary of run",
    "poor": "has no usable dataset, spans",
    "byte": "is damaged or cut short",
}


@pytest.fixture
def home(tmp_path):
    """A run that is whole, the unusable ones, and one that is under way."""
    home = tmp_path / "flights"
    found = {
        RUN: json.dumps(summary(components=[{"id": "StatisticsGen", "state": "cached", "seconds": 1.0}])),
        **UNUSABLE,
    }
    for name, text in found.items():
        (home / "reports" / name).mkdir(parents=True)
        (home / "reports" / name / "summary.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    (home / "reports" / "20261123T000000Z-0000").mkdir()
    (home / "reports" / "runs.html").write_text("")
    return home


@pytest.mark.parametrize("run_id", UNUSABLE)
def test_alone_it_is_refused_with_the_reason_and_the_repair(home, run_id):
    why = WHY[run_id[-4:]]
    with pytest.raises(UsageError, match=f"summary.json: {why}.*; run `plumbline doctor`"):
        summary_of_run(home, run_id)


def test_a_run_without_a_summary_is_another_matter(home):
    with pytest.raises(UsageError, match="no such run, or it ended without a summary"):
        summary_of_run(home, "20261123T000000Z-0000")
    assert summary_of_run(home, "20261123T000000Z-0000", unfinished=True) == {}
    assert read_summary(home / "reports" / "runs.html").wrong == "missing"


def test_among_others_it_is_skipped_and_counted_by_every_reader(home):
    read = summaries(home)
    assert [one["run_id"] for one in read.usable] == [RUN]
    assert set(read.skipped) == set(UNUSABLE)
    assert summaries(home, until=RUN).skipped == {}
    assert [run.state for run in history(home)] == ["unfinished", *["unreadable"] * 6, "done"]
    assert (len(read_runs(home)[0]), read_runs(home)[1]) == (1, 6)
    assert "6 more have an unreadable summary" in history_page(home)
    assert load_history(home.parent, "flights").unreadable == 6
    assert last_run(home.parent, "flights")["run_id"] == RUN
    with pytest.raises(UsageError, match=r"no run reached Trainer yet \(6 unreadable summaries skipped"):
        last_run(home.parent, "flights", "Trainer")
