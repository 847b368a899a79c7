import re
from functools import cache

import pytest

from pipeline.drift.comparison_text import DriftCounts, drift_counts, in_short
from pipeline.report.feature_rows import feature_rows, ratio_of
from pipeline.report.page import report_page
from tests.pipeline.report.a_run import (
    ERRORS,
    EVALUATION,
    EVIL,
    category,
    drift,
    facts,
    number,
    past,
    summary,
)
from tests.pipeline.report.read_page import KINDS, Page


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
    assert text.count('class="distribution"') == text.count('class="sparkline"') == 1000
    assert text.count('class="chart"') < 60


def test_label_issues_are_counted_and_the_audits_notes_are_shown():
    labels = {
        "rows": 3000, "classes": {"0": 0.8, "1": 0.2}, "judged": 2000, "doubtful": 50, "model": "boosting",
        "class_noise": [{"label": "1", "rows": 600, "doubtful": 45, "noise": 0.075}], "notes": ["classes overlap"],
        "issues": [{"row": 7, "id": None, "label": "1", "suggested": "0", "quality": 0.2}], "outlying_rows": 3,
        "separable": False,
    }  # fmt: skip
    told = " ".join(" ".join(Page(report_page(facts(summary=summary(labels=labels)))).texts).split())
    assert (
        "50 of 2,000 training labels (2.5 %) are suspected errors by out-of-sample predictions of boosting. "
        "Classes overlap. The 1 with the lowest label quality:"
    ) in told.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "Outlier rows 3" in told
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
        "significantly worse: AUC on origin=LGA",
        "Detectable loss",
        "0.40 boosted trees + 0.60 network, refit on all rows",
        "75 rounds of at most 600",
        "5 epochs of at most 12, best epoch 3; 14,197 examples per second",
        "batch_size 64, epochs 12",
        "Decision threshold 0.50",
        "1 weak slice of 40 slices looked at",
        "40.0 % positive, 20.0 % predicted; other rows 10.0 %, 15.0 %",
        "9.0 %, other rows 2.0 %",
        "drifted: temp",
        "most important: temp",
        "within 400 eval rows",
        "0.640 to 0.760",
        "significant",
        "Positive rate: LGA is 0.1000 above EWR (origin), not significant.",
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
    assert "Decision threshold and" not in told
    assert ("Calibration" in told) == ("accuracy" in metrics)
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
    # It drifted in a slice only, so that row is shown, not the overall distance, which is below its threshold.
    shown = rows["carrier"].worst
    assert (shown.measure, shown.distance, shown.threshold, shown.where) == (
        "Chebyshev", "0.3000", "0.2000", "origin=EWR",
    )  # fmt: skip
    assert (rows["carrier"].drifted_in, rows["gone"].drifted_in, rows["temp"].drifted_in) == ("slices", "all rows", "")
    page = " ".join(" ".join(Page(report_page(found)).texts).split())
    assert "drifted in slices" in page
    assert [(line.where, line.chance) for line in rows["carrier"].lines] == [("", ""), ("origin=EWR", "q = 0.001")]
    assert rows["gone"].chart is None
    assert rows["temp"].findings == ("too hot",)
    assert rows["late"].tag == "label"
    assert rows["carrier"].history_chart is not None


def test_drift_is_counted_as_the_terminal_counts_it():
    rows = [
        drift("temp", 0.9, 0.5, "jensen_shannon"),
        drift("carrier", 0.01, 0.02),
        drift("carrier", 0.3, 0.2, slice="origin=EWR"),
        drift("(columns)", 0.1, 0.3, "joint", role="table"),
    ]
    told = " ".join(Page(report_page(facts(summary=summary(drift=rows), features=(), curves={}))).texts)
    assert "1 of 2 columns, in slices only 1" in told
    rows += [drift("temp", 0.9, 0.5, "missing"), drift("(rows)", 0.5, 0.1, "repeated", role="table")]
    assert drift_counts(rows) == DriftCounts(compared=2, drifted=1, in_slices=1, table=True)
    assert in_short(rows).startswith("1 of 2 compared features: temp jensen_shannon 0.9 > 0.5")
    assert "; in slices only 1: carrier in origin=EWR chebyshev 0.3 > 0.2" in in_short(rows)
    assert "; the table as a whole: (rows) repeated 0.5 > 0.1" in in_short(rows)


def test_drift_is_graded_where_the_run_recorded_a_severity():
    rows = [
        drift("temp", 0.9, 0.5, severity="severe"),
        drift("temp", 0.02, 0.01, "missing", severity="negligible"),
        drift("carrier", 0.03, 0.02, severity="negligible"),
        drift("carrier", 0.3, 0.2, slice="origin=EWR", severity="moderate"),
    ]
    rows.append(drift("dest", 0.3, 0.2, slice="origin=EWR", severity="severe"))
    rows.append(drift("model", 0.01, 0.2))
    found = drift_counts(rows)
    assert (found.drifted, found.severities) == (2, "1 severe, 1 moderate")
    assert (found.in_slices, found.slice_severities) == (1, "1 severe")
    assert "; in slices only 1 (1 severe): dest in origin=EWR" in in_short(rows)
    assert in_short(rows).startswith("2 of 4 compared features (1 severe, 1 moderate): temp")
    told = " ".join(Page(report_page(facts(summary=summary(drift=rows), features=(), curves={}))).texts)
    assert "2 of 4 columns (1 severe, 1 moderate), in slices only 1 (1 severe)" in told
    assert "severe drift" in told
    assert "negligible drift" in told


def test_a_distance_is_told_in_units_of_its_threshold():
    assert ratio_of(0.3, 0.2) == pytest.approx(1.5)
    assert ratio_of(0.0, 0.0) == 0.0
    assert ratio_of(0.1, 0.0) > 1
    assert ratio_of(0.1, None) == 0.0


def test_the_same_run_makes_the_same_page():
    assert report_page(facts()) == page_of("pushed")


def test_a_table_without_spans():
    text = " ".join(Page(page_of("no spans")).texts)
    assert "Trained on 3,000 rows; evaluated on 1,000 rows drawn from the same data." in text
    assert "Evaluated on the 1,000 rows of the eval split" in text


def test_corrections_are_told():
    made = {"name": "data/flights/corrections.csv", "rows": 5, "relabelled": 2, "changed": 1, "dropped": 1}
    text = report_page(facts(summary=summary(corrections=[made])))
    assert "5 corrections in <code>data/flights/corrections.csv</code>" in text
    assert "2 relabelled, 1 with other changes, 1 dropped" in text


GREY = "data:image/png;base64,iVBORw0KGgo="


def test_suspected_label_errors_show_their_images():
    issues = [
        {
            "row": 7,
            "id": "a7",
            "label": EVIL,
            "suggested": "none",
            "quality": 0.1,
            "images": {"photo": GREY, EVIL: GREY},
        },
        {"row": 9, "id": None, "label": "hole", "suggested": EVIL, "quality": 0.2, "images": {}},
    ]
    text = report_page(facts(thumbnails=tuple(issues)))
    page = Page(text)
    images = page.named("img")
    assert [one["src"] for one in images] == [GREY, GREY]
    assert images[0]["alt"] == "photo of row a7"
    assert {one["loading"] for one in images} == {"lazy"}
    assert EVIL not in text
    assert "The 2 with the lowest label quality" in text
    assert not Page(report_page(facts())).named("img")
