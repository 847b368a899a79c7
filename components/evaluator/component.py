"""TFX's Evaluator with our verdict."""

import json
from pathlib import Path
from typing import Any

from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components.evaluator.metrics import CANDIDATE, CHAMPION
from components.evaluator.results import decision_threshold, read_metrics
from components.evaluator.verdict import OVERALL, Bar, judge
from components.files import write_json, write_text


class ChampionEvaluatorExecutor(tfx_evaluator.Executor):
    """Lets TFX's executor measure, then judges. Without a champion the candidate is measured alone."""

    def Do(self, input_dict: dict[str, list], output_dict: dict[str, list], exec_properties: dict[str, Any]) -> None:
        """Writes TFMA's results and `verdict.json` to `evaluation`, and the decision to `blessing`."""
        model = artifact_utils.get_single_instance(input_dict["model"])
        champion = artifact_utils.get_single_instance(input_dict["champion"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        version = champion.get_int_custom_property("version") or None

        measured = {"examples": input_dict["examples"], "model": input_dict["model"]}
        if version is not None:
            measured["baseline_model"] = input_dict["champion"]
        super().Do(measured, output_dict, exec_properties)

        def metrics_of(artifact: Any, name: str) -> dict[str, dict[str, float]]:
            threshold = decision_threshold(Path(path_utils.serving_model_path(artifact.uri)))
            return read_metrics(Path(evaluation.uri), name, threshold)

        # TFMA leaves the model's name out where there is only one.
        candidate = metrics_of(model, CANDIDATE if version is not None else "")
        before = metrics_of(champion, CHAMPION) if version is not None else None
        shortfalls = judge(candidate, before, Bar(**json.loads(exec_properties["bar"])))
        write_json(
            Path(evaluation.uri) / "verdict.json",
            {
                "blessed": not shortfalls,
                "shortfalls": [str(shortfall) for shortfall in shortfalls],
                "metrics": _finite(candidate[OVERALL]),
                "slices": {name: _finite(values) for name, values in candidate.items() if name != OVERALL},
                "champion": None if before is None else {"version": version, "metrics": _finite(before[OVERALL])},
            },
        )
        name = constants.NOT_BLESSED_FILE_NAME if shortfalls else constants.BLESSED_FILE_NAME
        write_text(Path(blessing.uri) / name, "")
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(not shortfalls))
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
        if version is not None:
            blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, champion.uri)
            blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, champion.id)


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a metric that cannot be told is null."""
    return {name: value if value - value == 0 else None for name, value in metrics.items()}


class ChampionEvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of ChampionEvaluator."""

    PARAMETERS = {
        "eval_config": ExecutionParameter(type=str),
        "example_splits": ExecutionParameter(type=str),
        "fairness_indicator_thresholds": ExecutionParameter(type=str),
        "bar": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "champion": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ChampionEvaluator(base_beam_component.BaseBeamComponent):
    """Measures candidate and champion on split `eval` and decides.

    Args of the constructor: `eval_config` is TFMA's EvalConfig as JSON, `bar` a verdict.Bar as JSON.
    """

    SPEC_CLASS = ChampionEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ChampionEvaluatorExecutor)

    def __init__(self, *, eval_config: str, bar: str, code: str, **channels: Any) -> None:
        spec = ChampionEvaluatorSpec(
            eval_config=eval_config,
            example_splits=json.dumps(["eval"]),
            fairness_indicator_thresholds="null",
            bar=bar,
            code=code,
            evaluation=as_channel([standard_artifacts.ModelEvaluation()]),
            blessing=as_channel([standard_artifacts.ModelBlessing()]),
            **channels,
        )
        super().__init__(spec=spec)
