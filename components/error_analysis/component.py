"""The TFX shell: predicts the eval split, searches it, asks the training rows why, writes what to do next."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils.path_utils import serving_model_path

from components.artifacts import ErrorReport, LabelReport
from components.error_analysis.analysis import analyse
from components.error_analysis.settings import Settings
from components.files import write_json


@component
def ErrorAnalysis(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    labels: InputArtifact[LabelReport],
    errors: OutputArtifact[ErrorReport],
    metric: Parameter[str],
    task: Parameter[str],
    kinds: Parameter[str],
    settings: Parameter[str],
    code: Parameter[str],
):
    """Writes `errors.json`, see analysis.analyse.

    `metric` is what importance is measured by, `kinds` JSON of {categorical, numeric, cyclical}, `settings` JSON of
    Settings' fields.
    """
    audit = json.loads((Path(labels.uri) / "labels.json").read_text(encoding="utf-8"))
    found = analyse(
        evaluated=get_split_uri([examples], "eval"),
        learned=get_split_uri([examples], "train"),
        model=serving_model_path(model.uri),
        audit=audit,
        kinds=json.loads(kinds),
        task=task,
        metric=metric,
        settings=Settings.from_json(settings),
    )
    write_json(Path(errors.uri) / "errors.json", found)
