"""The TFX component Predictor, a thin shell around prediction.py."""

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
from components.shared.examples.reading_progress import with_progress
from components.shared.serving.predictions import CANDIDATE, CHAMPION, write_predictions, write_train_labels
from components.shared.serving.serving_contract import SavedModel, load_model


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

    Args:
      examples: The examples with the splits `train` and `eval`.
      model: The candidate.
      champion: The champion; not used if its custom property `version` is 0, which means that there is none.
      predictions: Receives the files; its custom property `rows` is JSON with the number of rows read of each split.
      task: binary, multiclass or regression.
      label: Name of the label column.
      code: Fingerprint of the code, part of the cache key.
    """
    models = {CANDIDATE: load_model(Path(serving_model_path(model.uri)))}
    if champion.get_int_custom_property("version"):
        models[CHAMPION] = SavedModel(Path(serving_model_path(champion.uri)))
    folder = Path(predictions.uri)
    train, current = (get_split_uri([examples], split) for split in ("train", "eval"))
    tables, about = predict(with_progress(record_batches(current), current, "eval"), models, task, label)
    write_predictions(folder, tables, about)
    learned = train_labels(with_progress(record_batches(train), train, "labels of train"), models[CANDIDATE])
    write_train_labels(folder, learned)
    predictions.set_string_custom_property("rows", json.dumps({"train": len(learned), "eval": about.rows}))
