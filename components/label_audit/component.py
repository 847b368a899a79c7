"""The TFX shell around consistency.py."""

import json
from dataclasses import asdict
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import get_split_uri
from tfx.types.standard_artifacts import Examples

from components.artifacts import LabelReport
from components.examples import read_examples
from components.files import write_json
from components.label_audit.consistency import label_consistency


@component
def LabelAudit(
    examples: InputArtifact[Examples],
    labels: OutputArtifact[LabelReport],
    label: Parameter[str],
    features: Parameter[str],
    ids: Parameter[str],
    code: Parameter[str],
):
    """Writes `labels.json` about the train split. `features` and `ids` are JSON lists of columns."""
    columns = [label, *json.loads(features), *json.loads(ids)]
    rows = read_examples(get_split_uri([examples], "train"), columns)
    found = label_consistency(rows, label, json.loads(features), json.loads(ids))
    write_json(Path(labels.uri) / "labels.json", asdict(found))
