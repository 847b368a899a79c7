"""Findings keep their fields in JSON, and their text agrees with the fields."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from components.evaluator import findings as kinds
from components.evaluator.finding_text import to_text
from components.evaluator.findings import KINDS, Figure, Lead, finding_from

DOCS = Path(__file__).parents[3] / "docs" / "verdict.md"
BOTH = (Figure("auc", 0.4, 0.5), Figure("average_precision", 0.2, 0.25))

TEXTS = [
    (kinds.ThresholdViolation("", "auc", 0.69, 0.7, "threshold"), "auc 0.6900 < 0.7000 (threshold)"),
    (kinds.ThresholdViolation("o=A", "auc", 0.5, 0.7, "champion"), "auc on o=A 0.5000 < 0.7000 (champion)"),
    (kinds.ThresholdViolation("", "rmse", 2.0, 1.5, "champion"), "rmse 2.0000 > 1.5000 (champion)"),
    (kinds.ThresholdViolation("", "auc", None, 0.5, "threshold"), "auc nan < 0.5000 (threshold)"),
    (
        kinds.ThresholdViolation("", "auc", 0.69, 0.7, "champion", significant=False, p_value=0.123),
        "auc 0.6900 < 0.7000 (champion): not significant (p = 0.12), so it does not count",
    ),
    (
        kinds.ThresholdViolation("", "auc", 0.69, 0.7, "champion", significant=False),
        "auc 0.6900 < 0.7000 (champion): not significant (p undefined), so it does not count",
    ),
    (
        kinds.PriorBaseline("not_better", BOTH),
        "auc 0.4000 <= 0.5000 and average_precision 0.2000 <= 0.2500: no better than the prior baseline",
    ),
    (
        kinds.PriorBaseline("not_significant", BOTH),
        "the candidate is not significantly better than the prior baseline",
    ),
    (
        kinds.PriorBaseline("undefined"),
        "the candidate cannot be compared with the prior baseline: the eval split has a single class",
    ),
    (kinds.LinearBaseline("rmse", 2.0, 1.5, True), "rmse 2.0000 >= 1.5000: does not beat the linear baseline"),
    (
        kinds.LinearBaseline("accuracy", 0.9, 0.9, False),
        "accuracy 0.9000 = 0.9000: does not beat the linear baseline, not significant",
    ),
    (
        kinds.SimplerModelAhead("linear", (Lead("auc", 0.6, 0.7, -0.1, -0.12, -0.08),)),
        "the linear baseline is better than the candidate in auc (0.7000 against 0.6000)",
    ),
    (
        kinds.StrongestColumn("at  night", "auc", 0.6, 0.7),
        "auc 0.6000 <= 0.7000: significantly worse than the column at night alone, so the model does not use the "
        "information in that column",
    ),
    (
        kinds.Miscalibration(0.232, 0.326, -0.094, -0.1, -0.088, 0.09),
        "miscalibrated: the mean score is 23.2%, the observed rate 32.6% (-9.4 percentage points, 95 % interval -10.0 "
        "to -8.8)",
    ),
    (
        kinds.LowPower("auc", 0.003, 0.048),
        "auc: the eval split is too small to detect a loss of twice the tolerance (0.006); the smallest loss it "
        "detects is 0.048",
    ),
    (
        kinds.FairnessGap("positive_rate", "origin", "LGA", "EWR", 0.2, 0.1, True),
        "positive_rate gap of origin, LGA over EWR, 0.2000 > 0.1000 (fairness)",
    ),
    (
        kinds.FairnessGap("positive_rate", "origin", "LGA", "EWR", 0.2, 0.1, False),
        "positive_rate gap of origin, LGA over EWR, 0.2000 > 0.1000 (fairness), not significant",
    ),
    (
        kinds.FairnessNotCompared("side", 1500),
        "fairness of side is not compared: fewer than two groups have 1500 rows",
    ),
    (
        kinds.UnknownClasses({f"c{n}": 1000 for n in range(7)}, 0.5),
        "7,000 eval rows have a class that no train row has and count in no metric: c0 (1,000), c1 (1,000), c2 (1,000),"
        " c3 (1,000), c4 (1,000) and 2 more; counted as errors, they lower accuracy to 0.5000",
    ),
    (
        kinds.ChampionIncomparable("its label was late"),
        "not compared with the champion: its label was late; the candidate is evaluated without a champion",
    ),
    (
        kinds.ChampionColumns("missing", ("a", "b")),
        "the champion was trained on columns that the eval rows lack; it gets them as missing values: a, b",
    ),
    (
        kinds.ChampionColumns("converted", ("a",)),
        "columns of another numeric type than the champion was trained on are converted for it: a",
    ),
]


@pytest.mark.parametrize(("found", "text"), TEXTS)
def test_finding_as_text_and_through_json(found, text):
    assert to_text(found) == text
    assert finding_from(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_every_kind_of_finding_is_tested():
    assert {type(found) for found, _ in TEXTS} == set(KINDS.values())


def test_undefined_numbers_are_null():
    found = kinds.ThresholdViolation("", "auc", float("nan"), 0.5, "threshold").to_json()
    assert (found["kind"], found["value"]) == ("threshold_violation", None)


@pytest.mark.parametrize("strange", [{}, {"kind": "of_tomorrow"}, {"kind": "low_power", "metric": "auc"}])
def test_unknown_kind_or_field_is_none(strange):
    assert finding_from(strange) is None


def test_documented_schema_is_that_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    documented = {kind: re.findall(r"`(\w+)`", columns) for kind, columns in rows if kind in KINDS}
    assert documented == {kind: [one.name for one in fields(made)] for kind, made in KINDS.items()}
