"""TFX's Evaluator with our verdict."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components.errors import InputError
from components.evaluator.assessing import Assessment, assess, finite
from components.evaluator.evidence import Comparison
from components.evaluator.metrics import CANDIDATE, CHAMPION
from components.evaluator.results import decision_threshold, read_metrics
from components.evaluator.rows import SavedModel, learn_baselines, read_rows, slice_keys, slice_rows
from components.evaluator.verdict import OVERALL, Bar, Shortfall, by_chance, judge
from components.files import write_json, write_text


class ChampionEvaluatorExecutor(tfx_evaluator.Executor):
    """Lets TFX's executor measure, asks the models about each row, then judges.

    Without a champion the candidate is measured alone. verdict.json holds `blessed`, the texts `shortfalls` and
    `warnings`, `metrics`, `slices` and `champion` (from the rows; what is not counted there is TFMA's), `intervals` and
    `slice_intervals` (95 %), `baselines` (prior and linear), `baseline_differences` (candidate minus baseline, with
    standard errors), `comparisons` (evidence.Comparison with `slice` and `metric`) and `fairness`.
    """

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

        folders = {CANDIDATE: path_utils.serving_model_path(model.uri)}
        if version is not None:
            folders[CHAMPION] = path_utils.serving_model_path(champion.uri)
        thresholds = {name: decision_threshold(Path(folder)) for name, folder in folders.items()}
        # TFMA leaves the model's name out where there is only one.
        metrics = {name: read_metrics(Path(evaluation.uri), name if version is not None else "") for name in folders}
        bar = Bar(**json.loads(exec_properties["bar"]))
        found = _assessed(input_dict["examples"], folders, thresholds, bar, exec_properties)
        # TFMA sums areas over bins: they would not add up with differences and intervals, which come from the rows.
        for name, parts in found.measured.items():
            for part, values in parts.items():
                metrics[name].setdefault(part, {"rows": 0.0}).update(values)
        candidate, before = metrics[CANDIDATE], metrics.get(CHAMPION)
        missed = judge(candidate, before, bar, found.comparisons)
        shortfalls = [*map(str, missed), *found.shortfalls]
        chance = by_chance(candidate, before, bar, found.comparisons)
        write_json(
            Path(evaluation.uri) / "verdict.json",
            {
                "blessed": not shortfalls,
                "shortfalls": shortfalls,
                "warnings": [*(_within_chance(*one) for one in chance), *found.warnings],
                "metrics": _finite(candidate[OVERALL]),
                "intervals": found.intervals.get(OVERALL, {}),
                "slices": {name: _finite(values) for name, values in candidate.items() if name != OVERALL},
                "slice_intervals": {name: ends for name, ends in found.intervals.items() if name != OVERALL},
                "baselines": {name: _finite(values) for name, values in found.baselines.items()},
                "baseline_differences": found.baseline_differences,
                "champion": None if before is None else {"version": version, "metrics": _finite(before[OVERALL])},
                "comparisons": [
                    {"slice": part, "metric": metric, **_finite(asdict(compared))}
                    for (part, metric), compared in found.comparisons.items()
                ],
                "fairness": found.fairness,
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


def _assessed(
    examples: list, folders: dict[str, str], thresholds: dict[str, float], bar: Bar, exec_properties: dict[str, Any]
) -> Assessment:
    """Asks the models once more, row by row, which TFMA does not tell, and weighs what they say."""
    about = json.loads(exec_properties["about"])
    task, features = about["task"], about["features"]
    models = {name: SavedModel(folder) for name, folder in folders.items()}
    train, eval_ = (artifact_utils.get_split_uri(examples, split) for split in ("train", "eval"))
    baselines = learn_baselines(train, models[CANDIDATE], task, features, bar.decide_by)
    keys = slice_keys(exec_properties["eval_config"])
    wanted = sorted({column for key in keys for column in key} | set(bar.sensitive))
    rows = read_rows(eval_, models, baselines, features, wanted)
    if not len(rows.labels):
        raise InputError(f"{eval_}: no row has a label to evaluate on; check the label column of the eval span")
    groups = {
        column: {value: at for (value,), at in rows.groups([column]).items()}
        for column in (bar.sensitive if task == "binary" else ())
    }
    cuts = {**thresholds, **baselines.thresholds} if task == "binary" else {}
    return assess(task, rows.labels, rows.answers, cuts, slice_rows(rows, keys), groups, bar)


def _within_chance(shortfall: Shortfall, compared: Comparison) -> str:
    p = "cannot be told" if compared.p_value != compared.p_value else f"{compared.p_value:.2f}"
    return f"{shortfall}: within chance (p = {p}), so it does not count"


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a metric that cannot be told is null."""
    return {name: finite(value) if isinstance(value, float) else value for name, value in values.items()}


class ChampionEvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of ChampionEvaluator."""

    PARAMETERS = {
        "eval_config": ExecutionParameter(type=str),
        "example_splits": ExecutionParameter(type=str),
        "fairness_indicator_thresholds": ExecutionParameter(type=str),
        "bar": ExecutionParameter(type=str),
        "about": ExecutionParameter(type=str),
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

    Args of the constructor: `eval_config` is TFMA's EvalConfig as JSON, `bar` a verdict.Bar as JSON,
    `about` a JSON object with `task` and pipeline.toml's table `features`.
    """

    SPEC_CLASS = ChampionEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ChampionEvaluatorExecutor)

    def __init__(self, *, eval_config: str, bar: str, about: str, code: str, **channels: Any) -> None:
        spec = ChampionEvaluatorSpec(
            eval_config=eval_config,
            example_splits=json.dumps(["eval"]),
            fairness_indicator_thresholds="null",
            bar=bar,
            about=about,
            code=code,
            evaluation=as_channel([standard_artifacts.ModelEvaluation()]),
            blessing=as_channel([standard_artifacts.ModelBlessing()]),
            **channels,
        )
        super().__init__(spec=spec)
