import json
from typing import Any

import pytest

from pipeline.metadata.stored_artifact import StoredArtifact
from pipeline.run_history.run_summary import ComponentRun, Summary, from_artifacts
from pipeline.run_history.summary_text import spans_text, summary_line, summary_text


def summary(**changes: Any) -> Summary:
    known: dict[str, Any] = {
        "run_id": "r1",
        "dataset": "flights",
        "spans": {"train": [1, 2, 3], "eval": [4]},
        "rows": {"train": 3000, "eval": 1234},
        "components": [ComponentRun("Ingest", "executed", 1.0), ComponentRun("Trainer", "cached", 0.1)],
        "anomalies": [],
        "drift": [],
        "metrics": {"rows": 1234.0, "auc": 0.7512, "average_precision": 0.5, "f1": None},
        "champion": {"version": 3, "metrics": {"auc": 0.75, "average_precision": 0.6}},
        "blessed": True,
        "pushed": 4,
        "fingerprints": {"data": "d", "code": "c"},
        "report": "runs/flights/reports/r1/report.md",
        "violation_texts": [],
        "registry": "runs/flights/registry",
        "unlabelled": {"train": 0, "eval": 0},
        "labels": {"conflicting_rows": 0, "ceiling": 1.0, "repeated_rows": 0, "repeated_ids": 0, "classes": {}},
        "weakest_slices": [],
        "log": "runs/flights/reports/r1/run.log",
        "seconds": 61.4,
    }
    return Summary(**{**known, **changes})


DRIFTED = {
    "feature": "dest", "measure": "chebyshev", "distance": 0.1234, "threshold": 0.02, "drifted": True, "detail": "x",
}  # fmt: skip
QUIET = {**DRIFTED, "feature": "origin", "drifted": False, "distance": 0.0}
NOT_BLESSED = {"blessed": False, "pushed": None, "violation_texts": ["auc 0.7000 < 0.7500 (champion)"]}
STOPPED = {
    "metrics": {}, "champion": None, "blessed": False, "pushed": None, "rows": {}, "labels": {},
    "stopped": "the data gate stopped the run: late: 7 is not legal",
}  # fmt: skip
EVERY_KIND = [
    {},
    {"champion": None},
    NOT_BLESSED,
    STOPPED,
    {**STOPPED, "rows": {"train": 3000, "eval": 1234}, "anomalies": [{"feature": "x", "kind": "k", "detail": "d"}]},
    {"drift": [DRIFTED, QUIET]},
    {"metrics": {"auc": None}},
    {"metrics": {"rmse": 1.0, "mae": 0.5, "rows": 10.0}, "champion": None},
]


@pytest.mark.parametrize("changes", EVERY_KIND)
def test_every_kind_of_run_can_be_told_and_kept(changes):
    made = summary(**changes)
    assert summary_text(made)
    assert len(summary_line(made).splitlines()) == 1
    assert json.loads(json.dumps(made.to_json(), allow_nan=False))["run_id"] == "r1"


def test_the_contract_of_the_json():
    found = summary().to_json()
    assert {
        "run_id", "dataset", "spans", "rows", "components", "anomalies", "drift", "metrics", "champion", "blessed",
        "pushed", "fingerprints", "report",
    } <= found.keys()  # fmt: skip
    assert found["components"][0] == {"id": "Ingest", "state": "executed", "seconds": 1.0}


def test_the_former_name_of_the_violations_stays_in_the_json():
    found = summary(**NOT_BLESSED).to_json()
    assert found["violation_texts"] == found["reasons"] == ["auc 0.7000 < 0.7500 (champion)"]


def test_better_than_the_champion_and_pushed():
    text = summary_text(summary())
    assert "0.7512" in text
    assert "0.7500, +0.0012" in text
    assert "0.6000, -0.1000" in text
    assert "version 4: runs/flights/registry/4" in text
    assert "runs/flights/reports/r1/run.log" in text
    assert "3,000" in text
    assert "1,234" in text


def test_the_first_model_is_said_to_be_the_first():
    assert "no champion yet" in summary_text(summary(champion=None))
    assert "no champion yet" in summary_line(summary(champion=None))


def test_not_blessed_says_why():
    text = summary_text(summary(**NOT_BLESSED))
    assert "auc 0.7000 < 0.7500 (champion)" in text
    assert "version 4" not in text
    line = summary_line(summary(**NOT_BLESSED))
    assert "not pushed: auc 0.7000 < 0.7500 (champion)" in line
    assert "against v3" in line


def test_a_stopped_run_says_by_what_and_claims_no_metrics():
    text, line = summary_text(summary(**STOPPED)), summary_line(summary(**STOPPED))
    for found in (text, line):
        assert "the data gate stopped the run: late: 7 is not legal" in found
        assert "auc" not in found
        assert "pushed" not in found


def test_the_costliest_slice_is_named_with_what_to_do():
    assert "weakest     no weak slice found" in summary_text(summary())
    weak = {"slice": "carrier=UA", "rows": 1200, "next": "check its labels"}
    assert "weakest     carrier=UA, 1,200 rows; check its labels\n" in summary_text(summary(weakest_slices=[weak]))
    two = summary_text(summary(weakest_slices=[weak, weak]))
    assert "check its labels (1 more in the report)" in two


def test_cached_components_are_counted():
    assert "1 of 2 components" in summary_text(summary())
    all_cached = [ComponentRun("Ingest", "cached", 0.1), ComponentRun("Trainer", "cached", 0.1)]
    assert "all 2 components" in summary_text(summary(components=all_cached))
    none = [ComponentRun("Ingest", "executed", 0.1), ComponentRun("Trainer", "skipped", 0.0)]
    assert "cached" not in summary_text(summary(components=none))


def test_a_metric_that_cannot_be_told_is_unknown():
    assert "f1                  unknown" in summary_text(summary())
    assert "f1" not in summary_line(summary())


def test_only_what_drifted_is_named():
    text, line = summary_text(summary(drift=[DRIFTED, QUIET])), summary_line(summary(drift=[DRIFTED, QUIET]))
    assert "dest chebyshev 0.123 > 0.02" in text
    assert "origin" not in text
    in_a_slice = summary_text(summary(drift=[{**DRIFTED, "slice": "origin=EWR"}, QUIET]))
    assert "0 of 2 compared features; in slices only 1: dest in origin=EWR chebyshev 0.123 > 0.02" in in_a_slice
    assert "drift in 1" in line
    assert "no drift" in summary_line(summary(drift=[QUIET]))


def test_long_lists_are_cut_with_a_count():
    rows = [{**DRIFTED, "feature": f"f{number}"} for number in range(6)]
    text = summary_text(summary(drift=rows))
    assert "f2" in text
    assert "f3" not in text
    assert "and 3 more" in text


@pytest.mark.parametrize(("spans", "text"), [([4], "span 4"), ([1, 2, 3], "spans 1-3")])
def test_spans(spans, text):
    assert spans_text(spans) == text


def test_corrections_are_counted():
    made = {"name": "corrections.csv", "sha256": "", "rows": 5, "relabelled": 2, "changed": 1, "dropped": 0}
    text = summary_text(summary(corrections=[made]))
    assert "corrected   2 relabelled, 1 changed, 0 dropped rows, by corrections.csv" in text


def test_the_model_is_told_with_what_is_not_in_it():
    members = [
        {"name": "prior", "weight": 0.0, "seconds": 0.0, "reason": "replaced by linear"},
        {"name": "linear", "weight": 0.25, "seconds": 1.0, "reason": "…"},
        {"name": "trees", "weight": 0.75, "seconds": 9.0, "reason": "…"},
    ]
    text = summary_text(summary(model={"members": members, "seconds": 12.3}))
    assert "model       0.25 linear + 0.75 trees, in 12 s; not selected: prior (reasons in the report)" in text
    alone = summary_text(summary(model={"members": members[1:2], "seconds": 1.0}))
    assert "model       linear, in 1 s\n" in alone


def test_what_was_tried_is_read_from_the_trainers_report(tmp_path):
    run = {"Trainer.model_run": StoredArtifact(str(tmp_path), {}, {})}
    assert from_artifacts(run)["model"] == {}  # a trainer of one's own may write none
    (tmp_path / "training.json").write_text("{}")
    assert from_artifacts(run)["model"] == {}
    (tmp_path / "training.json").write_text(json.dumps({"members": [1], "seconds": {"read": 1.0, "train": 2.5}}))
    assert from_artifacts(run)["model"] == {"members": [1], "seconds": 3.5}


AGREEMENT = {
    "alpha": 0.74321, "alpha_interval": [0.7, 0.8], "labelers": [{"name": "ann"}, {"name": "ben"}], "disagreeing": 1200,
    "compared": 5000, "advice": ["All 7 rows have the same class: alpha is not defined."],
}  # fmt: skip


def test_the_agreement_of_annotators_is_one_line():
    assert "agreement" not in summary_text(summary())
    text = summary_text(summary(labels={**summary().labels, "agreement": AGREEMENT}))
    assert (
        "  agreement   Krippendorff's alpha 0.743 (95 % interval 0.700 to 0.800) of 2 annotators; 1,200 of 5,000 rows "
        "have different labels\n"
    ) in text
    few = {**AGREEMENT, "alpha_interval": None}
    assert "alpha 0.743 of 2 annotators" in summary_text(summary(labels={"agreement": few}))
    same = {**AGREEMENT, "alpha": None}
    assert "  agreement   All 7 rows have the same class" in summary_text(summary(labels={"agreement": same}))
