"""The TFX component ErrorAnalysis; see analysis.py for the analysis."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils.path_utils import serving_model_path

from components.error_analysis.analysis import analyse_errors
from components.error_analysis.settings import ErrorAnalysisSettings
from components.shared.artifacts import artifact_types
from components.shared.features.list_items import with_items
from components.shared.files import write_json
from components.shared.serving.predictions import read_predictions, read_train_labels


@component
def ErrorAnalysis(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    predictions: InputArtifact[artifact_types.Predictions],
    labels: InputArtifact[artifact_types.LabelReport],
    errors: OutputArtifact[artifact_types.ErrorReport],
    metric: Parameter[str],
    kinds: Parameter[str],
    settings: Parameter[str],
    code: Parameter[str],
):
    """Writes `errors.json`; `analysis.analyse_errors` documents its fields.

    Args:
      examples: Examples with the splits `train` and `eval`.
      model: The candidate.
      predictions: The Evaluator's predictions on `eval` and labels of `train`.
      labels: Report of the label audit.
      errors: Receives `errors.json`.
      metric: Metric of permutation importance.
      kinds: JSON of {categorical, numeric, cyclical, text} -> features.
      settings: JSON of `settings.ErrorAnalysisSettings`; "" for the defaults.
      code: Fingerprint of this component's code, part of the cache key.
    """
    audit = json.loads((Path(labels.uri) / "labels.json").read_text(encoding="utf-8"))
    found = analyse_errors(
        read_predictions(Path(predictions.uri)),
        evaluated=get_split_uri([examples], "eval"),
        learned=get_split_uri([examples], "train"),
        learned_rows=len(read_train_labels(Path(predictions.uri))),
        model=Path(serving_model_path(model.uri)),
        audit=audit,
        kinds=with_items(json.loads(kinds), get_split_uri([examples], "train")),
        metric=metric,
        settings=ErrorAnalysisSettings.from_json(settings),
    )
    write_json(Path(errors.uri) / "errors.json", found)
