import re
from functools import cache
from html.parser import HTMLParser

import pytest

from components.errors import UsageError
from components.files import write_json
from pipeline.drift.text import in_short
from pipeline.report.compare_page import compare_page, write_compare
from pipeline.report.feature_rows import feature_rows, ratio_of
from pipeline.report.history_page import history_page, write_history
from pipeline.report.page import report_page
from pipeline.report.reasons import said
from pipeline.report.verdict import Note, notes, verdict
from pipeline.report.write import rewrite_report, write_report
from tests.pipeline.report.a_run import (
    ERRORS,
    EVALUATION,
    EVIL,
    GATE,
    RUN,
    category,
    drift,
    facts,
    left_behind,
    number,
    past,
    stopped,
    summary,
)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def named(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


KINDS = {
    "pushed": facts(),
    "not pushed": facts(summary=summary(blessed=False, pushed=None, reasons=["auc 0.7000 < 0.7500 (champion)"])),
    "first": facts(summary=summary(champion=None), curves={"candidate": facts().curves["candidate"]}),
    "blessed, not pushed": facts(summary=summary(pushed=None)),
    "blocked": stopped(),
    "blocked at once": stopped(rows={}, drift=[], unlabelled={}),
    "failed": stopped(
        stopped="Trainer failed: ValueError: x",
        components=[{"id": "Trainer", "state": "failed", "seconds": 1.0}],
    ),
    "no model": facts(summary=summary(metrics={}, champion=None, blessed=False, pushed=None)),
    "regression": facts(
        summary=summary(metrics={"rows": 9.0, "rmse": 1.5, "mae": 1.0}, champion=None),
        curves={},
        evaluation={},
        errors={},
    ),
    "no artifacts": facts(
        features=(), curves={}, evaluation={}, errors={}, training={}, settings={}, files=(), past=(), gone=("a.b",)
    ),
    "no spans": facts(summary=summary(spans={"train": [1], "eval": [1]})),
}


@cache
def page_of(kind):
    return report_page(KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_has_a_report(kind):
    page = Page(page_of(kind))
    assert len(page.named("h1")) == 1
    assert {"main", "header", "nav", "footer"} <= {tag for tag, _ in page.tags}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.named("a"):
        assert attributes["href"].removeprefix("#") in ids
    for drawn in page.named("svg"):
        assert drawn.get("aria-label") or drawn.get("aria-hidden") == "true"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_fetched(kind):
    text = page_of(kind)
    page = Page(text)
    assert "default-src 'none'" in text
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/)", text)


def test_nothing_from_data_becomes_markup():
    bad = facts(
        summary=summary(
            dataset=EVIL,
            drift=[drift(EVIL, 0.5, 0.1, detail=EVIL), drift(EVIL, 0.5, 0.1, slice=EVIL)],
            anomalies=[{"feature": EVIL, "kind": EVIL, "detail": EVIL}],
            reasons=[EVIL],
            blessed=False,
            pushed=None,
            labels={"rows": 1, "classes": {EVIL: 1.0}, "issues": [{"id": EVIL, "label": EVIL}], "x": EVIL},
        ),
        evaluation={
            "warnings": [EVIL],
            "slices": {EVIL: {"rows": 100.0, "auc": 0.5}},
            "baselines": {"linear": {"average_precision": 0.1}},
            "champion": {"version": 3},
            "comparisons": [{**EVALUATION["comparisons"][1], "slice": EVIL, "metric": EVIL}],
            "fairness": {"groups": {EVIL: {EVIL: {"rows": 1.0}}}, "gaps": []},
        },
        errors={
            "says": EVIL,
            "slices": [{**ERRORS["slices"][0], "slice": EVIL, "next": EVIL, "moved": [EVIL]}],
            "importance": [{**ERRORS["importance"][0], "feature": EVIL, "metric": EVIL}],
        },
        training={"blend": {EVIL: 1.0}, "small_data": {EVIL: EVIL}},
        features=(category(EVIL, (EVIL, "</svg>")), number(EVIL + "2")),
        settings={EVIL: {EVIL: EVIL}},
        past=(past(1, drift=(drift(EVIL, 0.1, 0.1),)), past(2, drift=(drift(EVIL, 0.1, 0.1),))),
        gone=(EVIL,),
    )  # fmt: skip
    page = Page(report_page(bad))
    plain = Page(page_of("pushed"))
    assert len(page.named("script")) == len(plain.named("script")) == 1
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert EVIL in page.texts
    assert "check its labels: 9 % doubtful" in plain.texts


def test_the_only_script_is_the_one_that_the_policy_names():
    import base64
    import hashlib

    text = page_of("pushed")
    script = re.search(r"<script>(.*?)</script>", text, re.S)[1]
    assert f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}" in text


def test_a_thousand_features_stay_small_and_whole():
    names = [f"feature_{place}" for place in range(1000)]
    many = facts(
        summary=summary(drift=[drift(name, place / 1000, 0.9) for place, name in enumerate(names)]),
        features=tuple(number(name) if place % 2 else category(name) for place, name in enumerate(names)),
        past=tuple(past(span, drift=tuple(drift(name, 0.1, 0.9) for name in names)) for span in range(1, 13)),
    )
    text = report_page(many)
    assert len(text.encode()) < 5_000_000
    assert text.count('<details class="feature"') == 1000
    assert text.count('class="mini"') == text.count('class="spark"') == 1000
    assert text.count('class="chart"') < 60


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


def test_doubtful_labels_are_counted_and_what_the_audit_notes_is_said():
    labels = {
        "rows": 3000, "classes": {"0": 0.8, "1": 0.2}, "judged": 2000, "doubtful": 50, "model": "boosting",
        "class_noise": [{"label": "1", "rows": 600, "doubtful": 45, "noise": 0.075}], "notes": ["classes overlap"],
        "issues": [{"row": 7, "id": None, "label": "1", "suggested": "0", "quality": 0.2}], "outlying_rows": 3,
        "separable": False,
    }  # fmt: skip
    told = " ".join(" ".join(Page(report_page(facts(summary=summary(labels=labels)))).texts).split())
    assert (
        "50 of 2,000 training labels are doubtful (2.5 %), judged out of sample by boosting. Classes overlap. "
        "The 1 most doubtful:"
    ) in told.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "Rows unlike all others 3" in told
    assert "separable" not in told.lower()
    assert "7.5" in told


def test_all_that_the_evaluation_and_the_error_analysis_recorded_is_on_the_page():
    page = Page(page_of("pushed"))
    told = " ".join(" ".join(page.texts).split())
    for wanted in (
        "0.720 to 0.780",  # the interval of the evaluator, not of a formula
        "+0.006 to +0.014",  # of the difference: 0.01 +- 1.96 x 0.002
        "Linear",
        "0.4500",
        "worse beyond chance: AUC on origin=LGA",
        "Loss that would be seen",
        "0.40 boosted trees + 0.60 network, learned again from all rows",
        "75 rounds of at most 600",
        "5 epochs of at most 12, the best after 3; 14,197 examples per second",
        "batch_size 64, epochs 12",
        "From a score of 0.50 on",
        "1 weak slice of 40 slices looked at",
        "40.0 % positive, 20.0 % predicted; elsewhere 10.0 %, 15.0 %",
        "9.0 %, elsewhere 2.0 %",
        "moved: temp",
        "temp matters most",
        "among 400 eval rows",
        "0.640 to 0.760",
        "beyond chance",
        "Positive rate: LGA is 0.1000 above EWR (origin), within chance.",
        "\N{MINUS SIGN}0.0500",
    ):
        assert wanted in told, wanted


def test_no_weak_slice_is_said():
    errors = {"says": "No weak slice: none of 9 slices looked at.", "slices": [], "looked": 9, "min_rows": 50}
    text = report_page(facts(errors=errors))
    assert "No weak slice: none of 9 slices looked at." in text
    assert "Where more or better data would help most" not in text
    assert "none of 9</dd>" in text


@pytest.mark.parametrize(
    "metrics",
    [
        {"rows": 9.0, "accuracy": 0.9, "log_loss": 0.2, "calibration_error": 0.01},
        {"rows": 9.0, "rmse": 54321.0, "mae": 43210.0},
    ],
    ids=["multiclass", "regression"],
)
def test_other_tasks(metrics):
    name = list(metrics)[1]
    evaluation = {
        "intervals": {name: [metrics[name] * 0.9, metrics[name] * 1.1]},
        "baselines": {base: {name: metrics[name] * 2} for base in ("prior", "linear")},
        "baseline_differences": [
            {"baseline": "linear", "metric": name, "difference": -metrics[name], "error": metrics[name] / 98}
        ],
        "slices": {"a=b": {"rows": 60.0, name: metrics[name]}},
    }
    found = facts(summary=summary(metrics=metrics, champion=None), evaluation=evaluation, curves={}, errors={})
    told = " ".join(Page(report_page(found)).texts)
    assert "Where it decides" not in told
    assert ("Whether its scores mean what they say" in told) == ("accuracy" in metrics)
    wanted = {
        "accuracy": ("0.810 to 0.990", "1.8000"),
        "rmse": ("48,889 to 59,753", "108,642", "\N{MINUS SIGN}54,321", "\N{MINUS SIGN}55,407"),
    }
    for figure in wanted[name]:
        assert figure in told, figure
    assert ("linear regression" in told) == (name == "rmse")


def test_what_moved_most_comes_first():
    found = facts(
        summary=summary(
            drift=[
                drift("temp", 0.4, 0.5, "jensen_shannon"),
                drift("carrier", 0.01, 0.02),
                drift("carrier", 0.3, 0.2, slice="origin=EWR", q_value=0.001),
                drift("gone", 0.9, 0.1, "missing"),
            ],
            anomalies=[{"feature": "temp", "kind": "k", "detail": "too hot"}],
        )
    )  # fmt: skip
    rows = {row.name: row for row in feature_rows(found)}
    assert list(rows) == ["gone", "carrier", "temp", "late"]
    assert rows["carrier"].drifted
    assert (rows["carrier"].worst.distance, rows["carrier"].worst.where) == ("0.0100", "")
    assert [(line.where, line.chance) for line in rows["carrier"].lines] == [("", ""), ("origin=EWR", "q = 0.001")]
    assert rows["gone"].chart is None
    assert rows["temp"].findings == ("too hot",)
    assert rows["late"].tag == "label"
    assert rows["carrier"].course is not None


def test_drift_is_counted_as_the_terminal_counts_it():
    rows = [
        drift("temp", 0.9, 0.5, "jensen_shannon"),
        drift("carrier", 0.01, 0.02),
        drift("carrier", 0.3, 0.2, slice="origin=EWR"),
        drift("(columns)", 0.1, 0.3, "joint", role="table"),
    ]
    told = " ".join(Page(report_page(facts(summary=summary(drift=rows), features=(), curves={}))).texts)
    assert "1 of 2 compared, 1 in slices only" in told
    assert in_short(rows).startswith("1 of 2 compared features: ")
    assert "; in slices only 1: " in in_short(rows)


def test_a_distance_is_told_in_units_of_its_threshold():
    assert ratio_of(0.3, 0.2) == pytest.approx(1.5)
    assert ratio_of(0.0, 0.0) == 0.0
    assert ratio_of(0.1, 0.0) > 1
    assert ratio_of(0.1, None) == 0.0


def test_the_file_appears_where_it_belongs(tmp_path):
    home = left_behind(tmp_path)
    path = write_report(home, summary())
    assert path == home / "reports" / RUN / "report.html"
    assert rewrite_report(home, RUN).read_text() == path.read_text()
    assert [found.name for found in sorted(path.parent.iterdir())] == ["report.html", "summary.json"]
    with pytest.raises(UsageError, match="no such run"):
        rewrite_report(home, "r0")


def test_the_same_run_makes_the_same_page():
    assert report_page(facts()) == page_of("pushed")


def test_history(tmp_path):
    with pytest.raises(UsageError, match="no run yet"):
        history_page(tmp_path)
    home = left_behind(tmp_path)
    blocked = {"metrics": {}, "champion": None, "pushed": None, "stopped": GATE}
    for run_id, span, changes in (("20261121T100000Z-bbbb", 5, {"pushed": 5}), ("20261121T110000Z-cccc", 6, blocked)):
        told = summary(run_id=run_id, spans={"train": [2], "eval": [span]}, **changes)
        write_json(home / "reports" / run_id / "summary.json", told)
    write_report(home, summary())
    path = write_history(home)
    page = Page(path.read_text())
    assert path == home / "reports" / "runs.html"
    assert [a["href"] for a in page.named("a")] == ["#main", f"{RUN}/report.html"]
    assert {"version 4", "version 5", "stopped", "2026-11-21 10:00 UTC"} <= set(page.texts)
    assert "3 runs" in path.read_text()
    # Elsewhere, links would lead nowhere.
    assert f"{RUN}/report.html" not in write_history(home, tmp_path / "x.html").read_text()


def test_compare(tmp_path):
    home = left_behind(tmp_path)
    other = summary(
        run_id="20261121T100000Z-bbbb",
        fingerprints={"data": "e" * 64, "code": "c" * 64},
        drift=[drift("carrier", 0.5, 0.02), drift(EVIL, 0.5, 0.02)],
        metrics={"auc": 0.8},
    )
    write_json(home / "reports" / other["run_id"] / "summary.json", other)
    page = Page(compare_page(home, RUN, other["run_id"]))
    assert {"data fingerprint", "d" * 12, "e" * 12, "+0.0500", EVIL} <= set(page.texts)
    assert "code fingerprint" not in page.texts
    assert f"plumbline compare {RUN} {other['run_id']} --dataset {home.name} --intervals" in page.texts
    assert ", better" not in page.texts  # two figures do not say so
    assert any("comes from the data" in text for text in page.texts)
    assert write_compare(home, RUN, RUN).name == f"compare-{RUN}-{RUN}.html"
    assert "Nothing: the same data" in compare_page(home, RUN, RUN)


def test_a_table_without_spans():
    text = " ".join(Page(page_of("no spans")).texts)
    assert "Trained on 3,000 rows; evaluated on 1,000 rows drawn from the same data." in text
    assert "On the 1,000 rows of the eval split" in text


def test_corrections_are_told():
    made = {"name": "data/flights/corrections.csv", "rows": 5, "relabelled": 2, "changed": 1, "dropped": 1}
    text = report_page(facts(summary=summary(corrections=[made])))
    assert "5 corrections in <code>data/flights/corrections.csv</code>" in text
    assert "2 relabelled, 1 changed otherwise, 1 dropped" in text
