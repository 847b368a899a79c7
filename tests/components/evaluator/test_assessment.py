"""Baselines, fairness limits and warnings, on predictions of known quality."""

import json

import numpy as np
import pytest

from components.evaluator.assessment import assess
from components.evaluator.blessing import ValidationThresholds
from components.evaluator.finding_text import to_text
from components.evaluator.findings import (
    FairnessGap,
    FairnessNotCompared,
    LinearBaseline,
    LowPower,
    Miscalibration,
    SimplerModelAhead,
)
from components.evaluator.findings import PriorBaseline as Prior

ROWS = 2000


def answers(**signal: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels, and a score per model that is shifted towards them by a given amount; the prior has none."""
    random = np.random.default_rng(0)
    labels = (random.random(ROWS) < 0.3).astype(np.float64)
    noise = random.normal(size=ROWS)
    said = {name: 1 / (1 + np.exp(-(lean * labels + noise - 1))) for name, lean in signal.items()}
    return labels, {**said, "prior": np.full(ROWS, 0.3)}


def found(
    policy: ValidationThresholds | None = None, groups: dict | None = None, slices: dict | None = None, **signal: float
):
    labels, said = answers(**signal)
    cuts = dict.fromkeys(said, 0.5)
    return assess("binary", labels, said, cuts, slices or {}, groups or {}, policy or ValidationThresholds())


def test_candidate_that_beats_both_baselines():
    assessed = found(candidate=2.0, linear=1.0)
    assert assessed.violations == []
    assert of_kind(assessed.notices, Miscalibration, without=True) == []
    assert set(assessed.baselines) == {"prior", "linear"}
    prior = assessed.baselines["prior"]
    apart = {(row["baseline"], row["metric"]): row for row in assessed.baseline_differences}
    assert {name for name, _ in apart} == {"prior", "linear"}
    ahead = apart["prior", "average_precision"]
    assert ahead["difference"] > 3 * ahead["error"] > 0
    share = answers()[0].mean()
    assert (prior["auc"], prior["average_precision"], prior["f1"]) == (0.5, pytest.approx(share), 0.0)
    assert prior["calibration_error"] == pytest.approx(abs(share - 0.3))
    assert prior["threshold"] == 0.5
    low, high = assessed.intervals[""]["auc"]
    assert low < 0.92 < high
    assert high - low < 0.04
    json.dumps(assessed.intervals)


@pytest.mark.parametrize("policy", ["warn", "block"])
def test_candidate_not_better_than_the_prior_is_never_blessed(policy):
    (violation,) = found(ValidationThresholds(linear_baseline=policy), candidate=-0.5).violations
    assert violation.outcome == "not_better"
    assert [one.metric for one in violation.figures] == ["auc", "average_precision"]
    assert 0.3 < violation.figures[0].value < 0.4 and violation.figures[0].baseline == 0.5
    assert to_text(violation).startswith("auc 0.3") and to_text(violation).endswith(
        ": no better than the prior baseline"
    )


def of_kind(found, kind, without=False):
    return [one for one in found if isinstance(one, kind) != without]


@pytest.mark.parametrize(
    ("champion", "policy", "blocks"), [(False, "block", True), (False, "warn", False), (True, "block", False)]
)
def test_first_candidate_not_significantly_better_than_the_prior_is_not_blessed(champion, policy, blocks):
    labels, said = answers()
    lean = np.random.default_rng(3).random(ROWS) * 0.5 + 0.01 * labels
    models = {**said, "candidate": lean, **({"champion": lean} if champion else {})}
    assessed = assess(
        "binary", labels, models, dict.fromkeys(models, 0.5), {}, {}, ValidationThresholds(prior_baseline=policy)
    )
    assert [one.outcome for one in assessed.violations] == ["not_significant"] * blocks
    assert [one.outcome for one in of_kind(assessed.notices, Prior)] == ["not_significant"] * (not blocks)


def test_perfect_candidate_on_five_rows_is_not_significant():
    """Of two positives and three negatives, one of ten orders is perfect: p = 0.1, regardless of the bootstrap."""
    labels = np.array([0.0, 0.0, 0.0, 1.0, 1.0])
    models = {"candidate": labels * 0.8 + 0.1, "prior": np.full(5, 0.4)}
    (violation,) = assess(
        "binary", labels, models, dict.fromkeys(models, 0.5), {}, {}, ValidationThresholds()
    ).violations
    assert violation.outcome == "not_significant"
    again = {name: np.tile(answer, 3) for name, answer in models.items()}
    assert (
        assess(
            "binary", np.tile(labels, 3), again, dict.fromkeys(models, 0.5), {}, {}, ValidationThresholds()
        ).violations
        == []
    )


def test_metrics_in_which_the_linear_baseline_is_significantly_better_are_listed():
    behind = {row["metric"]: row for row in found(candidate=1.0, linear=2.0).baseline_differences if _of_line(row)}
    assert behind["auc"]["significant"] and behind["auc"]["p_value"] < 1e-6
    ahead = {row["metric"]: row for row in found(candidate=2.0, linear=1.0).baseline_differences if _of_line(row)}
    assert not ahead["auc"]["significant"] and ahead["auc"]["p_value"] > 1 - 1e-6
    same = {row["metric"]: row for row in found(candidate=2.0, linear=2.0).baseline_differences if _of_line(row)}
    assert {row["significant"] for row in same.values()} == {False}
    assert {row["p_value"] for row in same.values()} == {1.0}


def _of_line(row):
    return row["baseline"] == "linear"


def test_better_linear_baseline_warns_or_blocks():
    warned, blocked = (
        found(ValidationThresholds(linear_baseline=policy), candidate=1.0, linear=2.0) for policy in ("warn", "block")
    )
    (line,) = of_kind(warned.notices, LinearBaseline)
    assert (line.metric, line.significant) == ("average_precision", True) and line.value < line.baseline
    assert (warned.violations, blocked.violations) == ([], [line])
    assert of_kind(blocked.notices, LinearBaseline) == []
    (ahead,) = of_kind(warned.notices, SimplerModelAhead)
    assert "auc" in [one.metric for one in ahead.metrics]
    for one in ahead.metrics:
        assert one.difference == pytest.approx(one.value - one.baseline)
        assert one.low < one.difference < one.high
        assert one.low > 0 if one.metric == "log_loss" else one.high < 0


def test_linear_baseline_that_is_not_significantly_better_never_blocks():
    labels, said = answers(linear=1.5)
    nearly = said["linear"] + 0.02 * np.random.default_rng(1).normal(size=ROWS)
    cuts = dict.fromkeys([*said, "candidate"], 0.5)
    assessed = assess(
        "binary", labels, {**said, "candidate": nearly}, cuts, {}, {}, ValidationThresholds(linear_baseline="block")
    )
    assert assessed.violations == []
    assert [one.significant for one in of_kind(assessed.notices, LinearBaseline)] in ([], [False])
    ours, line = assessed.intervals[""]["average_precision"], assessed.baselines["linear"]["average_precision"]
    assert ours[0] < line < ours[1]


def test_single_class_gives_a_finding():
    labels, said = answers(candidate=1.0)
    (violation,) = assess(
        "binary", labels * 0, said, dict.fromkeys(said, 0.5), {}, {}, ValidationThresholds()
    ).violations
    assert violation == Prior("undefined")
    assessed = assess(
        "binary", labels * 0, said, dict.fromkeys(said, 0.5), {}, {}, ValidationThresholds(prior_baseline="warn")
    )
    assert (assessed.violations, assessed.notices[0]) == ([], violation)


def test_too_few_rows_for_the_tolerance_give_a_finding():
    labels, said = answers(candidate=1.0)
    said["champion"] = 1 / (1 + np.exp(-labels - np.random.default_rng(1).normal(size=ROWS)))
    policy = ValidationThresholds(tolerance={"auc": 0.001})
    notices = assess("binary", labels, said, dict.fromkeys(said, 0.5), {}, {}, policy).notices
    (few,) = of_kind(notices, LowPower)
    assert (few.metric, few.tolerance) == ("auc", 0.001) and few.detectable > 0.002


def test_fairness_limit_blocks_significant_gaps_only():
    groups = {"side": {"left": np.arange(ROWS // 2), "right": np.arange(ROWS // 2, ROWS)}}
    labels, said = answers(candidate=2.0)
    said["candidate"] = np.clip(said["candidate"] + np.where(np.arange(ROWS) < ROWS // 2, 0.3, 0), 0, 1)
    cuts = dict.fromkeys(said, 0.5)

    def violations(limit: float, **policy: int) -> list:
        asked = ValidationThresholds(max_disparity={"false_positive_rate": limit}, **policy)
        assessed = assess("binary", labels, said, cuts, {}, groups, asked)
        return assessed.violations or of_kind(assessed.notices, (FairnessGap, FairnessNotCompared))

    (gap,) = violations(0.1)
    assert (gap.metric, gap.column, gap.high, gap.low) == ("false_positive_rate", "side", "left", "right")
    assert gap.value > gap.limit == 0.1 and gap.significant
    assert violations(0.9) == []
    assert violations(0.1, min_slice_rows=1500) == [FairnessNotCompared("side", 1500)]


def test_confusion_matrix_is_counted_at_the_threshold_and_agrees_with_the_metrics():
    """Five rows by hand; probability 0.29 equals the threshold and is predicted as positive."""
    labels = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    score = np.array([0.9, 0.1, 0.29, 0.2, 0.1], np.float32)
    models = {"candidate": score, "prior": np.full(5, 0.4), "champion": score[::-1].copy()}
    assessed = assess("binary", labels, models, {"candidate": 0.29, "champion": 0.5}, {}, {}, ValidationThresholds())
    ours = assessed.decisions["candidate"]
    assert ours == pytest.approx(
        {"threshold": 0.29, "true_positives": 1, "false_positives": 1, "true_negatives": 2, "false_negatives": 1,
         "mean_score": 0.318}
    )  # fmt: skip
    assert assessed.decisions["champion"]["false_positives"] == 1
    metrics = assessed.measured["candidate"][""]
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (0.5, 0.5, 0.5)


def test_every_metric_of_the_champion_has_a_difference_with_its_error():
    labels, said = answers(candidate=2.0)
    said["champion"] = answers(candidate=1.0)[1]["candidate"]
    assessed = assess(
        "binary", labels, said, dict.fromkeys(said, 0.5), {}, {}, ValidationThresholds(tolerance={"auc": 0.01})
    )
    rows = {row["metric"]: row for row in assessed.champion_differences}
    assert set(rows) == {"auc", "average_precision", "f1", "accuracy", "log_loss", "precision", "recall"}
    compared = assessed.comparisons["", "auc"]
    assert (rows["auc"]["difference"], rows["auc"]["error"]) == (compared.difference, compared.error)


def test_mean_score_far_from_the_observed_rate_gives_a_finding():
    """400 rows, half positive. Standard error of 0.6 - y: 0.5 / 20 = 0.025, so the interval is 0.1 +- 0.049."""
    labels = np.tile([0.0, 1.0], 200)
    models = {"candidate": np.full(400, 0.6), "prior": np.full(400, 0.5)}
    (told,) = of_kind(assess("binary", labels, models, {}, {}, {}, ValidationThresholds()).notices, Miscalibration)
    assert (told.mean_score, told.observed) == pytest.approx((0.6, 0.5))
    assert (told.low, told.high) == pytest.approx((0.051, 0.149), abs=1e-4)
    assert told.calibration_error == pytest.approx(0.1)
    for score in (0.54, 0.5):  # within 10 % of the rate; right
        models["candidate"] = np.full(400, score)
        assert (
            of_kind(assess("binary", labels, models, {}, {}, {}, ValidationThresholds()).notices, Miscalibration) == []
        )
    few = {"candidate": np.full(20, 0.6), "prior": np.full(20, 0.5)}  # the interval holds 0
    assert of_kind(assess("binary", labels[:20], few, {}, {}, {}, ValidationThresholds()).notices, Miscalibration) == []


def test_decisions_equal_scikit_learn_and_the_threshold_itself_is_positive():
    from sklearn.metrics import precision_recall_fscore_support

    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 400)
    said = {
        "candidate": np.round(0.2 * labels + 0.8 * random.random(400), 2).astype(np.float32),
        "prior": np.full(400, 0.5, np.float32),
    }
    rows = np.arange(100)
    threshold = 0.29  # float32 has it as 0.28999999
    found = assess(
        "binary", labels, said, {"candidate": threshold, "prior": 0.5}, {"s=1": rows}, {}, ValidationThresholds()
    ).measured
    for part, at in (("", np.arange(400)), ("s=1", rows)):
        called = said["candidate"][at] > 0.285  # 0.29 itself is called 1
        precision, recall, f1, _ = precision_recall_fscore_support(labels[at], called, average="binary")
        measured = found["candidate"][part]
        assert (measured["precision"], measured["recall"], measured["f1"]) == pytest.approx((precision, recall, f1))
        assert measured["threshold"] == threshold
    nothing = assess("binary", labels, said, {"candidate": 1.0, "prior": 0.5}, {}, {}, ValidationThresholds()).measured[
        "candidate"
    ][""]
    assert (nothing["precision"], nothing["recall"], nothing["f1"]) == (0.0, 0.0, 0.0)


def test_multiclass_and_regression():
    random = np.random.default_rng(0)
    truth = random.normal(size=300)
    said = {"candidate": truth + 0.1 * random.normal(size=300), "prior": np.zeros(300)}
    numbers = assess(
        "regression", truth, said, {}, {"s=1": np.arange(100)}, {}, ValidationThresholds(min_slice_rows=50)
    )
    assert numbers.violations == []
    error = said["candidate"] - truth
    assert numbers.measured["candidate"][""] == pytest.approx(
        {"rows": 300.0, "rmse": np.sqrt(np.mean(error**2)), "mae": np.mean(np.abs(error))}
    )
    assert set(numbers.measured["candidate"]) == {"", "s=1"}
    assert set(numbers.intervals) == {"", "s=1"}
    assert set(numbers.baselines["prior"]) == {"rmse", "mae"}
    codes = random.integers(0, 3, 300)
    sure = np.eye(3)[codes] * 0.7 + 0.1
    classes = assess(
        "multiclass", codes, {"candidate": sure, "prior": np.full((300, 3), 1 / 3)}, {}, {}, {}, ValidationThresholds()
    )
    assert classes.violations == []
    assert classes.measured["candidate"][""]["calibration_error"] == pytest.approx(0.2)  # says 0.8, is always right
    assert classes.baselines["prior"]["log_loss"] == pytest.approx(np.log(3))
