"""Rows of the report: decision threshold, calibration, ensemble, error analysis."""

import pytest

from pipeline.report.card_parts import against_champion, fairness
from pipeline.report.error_rows import importance, weak
from pipeline.report.slice_rows import slice_rows
from pipeline.report.threshold_summary import calibrated, deciding
from pipeline.report.training_rows import training
from tests.pipeline.report.a_run import ERRORS, EVALUATION, TRAINING, facts, summary


def spaced(text: str) -> str:
    return " ".join(text.split())


def test_decision_threshold_and_confusion_matrix():
    """At 0.5: TP 120, FP 100, TN 700, FN 80."""
    found = deciding(facts())
    assert spaced(found.text) == (
        "Decision threshold 0.50, selected on the validation split by F1. 22.0 % of the rows are predicted positive; "
        "precision is 54.5 %, recall 60.0 %."
    )
    ours, before = found.tables
    assert (ours.who, before.who, ours.threshold) == ("Candidate", "Champion v3", "0.50")
    assert [
        spaced(" ".join(cell))
        for cell in (ours.true_positives, ours.false_negatives, ours.false_positives, ours.true_negatives)
    ] == [
        "120 60.0 %",
        "80 40.0 %",
        "100 12.5 %",
        "700 87.5 %",
    ]
    for key in ("policy", "bar"):  # the second is the former name, in runs of version 0.1
        recorded = {"ChampionEvaluator": {key: {"threshold_metric": {"precision": 0.8}}}}
        assert "by precision of at least 0.8" in deciding(facts(settings=recorded)).text
    assert deciding(facts(curves={})) is None


def test_the_confusion_matrix_is_the_evaluators_and_not_the_plots():
    counts = {"true_positives": 123, "false_positives": 104, "true_negatives": 696, "false_negatives": 77}
    known = {"candidate": {"threshold": 0.5, **counts, "mean_score": 0.2}}
    found = deciding(facts(evaluation={**EVALUATION, "decisions": known})).tables[0]
    assert (found.true_positives[0], found.false_positives[0], found.true_negatives[0], found.false_negatives[0]) == (
        "123",
        "104",
        "696",
        "77",
    )
    # Runs of earlier versions have no counts: precision 123 / 227, recall 123 / 200 of the metric table give them.
    metrics = {**summary()["metrics"], "precision": 123 / 227, "recall": 123 / 200}
    found = deciding(facts(summary=summary(metrics=metrics))).tables[0]
    assert (found.true_positives[0], found.false_positives[0], found.true_negatives[0], found.false_negatives[0]) == (
        "123",
        "104",
        "696",
        "77",
    )


def test_calibration():
    """The positive rate is 0.2; the mean score is 0.8 of that."""
    metrics = {**summary()["metrics"], "calibration": 0.8, "calibration_error": 0.053}
    assert spaced(calibrated(facts(summary=summary(metrics=metrics)))) == (
        "Expected calibration error: scores differ from the observed positive rate by 5.3 percentage points on "
        "average. The mean score is 16.0 %; 20.0 % of the rows are positive: too low by 4.0 percentage points."
    )
    assert calibrated(facts()) == ""
    classes = {"rows": 9.0, "accuracy": 0.9, "calibration_error": 0.02}
    assert "differ from accuracy by 2.0 percentage points" in calibrated(
        facts(summary=summary(metrics=classes), curves={})
    )


def test_what_a_blend_is_made_of():
    found = training(facts())
    assert [(row.name, row.weight, row.took) for row in found.members] == [
        ("boosted trees", "0.40", "9.9 s"),
        ("network", "0.60", "1 min 15 s"),
    ]
    rows = dict(found.rows)
    assert rows["Final fit"] == "on all 3,000 rows, with the best rounds and epochs"
    assert rows["Small-data settings"] == "batch_size 64, epochs 12"
    assert rows["Validation metrics"] == "AUC 0.7700, before the final fit"
    assert (rows["Data steps"], rows["Time"]) == ("none", "read 1.0 s, train 1 min 25 s")
    assert "Tuned hyperparameters" not in rows


@pytest.mark.parametrize(
    ("changes", "gist"),
    [
        ({"blend": {"trees": 1.0, "network": 0.0}}, "boosted trees, refit on all rows"),
        ({"blend": {"network": 1.0}, "refitted": False}, "network"),
        ({"blend": None, "refitted": None}, "network"),  # before there were blends
    ],
)
def test_models_of_one_part(changes, gist):
    found = training(facts(training={**TRAINING, **changes}))
    assert found.gist == gist
    if changes["blend"] and len(changes["blend"]) == 2:
        assert found.members[1].learned.startswith("weight 0: no improvement on the validation split")


def test_candidates_come_with_their_reasons():
    members = [
        {"name": "linear", "weight": 0.0, "seconds": 2.0, "reason": "replaced by trees"},
        {"name": "trees", "weight": 1.0, "seconds": 9.0, "reason": "log loss 0.4, 0.1 ± 0.01 below linear"},
        {"name": "network", "weight": 0.0, "seconds": 0.0, "reason": "not tried: it takes 90 s"},
    ]
    changes = {"members": members, "rounds": 120, "rows": {"train": 3000, "validation": 1350}, "validation_folds": 3}
    found = training(facts(training={**TRAINING, **changes}))
    assert found.gist == "boosted trees, refit on all rows"
    assert [(row.name, row.weight, row.learned) for row in found.members] == [
        ("linear model", "0.00", "replaced by trees"),
        ("boosted trees", "1.00", "log loss 0.4, 0.1 ± 0.01 below linear; 120 rounds of at most 600"),
        ("network", "0.00", "not tried: it takes 90 s"),
    ]
    assert dict(found.rows)["Rows"] == (
        "3,000; 1,350 of them in 3 validation folds, for the selection of members, rounds and the decision threshold"
    )


def test_settings_that_were_tuned_and_steps_that_were_taken():
    steps = {"balance": {"method": "smote", "rows": {"before": 9, "after": 12}}}
    tuned = {"learning_rate": 0.00123456, "hidden_units": [64, 32]}
    rows = dict(training(facts(training={**TRAINING, "data_steps": steps, "tuned": tuned, "small_data": {}})).rows)
    assert rows["Data steps"] == "balance method smote, rows before 9, after 12"
    assert rows["Tuned hyperparameters"] == "learning_rate 0.001235, hidden_units 64 32"
    assert rows["Small-data settings"] == "none: enough rows"


def test_a_search_is_told_and_whose_it_was():
    trials = [{"score": 0.71, "seconds": 3.0, "settings": {}}, {"score": None, "failed": "x", "settings": {}}]
    found = {
        "trials": trials, "metric": "auc", "adopted": True, "before": 0.7, "after": 0.71, "best": 0.71,
        "settings": {"dropout": 0.1, "trees": {"num_leaves": 31}}, "run_id": "r1",
    }  # fmt: skip
    rows = dict(training(facts(summary=summary(tuned=found))).rows)
    assert rows["Search"] == (
        "2 trials (1 failed), AUC 0.7000 -> 0.7100: dropout 0.1, trees.num_leaves 31 (from run r1)"
    )


def test_a_trainer_of_ones_own_may_record_nothing_or_something_else():
    assert training(facts(training={})) is None
    assert training(facts(training={"mine": 3})) is None


def test_weak_slices():
    found = weak(facts())
    (row,) = found.rows
    assert (row.p, row.gap, row.gain, row.value, row.rest) == ("< 0.0001", "0.050", "0.0150", "0.700", "0.500")
    assert spaced(row.labels) == "9.0 %, other rows 2.0 %"
    assert found.how.endswith("The mean log loss of all rows is 0.6000.")
    unknown = weak(facts(errors={**ERRORS, "slices": [{**ERRORS["slices"][0], "doubtful": None}]}))
    assert unknown.rows[0].labels == ""
    many = weak(facts(errors={**ERRORS, "slices": ERRORS["slices"] * 25}))
    assert (len(many.rows), many.more) == (20, 5)


def test_weak_slices_of_an_earlier_version():
    row = {"slice": "a=b", "rows": 9, "metric": "average_precision", "value": 0.2, "gap": 0.1, "weight": 0.01}
    found = weak(facts(errors={"slices": [row]}))
    assert (found.value, found.full, found.advised, found.text) == ("Average precision", False, False, "")
    assert weak(facts(errors={"slices": []})) is None


def test_importance():
    found = importance(facts())
    assert [(row.feature, row.drop, row.error, row.noise) for row in found.first] == [
        ("temp", "+0.0400", "0.0020", False),
        ("carrier", "+0.0100", "0.0200", True),
        ("dest", "unknown", "", False),
    ]
    assert found.gist == "most important: temp"
    assert found.first[1].loss == "0.0000"
    flat = [{**row, "drop": 0.0, "standard_error": 0.0} for row in ERRORS["importance"]]
    assert importance(facts(errors={**ERRORS, "importance": flat})).gist == "no feature is significant"
    many = importance(facts(errors={**ERRORS, "importance": ERRORS["importance"][:1] * 15}))
    assert (len(many.first), len(many.others)) == (10, 5)
    assert importance(facts(errors={})) is None


def test_slices_with_intervals_and_what_chance_explains():
    found = slice_rows(facts())
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["origin=LGA", "origin=EWR", "origin=XXX"]
    assert rows["origin=LGA"].metrics[0] == ("0.700", "0.640 to 0.760")
    assert rows["origin=LGA"].chance == "significant"
    assert (rows["origin=LGA"].better, rows["origin=EWR"].better) == (False, None)
    assert rows["origin=EWR"].chance == "not tested"
    assert found.gist == "3; AUC is weakest on origin=LGA: 0.700"
    narrow = {"slice": "origin=EWR", "metric": "auc", "difference": 0.02, "error": 0.02, "significant": False}
    behind = {**narrow, "slice": "origin=LGA", "difference": -0.01}
    rows = {
        row.name: (row.better, row.chance)
        for row in slice_rows(facts(evaluation={**EVALUATION, "comparisons": [narrow, behind]})).rows
    }
    assert rows["origin=EWR"] == rows["origin=LGA"] == (None, "not significant")
    small = {"slices": {"a=b": {"rows": 3.0, "auc": 0.9}}}
    assert slice_rows(facts(evaluation=small)).gist == "1, all with too few rows"


def test_what_is_shared_with_the_card():
    assert against_champion(facts()).gist == "significantly worse: AUC on origin=LGA"
    fine = [{**row, "significant": False} for row in EVALUATION["comparisons"]]
    assert against_champion(facts(evaluation={**EVALUATION, "comparisons": fine})).gist.endswith("in no metric")
    many = [EVALUATION["comparisons"][1]] * 70
    cut = against_champion(facts(evaluation={**EVALUATION, "comparisons": many}))
    assert cut.gist.endswith("and 67 more")
    assert cut.more == 10
    assert against_champion(facts(evaluation={})) is None
    assert spaced(fairness(facts()).gist) == "largest gap 10.0 percentage points: positive rate, LGA over EWR"
    over = [{**EVALUATION["fairness"]["gaps"][0], "limit": 0.05, "significant": True}]
    limited = {**EVALUATION, "fairness": {**EVALUATION["fairness"], "gaps": over}}
    assert fairness(facts(evaluation=limited)).gist == "1 gap above the limit"
    alone = {**EVALUATION, "fairness": {**EVALUATION["fairness"], "gaps": []}}
    assert "too few rows" in fairness(facts(evaluation=alone)).gist
    assert fairness(facts(evaluation={})) is None
