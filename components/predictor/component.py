"""The TFX shell: loads candidate and champion, asks them once, keeps what they answer."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils.path_utils import serving_model_path

from components.predictor.prediction import predict, train_labels
from components.shared.artifacts import artifact_types
from components.shared.examples.example_reading import record_batches
from components.shared.serving.predictions import CANDIDATE, CHAMPION, write_predictions, write_train_labels
from components.shared.serving.serving_contract import SavedModel


@component
def Predictor(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    champion: InputArtifact[Model],
    predictions: OutputArtifact[artifact_types.Predictions],
    task: Parameter[str],
    label: Parameter[str],
    code: Parameter[str],
):
    """Writes `eval.parquet` and `train_labels.parquet`, see components.shared.serving.predictions.

    Their custom property `rows`, JSON, says how many rows were read of each split. `champion` is not asked where its
    custom property `version` is 0: there is none yet. `label` is the label's column.
    """
    models = {CANDIDATE: SavedModel(Path(serving_model_path(model.uri)))}
    if champion.get_int_custom_property("version"):
        models[CHAMPION] = SavedModel(Path(serving_model_path(champion.uri)))
    folder = Path(predictions.uri)
    tables, about = predict(record_batches(get_split_uri([examples], "eval")), models, task, label)
    write_predictions(folder, tables, about)
    learned = train_labels(record_batches(get_split_uri([examples], "train")), models[CANDIDATE])
    write_train_labels(folder, learned)
    predictions.set_string_custom_property("rows", json.dumps({"train": len(learned), "eval": about.rows}))
