"""Figures of confusion matrix, metric table, fairness table and model card agree, on a real evaluation."""

import json

import pytest

from components.model_card.card import fairness, model_card
from pipeline.report.curves import read_curves
from pipeline.report.threshold_summary import deciding
from tests.components.evaluator.evaluations import evaluated
from tests.pipeline.report.a_run import facts, summary


def test_every_figure_comes_from_the_rows(tmp_path):
    place, _, _ = evaluated(tmp_path, "binary", sensitive=("origin",))
    verdict = json.loads((place / "verdict.json").read_text(encoding="utf-8"))
    told = summary(metrics=verdict["metrics"], champion=verdict["champion"])
    found = facts(summary=told, evaluation=verdict, curves=read_curves(place))
    at, metrics = found.decision("candidate"), verdict["metrics"]
    assert at.threshold == metrics["threshold"]
    assert at.tp + at.fp + at.tn + at.fn == metrics["rows"]
    assert at.tp / (at.tp + at.fp) == pytest.approx(metrics["precision"], abs=1e-9)
    assert at.tp / (at.tp + at.fn) == pytest.approx(metrics["recall"], abs=1e-9)
    assert 2 * at.tp / (2 * at.tp + at.fp + at.fn) == pytest.approx(metrics["f1"], abs=1e-9)
    groups = verdict["fairness"]["groups"]["origin"].values()
    called = sum(one["positive_rate"] * one["rows"] for one in groups)
    assert called == pytest.approx(at.tp + at.fp, abs=1e-6)
    assert deciding(found).tables[0].true_positives[0] == f"{at.tp:,.0f}"
    about = {"dataset": "made", "label": "y", "task": "binary"}
    sections = {one.title: one for one in model_card(about, {}, verdict, {}, {}).sections}
    shown = {row[0]: row[1] for row in sections["Metrics"].blocks[0].rows}
    assert shown["Precision"] == f"{metrics['precision']:.4f}"
    assert sections["Fairness"] == fairness(verdict)
    before = found.decision("champion")
    assert before.tp / (before.tp + before.fn) == pytest.approx(verdict["champion"]["metrics"]["recall"], abs=1e-9)
