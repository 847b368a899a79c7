"""`plumbline dashboard`, and what other commands leave for it: the journal, and decisions that it makes itself."""

import json
import os
import sys
import time
from pathlib import Path

from components.registry.registry import Registry
from monitor.dashboard.history import Place
from monitor.dashboard.version_changes import VersionChanges
from serving.canary.journal import Journal
from tests.monitor.dashboard.made_up import RUN, made_up
from tests.pipeline.cli.test_canary import history as history
from tests.pipeline.cli.test_canary import plumbline as plumbline
from tests.pipeline.cli.test_canary import served

CHECKOUT = Path(__file__).parents[3]


def test_writes_a_page_with_links_to_the_reports(plumbline, history, tmp_path):
    labels = (history.home / "registry" / "labels.json").read_bytes()
    made_up(history.home, days=3)
    (history.home / "registry" / "labels.json").write_bytes(labels)
    code, out, err = plumbline("dashboard")
    assert (code, out, err) == (0, f"{history.home / 'dashboard.html'}\n", "")
    page = (history.home / "dashboard.html").read_text()
    assert "1 open incident" in page and f'href="reports/{RUN}/report.html"' in page
    assert "<dt>Live</dt><dd>3</dd>" in page
    elsewhere = tmp_path / "a" / "page.html"
    code, out, _ = plumbline("dashboard", "-o", str(elsewhere), "--windows", "2", "--json")
    assert (code, json.loads(out)) == (0, {"report": str(elsewhere)})
    target = os.path.relpath(history.home / "reports" / RUN / "report.html", elsewhere.parent)
    assert f'href="{target}"' in elsewhere.read_text() and "2 windows shown" in elsewhere.read_text()


def test_without_a_monitor_the_page_says_how_to_start_it(plumbline, history):
    assert plumbline("dashboard")[0] == 0
    assert "plumbline monitor --dataset flights" in (history.home / "dashboard.html").read_text()


def test_bad_arguments(plumbline, history, tmp_path):
    for arguments, said in (
        (("--windows", "0"), "--windows 0: must be between 1 and 10,000"),
        (("-o", str(tmp_path)), "is a folder; name a file"),
    ):
        code, out, err = plumbline("dashboard", *arguments)
        assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_commands_leave_their_decisions_and_looks(plumbline, history):
    plumbline("promote", "2", "--reason", "complaints")
    plumbline("canary", "start", "3", "--share", "0.2")
    served(history, 300)
    plumbline("canary", "status")
    plumbline("canary", "status")
    lines = Journal(history.home / "canary").lines()
    assert [(line["kind"], line.get("action")) for line in lines] == [
        ("decision", "promote"),
        ("decision", "canary"),
        ("look", "wait"),
    ]
    assert lines[0]["reason"] == "complaints" and lines[2]["requests"] == 300
    plumbline("dashboard")
    page = (history.home / "dashboard.html").read_text()
    assert "Canary 3 against version 2, 20.0" in page and "Promoted version 2, by a person" in page


def test_a_decision_of_the_dashboard_is_recorded_in_metadata(plumbline, history, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    root = str(history.home.parent)
    command = [sys.executable, "-m", "pipeline.cli.decision_recorder", "--root", root, "--dataset", "flights"]
    place = Place("flights", history.home, str(history.home / "registry"))
    VersionChanges({"flights": command}).carry_out(place, "rollback", {"reason": "complaints"})
    assert Registry(place.registry).labels().live == 2
    end = time.monotonic() + 120
    while not (found := json.loads(plumbline("runs", "--json")[1])["decisions"]):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert (found[0]["action"], found[0]["version"], found[0]["by"], found[0]["reason"]) == (
        "rollback",
        3,
        "person",
        "in the dashboard: complaints",
    )
