"""What the first screen says of a run, and of chance."""

import re

import pytest

from pipeline.report.page import report_page
from pipeline.report.reasons import said
from pipeline.report.verdict import Note, notes, verdict
from tests.pipeline.report.a_run import EVALUATION, GATE, facts, summary
from tests.pipeline.report.read_page import KINDS


def test_the_verdict_of_each_kind():
    assert verdict(KINDS["pushed"]).headline == "Pushed as version 4"
    assert "champion version 3" in verdict(KINDS["pushed"]).lead
    assert verdict(KINDS["pushed"]).why == (
        "Asked overall: AUC at least 0.6 (it has 0.7500).",
        "Asked on every slice of at least 50 rows: AUC at least 0.55 (lowest 0.7000, origin=LGA).",
        "Allowed below champion version 3: AUC 0.003 (it is +0.0100).",
    )
    assert verdict(KINDS["not pushed"]).why == ("AUC is 0.7000, below the 0.7500 that the champion asks for",)
    assert verdict(KINDS["not pushed"]).kind == "bad"
    assert "no champion yet" in verdict(KINDS["first"]).lead
    assert verdict(KINDS["blocked"]).headline == "Stopped by the data gate"
    assert verdict(KINDS["blocked"]).why == (f"T{GATE.removeprefix('t')}",)
    assert verdict(KINDS["failed"]).headline == "Stopped: Trainer failed"
    assert verdict(KINDS["no model"]).kind == "stopped"


def beside_the_line(**more):
    """A run whose evaluator measured by how much the candidate's metrics lie off those of the linear baseline."""
    told = [{"baseline": "linear", "metric": name, "difference": d, "error": e} for name, (d, e) in more.items()]
    return facts(evaluation={**EVALUATION, "baseline_differences": told}, features=(), curves={}, past=())


BOTH = "logistic regression in average precision: 0.5000 against 0.4500"


@pytest.mark.parametrize(
    ("difference", "error", "kind", "text"),
    [
        # 95 % intervals by hand: difference +- 1.96 errors
        (0.05, 0.01, "fine", f"Better than {BOTH}, +0.0500 (+0.030 to +0.070)."),
        (0.05, 0.03, "level", f"Level with {BOTH}; the difference, +0.0500 (-0.009 to +0.109), could be chance."),
        (-0.05, 0.03, "level", f"Level with {BOTH}; the difference, -0.0500 (-0.109 to +0.009), could be chance."),
        (-0.05, 0.01, "mind", f"Worse than {BOTH}, -0.0500 (-0.070 to -0.030); chance does not explain it."),
        (0.0, 0.01, "level", "Level with logistic regression: the same average precision, 0.5000."),
        (
            0.05,
            None,
            "unknown",
            "Logistic regression reaches average precision 0.4500, the candidate 0.5000; whether that is chance cannot "
            "be told.",
        ),
    ],
)
def test_where_chance_explains_a_difference_to_a_line_no_side_is_called_better(difference, error, kind, text):
    found = beside_the_line(average_precision=(difference, error))
    (note,) = notes(found)
    assert (note.kind, note.text.replace("\N{MINUS SIGN}", "-")) == (kind, text)
    page = report_page(found)
    assert f'<li class="{kind}">' in page
    tile = re.search(r"Average precision</dt>(.*?)</div>", page)[1].rpartition("against v3")[2]
    if difference and error:
        assert ("could be chance" in tile) == (kind == "level")
        assert re.findall('class="(up|down|same)"', tile) == [{"fine": "up", "mind": "down", "level": "same"}[kind]]


def test_all_in_which_a_line_is_surely_better_is_named():
    found = beside_the_line(
        average_precision=(0.05, 0.03), auc=(-0.05, 0.01), log_loss=(0.2, 0.01), precision=(-0.2, 0.01)
    )
    baselines = {"linear": {"auc": 0.8, "average_precision": 0.45, "log_loss": 0.4, "precision": 0.9}}
    found = facts(evaluation={**found.evaluation, "baselines": baselines})
    _, behind = notes(found)
    assert (behind.kind, behind.text) == (
        "mind",
        "Worse than logistic regression, beyond chance, in AUC (\N{MINUS SIGN}0.0500) and log loss (+0.2000).",
    )


def test_the_evaluators_warnings_follow_and_the_one_about_the_line_is_said_once():
    text = "average_precision 0.4000 <= 0.4500: does not beat the linear baseline"
    measured = beside_the_line(average_precision=(-0.05, 0.01)).evaluation
    assert [note.kind for note in notes(facts(evaluation={**measured, "warnings": [text, "auc: w"]}))] == ["mind"] * 2
    # Where it cannot be measured here, the evaluator's own words are shown.
    without = {**EVALUATION, "baselines": {}, "warnings": [text]}
    assert notes(facts(evaluation=without)) == (Note("mind", f"{said(text)}."),)
    blocked = summary(blessed=False, pushed=None, reasons=[text])
    assert notes(facts(summary=blocked, evaluation=measured)) == ()  # it is among the reasons
    assert "chance does not explain" in verdict(facts(summary=blocked)).why[0]
    many = notes(facts(evaluation={**EVALUATION, "warnings": [f"auc: w{n}" for n in range(9)]}))
    assert [note.text for note in many[1:3]] == ["AUC: w0.", "AUC: w1."]
    assert many[-1] == Note("mind", "And 5 more in verdict.json.")
    page = report_page(facts(evaluation=measured))
    assert page.index("Worse than logistic regression") < page.index('id="data"')
    assert notes(KINDS["blocked"]) == ()
    assert notes(KINDS["no artifacts"]) == ()
