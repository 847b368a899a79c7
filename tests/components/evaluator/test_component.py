"""The executor, with TFMA and models that are small but served as the trainer's are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.components.evaluator.test_rows import save_model, write_split

pytestmark = pytest.mark.slow

ROWS = 600


def artifact(kind: Any, folder: Path, version: int | None = None) -> list:
    made = kind()
    made.uri = str(folder)
    if version is not None:
        made.set_int_custom_property("version", version)
    return [made]


def judged(folder: Path, candidate: float, champion: float | None) -> tuple[dict[str, Any], list[str]]:
    """verdict.json of models with these slopes, and the files of the blessing."""
    from google.protobuf import json_format
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts as kinds

    from components.evaluator.component import ChampionEvaluatorExecutor
    from components.evaluator.metrics import eval_config

    random = np.random.default_rng(0)
    numbers = random.normal(size=ROWS).round(3).tolist()
    labels: list[int | None] = [int(number + random.normal() > 0.5) for number in numbers]
    origins: list[str | None] = [["EWR", "JFK"][row % 2] for row in range(ROWS)]
    for split in ("train", "eval"):
        write_split(folder / "examples" / f"Split-{split}", origins, numbers, labels)
    save_model(folder / "model" / "Format-Serving", candidate)
    save_model(folder / "champion" / "Format-Serving", candidate if champion is None else champion)
    (examples,) = artifact(kinds.Examples, folder / "examples")
    examples.split_names = '["train", "eval"]'
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    bar = {"min_slice_rows": 100, "tolerance": {"auc": 0.01}, "sensitive": ["origin"]}
    features = {"categorical": ["origin"], "numeric": ["n"], "cyclical": {}}
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=none"],
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    ChampionEvaluatorExecutor(context).Do(
        {
            "examples": [examples],
            "model": artifact(kinds.Model, folder / "model"),
            "champion": artifact(kinds.Model, folder / "champion", version=0 if champion is None else 3),
        },
        {
            "evaluation": artifact(kinds.ModelEvaluation, folder / "evaluation"),
            "blessing": artifact(kinds.ModelBlessing, folder / "blessing"),
        },
        {
            "eval_config": json_format.MessageToJson(eval_config("binary", (("origin",),))),
            "example_splits": '["eval"]',
            "fairness_indicator_thresholds": "null",
            "bar": json.dumps(bar),
            "about": json.dumps({"task": "binary", "features": features}),
            "code": "",
        },
    )
    verdict = json.loads((folder / "evaluation" / "verdict.json").read_text(encoding="utf-8"))
    return verdict, [file.name for file in (folder / "blessing").iterdir()]


def test_a_worse_model_is_not_blessed_and_all_is_told(tmp_path):
    verdict, blessing = judged(tmp_path, candidate=-1.0, champion=1.0)
    assert blessing == ["NOT_BLESSED"]
    assert [text.split(" ")[0] for text in verdict["shortfalls"]] == ["auc", "auc"]  # the champion's, and the prior's
    assert verdict["shortfalls"][1].endswith("no better than the prior baseline")
    assert verdict["warnings"][0].endswith("does not beat the linear baseline")
    (compared,) = verdict["comparisons"]
    assert (compared["slice"], compared["metric"], compared["significant"]) == ("", "auc", True)
    # TFMA's figures, which come from histograms, and those of the rows are of the same rows and the same slices.
    apart = verdict["metrics"]["auc"] - verdict["champion"]["metrics"]["auc"]
    assert compared["difference"] == pytest.approx(apart, abs=1e-12)
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


def test_a_first_model_that_beats_the_baselines_is_blessed(tmp_path):
    verdict, blessing = judged(tmp_path, candidate=1.5, champion=None)
    assert (blessing, verdict["blessed"], verdict["champion"], verdict["comparisons"]) == (["BLESSED"], True, None, [])
    assert verdict["metrics"]["auc"] > 0.8
