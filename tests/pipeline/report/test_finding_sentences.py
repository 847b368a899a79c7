"""Findings as sentences of the report."""

import pytest

from components.evaluator import findings as kinds
from components.evaluator.findings import Figure, Lead
from pipeline.report.finding_sentences import sentence

BOTH = (Figure("auc", 0.5, 0.5), Figure("average_precision", 0.25, 0.25))
AHEAD = (Lead("auc", 0.6, 0.7, -0.1, -0.2, -0.05), Lead("f1", 0.5, 0.6, -0.1, -0.2, -0.05))

SENTENCES = [
    (
        kinds.ThresholdViolation("origin=LGA, carrier=US", "log_loss", 0.7, 0.6, "threshold"),
        "Log loss on origin=LGA, carrier=US is 0.7000, above the threshold, 0.6000",
    ),
    (
        kinds.ThresholdViolation("", "auc", 0.7, 0.75, "champion"),
        "AUC is 0.7000, below the champion's value with the tolerance, 0.7500",
    ),
    (
        kinds.ThresholdViolation("", "auc", 0.7, 0.75, "champion", significant=False, p_value=0.12),
        "AUC is 0.7000, below the champion's value with the tolerance, 0.7500; the difference is not significant "
        "(p = 0.12), so the threshold is not violated",
    ),
    (
        kinds.ThresholdViolation("", "auc", 0.7, 0.75, "champion", significant=False),
        "AUC is 0.7000, below the champion's value with the tolerance, 0.7500; the difference is not significant "
        "(p is undefined), so the threshold is not violated",
    ),
    (kinds.ThresholdViolation("", "auc", None, 0.75, "threshold"), "AUC is undefined, or the threshold is"),
    (
        kinds.LinearBaseline("average_precision", 0.4, 0.5, True),
        "Logistic regression is significantly better: average precision 0.5000, the candidate's is 0.4000",
    ),
    (
        kinds.LinearBaseline("rmse", 2.0, 1.5, False),
        "Not significantly different from linear regression: RMSE 1.5000, the candidate's is 2.0000",
    ),
    (
        kinds.LinearBaseline("accuracy", 0.9535, 0.9535, False),
        "Logistic regression has the same accuracy: 0.9535",
    ),
    (
        kinds.SimplerModelAhead("linear", AHEAD),
        "Significantly worse than logistic regression in AUC (-0.1000) and F1 (-0.1000)",
    ),
    (
        kinds.PriorBaseline("not_better", BOTH),
        "No better than the prior, which predicts the same for every row: AUC 0.5000 against 0.5000 and average "
        "precision 0.2500 against 0.2500",
    ),
    (
        kinds.PriorBaseline("undefined"),
        "The candidate cannot be compared with the prior baseline: the eval split has a single class",
    ),
    (
        kinds.StrongestColumn("at", "auc", 0.6, 0.7),
        "Significantly worse than its column at alone: AUC 0.6000 against 0.7000; the model does not use the "
        "information in that column",
    ),
    (
        kinds.Miscalibration(0.232, 0.326, -0.094, -0.1, -0.088, 0.09),
        "Miscalibrated: the mean score is 23.2 %, the observed rate 32.6 %; scores are too low by 9.4 percentage "
        "points (95 % interval of the difference -10.0 to -8.8)",
    ),
    (
        kinds.LowPower("average_precision", 0.001, 0.05),
        "Average precision: the eval split is too small to detect a loss of twice the tolerance (0.002); the smallest "
        "loss it detects is 0.05",
    ),
    (
        kinds.FairnessGap("positive_rate", "origin", "LGA", "EWR", 0.2, 0.1, False),
        "Positive rate of LGA is 0.2000 above that of EWR (origin); the limit is 0.1000; the difference is not "
        "significant",
    ),
    (
        kinds.FairnessNotCompared("origin", 300),
        "Fairness of origin is not compared: fewer than two groups have 300 rows",
    ),
    (
        kinds.ChampionIncomparable("its label was late"),
        "Not compared with the champion: its label was late; the candidate is evaluated without a champion",
    ),
    ("something else", "Something else"),
    ("", ""),
]


@pytest.mark.parametrize(("found", "text"), SENTENCES)
def test_a_finding_as_a_sentence(found, text):
    told = sentence(found).replace("\N{MINUS SIGN}", "-").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert told == text
