"""The journal: what is kept of looks and decisions, and what interrupted or simultaneous writers leave."""

import multiprocessing
from pathlib import Path

import numpy as np

from components.registry.aliases import Aliases
from serving.canary import journal as module
from serving.canary.decision import Decision, decide
from serving.canary.journal import FILE, FORMER, Journal
from tests.serving.canary.arms import drawn

ALIASES = Aliases("r", live=1, canary=2, share=0.05, step=1, key="k", since="2026-11-02T00:00:00+00:00")


def decision(requests: int, error_rate: float = 0.01) -> Decision:
    rng = np.random.default_rng(7)
    return decide(drawn(rng, 10 * requests), drawn(rng, requests, error_rate))


def test_a_look_keeps_its_evidence(tmp_path: Path):
    found = decision(2000)
    assert Journal(tmp_path).add_look(ALIASES, found)
    (line,) = Journal(tmp_path).lines()
    assert (line["version"], line["live"], line["share"], line["requests"]) == (2, 1, 0.05, 2000)
    assert line["decision"] == found.name and line["reasons"] == list(found.reasons)
    first = line["findings"][0]
    assert (first["check"], first["estimate"], first["lower"]) == (
        "errors",
        found.findings[0].estimate,
        found.findings[0].lower,
    )


def test_a_look_that_says_the_same_is_not_written(tmp_path: Path):
    journal = Journal(tmp_path)
    assert journal.add_look(ALIASES, decision(2000))
    assert not journal.add_look(ALIASES, decision(2000))
    assert not journal.add_look(ALIASES, decision(2039))
    assert journal.add_look(ALIASES, decision(2040))
    assert journal.add_look(ALIASES, decision(2040, 0.2)), "another decision"
    assert journal.add_look(ALIASES, decision(2040, 0.2), "rollback"), "a consequence"
    assert [line["action"] for line in journal.lines()] == ["wait", "wait", "wait", "rollback"]


def test_decisions(tmp_path: Path):
    Journal(tmp_path).add_decision({"action": "promote", "version": 2, "when": "2026-11-02", "analysis": {"a": 1}})
    assert Journal(tmp_path).lines() == [
        {"kind": "decision", "time": "2026-11-02", "action": "promote", "version": 2},
    ]


def test_a_torn_line_costs_itself_alone(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.add_decision({"version": 1})
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"kind": "decision", "versi')
    journal.add_decision({"version": 2})
    assert [line["version"] for line in journal.lines()] == [1, 2]


def test_no_journal(tmp_path: Path):
    assert Journal(tmp_path / "none").lines() == []


def test_a_long_journal_becomes_the_former_one(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1000)
    journal = Journal(tmp_path)
    for version in range(40):
        journal.add_decision({"version": version, "reason": "r" * 50})
    assert (tmp_path / FORMER).stat().st_size < 1300
    versions = [line["version"] for line in journal.lines()]
    assert versions == list(range(versions[0], 40)) and len(versions) >= 8


def _add(folder: Path, writer: int) -> None:
    for count in range(200):
        Journal(folder).add_decision({"version": writer, "count": count})


def test_several_writers_lose_nothing(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_add, args=(tmp_path, writer)) for writer in range(3)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
    lines = Journal(tmp_path).lines()
    for writer in range(3):
        assert [line["count"] for line in lines if line["version"] == writer] == list(range(200))
