"""Predictor and ChampionEvaluator as TFX runs them, with small models that have the trainer's signatures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.evaluator.finding_text import to_text
from components.evaluator.findings import finding_from
from tests.components.served_models import save_binary, write_split

pytestmark = pytest.mark.slow

ROWS = 600


def artifact(kind: Any, folder: Path, version: int | None = None) -> list:
    made = kind()
    made.uri = str(folder)
    if version is not None:
        made.set_int_custom_property("version", version)
    return [made]


def judged(folder: Path, candidate: float, champion: float | None) -> tuple[dict[str, Any], list]:
    """Returns verdict.json for models with these slopes, and the blessing artifact."""
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types import standard_artifacts as kinds

    from components.evaluator.component import ChampionEvaluator
    from components.evaluator.eval_config import eval_config
    from components.predictor.component import Predictor
    from components.shared.artifacts import artifact_types

    random = np.random.default_rng(0)
    numbers = random.normal(size=ROWS).round(3).tolist()
    labels: list[int | None] = [int(number + random.normal() > 0.5) for number in numbers]
    origins: list[str | None] = [["EWR", "JFK"][row % 2] for row in range(ROWS)]
    for split in ("train", "eval"):
        write_split(folder / "examples" / f"Split-{split}", origins, numbers, labels)
    save_binary(folder / "model" / "Format-Serving", candidate)
    save_binary(folder / "champion" / "Format-Serving", candidate if champion is None else champion)
    (examples,) = artifact(kinds.Examples, folder / "examples")
    examples.split_names = '["train", "eval"]'
    given = {
        "examples": [examples],
        "model": artifact(kinds.Model, folder / "model"),
        "champion": artifact(kinds.Model, folder / "champion", version=0 if champion is None else 3),
        "predictions": artifact(artifact_types.Predictions, folder / "predictions"),
    }
    made = {
        "evaluation": artifact(kinds.ModelEvaluation, folder / "evaluation"),
        "blessing": artifact(kinds.ModelBlessing, folder / "blessing"),
    }
    context = BaseExecutor.Context(tmp_dir=str(folder / "tmp"), unique_id="1")
    asked = {name: given[name] for name in ("examples", "model", "champion")}
    predictions = {"predictions": given["predictions"]}
    Predictor.EXECUTOR_SPEC.executor_class(context).Do(asked, predictions, {"task": "binary", "label": "y", "code": ""})
    features = {"categorical": ["origin"], "numeric": ["n"], "cyclical": {}}
    properties = {
        "eval_config": eval_config("binary", (("origin",),)),
        "policy": json.dumps({"min_slice_rows": 100, "tolerance": {"auc": 0.01}, "sensitive": ["origin"]}),
        "about": json.dumps({"features": features}),
        "code": "",
    }
    ChampionEvaluator.EXECUTOR_SPEC.executor_class(context).Do(given, made, properties)
    verdict = json.loads((folder / "evaluation" / "verdict.json").read_text(encoding="utf-8"))
    return verdict, made["blessing"]


def test_worse_model_is_not_blessed_and_all_findings_are_recorded(tmp_path):
    verdict, (blessing,) = judged(tmp_path, candidate=-1.0, champion=1.0)
    assert [file.name for file in (tmp_path / "blessing").iterdir()] == ["NOT_BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 0
    assert blessing.get_string_custom_property("baseline_model") == str(tmp_path / "champion")
    # Violations against the champion, the prior, and the column from which the labels were computed.
    assert [one["kind"] for one in verdict["violations"]] == [
        "threshold_violation",
        "prior_baseline",
        "strongest_column",
    ]
    assert [to_text(finding_from(one)) for one in verdict["violations"]] == verdict["violation_texts"]
    assert verdict["shortfalls"] == verdict["violation_texts"]  # the former name
    assert [to_text(finding_from(one)) for one in verdict["notices"]] == verdict["warnings"]
    assert [text.split(" ")[0] for text in verdict["shortfalls"]] == ["auc", "auc", "auc"]
    assert (verdict["strongest_column"]["column"], verdict["strongest_column"]["lost"]) == ("n", True)
    assert verdict["notices"][0]["kind"] == "linear_baseline"
    (compared,) = verdict["comparisons"]
    assert (compared["slice"], compared["metric"], compared["significant"]) == ("", "auc", True)
    apart = verdict["metrics"]["auc"] - verdict["champion"]["metrics"]["auc"]
    assert compared["difference"] == verdict["metrics"]["auc_diff"] == pytest.approx(apart, abs=1e-12)
    assert set(verdict["slices"]) == set(verdict["slice_intervals"]) == {"origin=EWR", "origin=JFK"}
    for figures, intervals in (
        (verdict["metrics"], verdict["intervals"]),
        *((verdict["slices"][name], verdict["slice_intervals"][name]) for name in verdict["slices"]),
    ):
        for metric, (low, high) in intervals.items():
            assert low <= figures[metric] <= high, metric
        assert 0 < figures["calibration_error"] < 1
    assert set(verdict["baselines"]) == {"prior", "linear"}
    assert set(verdict["fairness"]["groups"]["origin"]) == {"EWR", "JFK"}
    assert verdict["unknown_labels"] == {}


def test_first_model_that_beats_the_baselines_is_blessed(tmp_path):
    verdict, (blessing,) = judged(tmp_path, candidate=1.5, champion=None)
    assert [file.name for file in (tmp_path / "blessing").iterdir()] == ["BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert not blessing.has_custom_property("baseline_model")
    assert (verdict["blessed"], verdict["champion"], verdict["comparisons"]) == (True, None, [])
    assert verdict["metrics"]["auc"] > 0.8
