"""The TFX component ChampionEvaluator, a thin shell around evaluation.py."""

import json
from pathlib import Path

from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation
from tfx.utils.path_utils import serving_model_path

from components.evaluator.blessing import ValidationThresholds
from components.evaluator.eval_config import slice_keys
from components.evaluator.evaluation import evaluate
from components.shared.artifacts import artifact_types
from components.shared.features.list_items import with_items
from components.shared.files import write_json, write_text
from components.shared.serving.predictions import CANDIDATE, CHAMPION, read_predictions, read_train_labels


@component
def ChampionEvaluator(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    champion: InputArtifact[Model],
    predictions: InputArtifact[artifact_types.Predictions],
    evaluation: OutputArtifact[ModelEvaluation],
    blessing: OutputArtifact[ModelBlessing],
    eval_config: Parameter[str],
    policy: Parameter[str],
    about: Parameter[str],
    code: Parameter[str],
):
    """Writes TFMA's result and verdict.json, and blesses the candidate or not.

    Args:
      examples: The examples with the splits `train` and `eval`.
      model: The candidate.
      champion: The champion; not used if its custom property `version` is 0, which means that there is none.
      predictions: Predictions of both for the eval split.
      evaluation: Receives TFMA's result and `verdict.json`: what evaluation.evaluate returns, and `rows`, the number of
        rows read of each split.
      blessing: Receives the decision.
      eval_config: TFMA's EvalConfig as JSON; only its slices are used.
      policy: The evaluation policy: JSON of the fields of blessing.ValidationThresholds.
      about: JSON object with section `features` of pipeline.toml.
      code: Fingerprint of the code, part of the cache key.
    """
    version = champion.get_int_custom_property("version") or None
    locations = {CANDIDATE: serving_model_path(model.uri)}
    if version is not None:
        locations[CHAMPION] = serving_model_path(champion.uri)
    folder = Path(evaluation.uri)
    predicted, train_labels = read_predictions(Path(predictions.uri)), read_train_labels(Path(predictions.uri))
    splits = {split: get_split_uri([examples], split) for split in ("train", "eval")}
    verdict = evaluate(
        predicted,
        train_labels,
        splits,
        with_items(json.loads(about)["features"], splits["train"]),
        slice_keys(eval_config),
        ValidationThresholds(**json.loads(policy)),
        locations,
        version,
        folder,
    )
    verdict["rows"] = {"train": len(train_labels), "eval": predicted.about.rows}
    write_json(folder / "verdict.json", verdict)
    blessed = verdict["blessed"]
    write_text(Path(blessing.uri) / (constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME), "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if version is not None:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, champion.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, champion.id)
