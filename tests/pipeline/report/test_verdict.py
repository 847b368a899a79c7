"""What the first screen says of a run, and of chance."""

import re

import pytest

from components.evaluator.findings import Lead, LinearBaseline, SimplerModelAhead
from pipeline.report.finding_sentences import sentence
from pipeline.report.page import report_page
from pipeline.report.verdict import Note, notes, verdict
from tests.pipeline.report.a_run import EVALUATION, GATE, drift, facts, summary
from tests.pipeline.report.read_page import KINDS


def test_the_verdict_of_each_kind():
    assert verdict(KINDS["pushed"]).headline == "Pushed as version 4"
    assert "champion version 3" in verdict(KINDS["pushed"]).lead
    assert verdict(KINDS["pushed"]).why == (
        "Thresholds, all rows: AUC ≥ 0.6 (candidate 0.7500).",
        "Thresholds, every slice of at least 50 rows: AUC ≥ 0.55 (lowest 0.7000, origin=LGA).",
        "Tolerance against champion version 3: AUC 0.003 (difference +0.0100).",
        "Tolerance against champion version 3, every slice of at least 50 rows: Recall 0.02.",
    )
    assert verdict(KINDS["not pushed"]).why == ("AUC is 0.7000, below the champion's value with the tolerance, 0.7500",)
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
        (0.05, 0.03, "level", f"Not significantly different from {BOTH}, difference +0.0500 (-0.009 to +0.109)."),
        (-0.05, 0.03, "level", f"Not significantly different from {BOTH}, difference -0.0500 (-0.109 to +0.009)."),
        (-0.05, 0.01, "warning", f"Worse than {BOTH}, -0.0500 (-0.070 to -0.030)."),
        (0.0, 0.01, "level", "Equal to logistic regression in average precision: 0.5000."),
        (
            0.05,
            None,
            "unknown",
            "Logistic regression has average precision 0.4500, the candidate 0.5000; the difference was not tested.",
        ),
    ],
)
def test_comparison_with_the_linear_baseline(difference, error, kind, text):
    found = beside_the_line(average_precision=(difference, error))
    (note,) = notes(found)
    assert (note.kind, note.text.replace("\N{MINUS SIGN}", "-")) == (kind, text)
    page = report_page(found)
    assert f'<li class="{kind}">' in page
    tile = re.search(r"Average precision</dt>(.*?)</div>", page)[1].rpartition("against v3")[2]
    if difference and error:
        assert ("not significant" in tile) == (kind == "level")
        assert re.findall('class="(up|down|same)"', tile) == [{"fine": "up", "warning": "down", "level": "same"}[kind]]


def test_all_in_which_a_line_is_surely_better_is_named():
    found = beside_the_line(
        average_precision=(0.05, 0.03), auc=(-0.05, 0.01), log_loss=(0.2, 0.01), precision=(-0.2, 0.01)
    )
    baselines = {"linear": {"auc": 0.8, "average_precision": 0.45, "log_loss": 0.4, "precision": 0.9}}
    found = facts(evaluation={**found.evaluation, "baselines": baselines})
    _, behind = notes(found)
    assert (behind.kind, behind.text) == (
        "warning",
        "Significantly worse than logistic regression in AUC (\N{MINUS SIGN}0.0500) and log loss (+0.2000).",
    )


def test_the_evaluators_notices_follow_and_the_one_about_the_line_is_said_once():
    line = LinearBaseline("average_precision", 0.4, 0.45, True)
    ahead = SimplerModelAhead("linear", (Lead("auc", 0.7, 0.8, -0.1, -0.2, -0.05),))
    notices = [one.to_json() for one in (line, ahead)]
    measured = {**beside_the_line(average_precision=(-0.05, 0.01)).evaluation, "notices": notices}
    (shown,) = notes(facts(evaluation=measured))
    assert shown.text.startswith("Worse than logistic regression in average precision")
    # Where the differences are not known, the evaluator's findings are shown.
    without = {**EVALUATION, "baselines": {}, "notices": notices}
    assert notes(facts(evaluation=without)) == tuple(Note("warning", f"{sentence(one)}.") for one in (line, ahead))
    blocked = summary(blessed=False, pushed=None, violations=[line.to_json()], reasons=["text"])
    assert notes(facts(summary=blocked, evaluation={**measured, "notices": [], "shortfalls": ["text"]})) == ()
    page = report_page(facts(evaluation=measured))
    assert page.index("Worse than logistic regression") < page.index('id="data"')
    assert notes(KINDS["blocked"]) == ()
    assert notes(KINDS["no artifacts"]) == ()


def test_runs_of_earlier_versions_have_texts_alone():
    many = notes(facts(evaluation={**EVALUATION, "warnings": [f"auc: w{n}" for n in range(9)]}))
    assert [note.text for note in many[1:3]] == ["Auc: w0.", "Auc: w1."]
    assert many[-1] == Note("warning", "And 5 more in verdict.json.")
    old = facts(summary=summary(blessed=False, pushed=None, reasons=["auc 0.7 < 0.75 (champion)"]))
    assert verdict(old).why == ("Auc 0.7 < 0.75 (champion)",)


def test_a_finding_of_a_newer_version_is_shown_as_its_text_and_a_text_of_the_summary_alone_too():
    evaluation = {**EVALUATION, "notices": [{"kind": "of_tomorrow"}], "warnings": ["text of tomorrow"]}
    found = facts(summary=summary(warnings=["text of tomorrow", "rebuilt by doctor"]), evaluation=evaluation)
    assert [note.text for note in notes(found)[1:]] == ["Text of tomorrow.", "Rebuilt by doctor."]


def test_prior_shift_and_a_short_window_stand_on_the_first_screen():
    rows = [
        drift("late", 0.097, 0.08, role="label", detail="'0' was 77.1%, is 67.4%"),
        drift("late", 0.3, 0.08, role="label", slice="origin=EWR"),
    ]
    found = facts(summary=summary(drift=rows, settings={"data": {"window": 11}}), evaluation={})
    assert [(note.kind, note.text) for note in notes(found)] == [
        (
            "warning",
            "Prior shift: the label's distribution differs between train and eval, late chebyshev 0.097 > 0.08 ('0' "
            "was 77.1%, is 67.4%).",
        ),
        (
            "warning",
            "Short window: [data] window = 11, but only 3 spans precede the eval span; trained on spans 1-3.",
        ),
    ]
    page = report_page(found)
    assert page.index("Prior shift") < page.index("Short window") < page.index('id="data"')
    full = facts(summary=summary(settings={"data": {"window": 3}}), evaluation={})
    assert notes(full) == ()
