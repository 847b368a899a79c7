"""The TFX shell around drift.py."""

import os
from dataclasses import asdict
from pathlib import Path

import tensorflow_data_validation as tfdv
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExampleStatistics, Schema

from components.artifacts import DriftReport
from components.drift_validator.drift import find_drift
from components.files import write_json


@component
def DriftValidator(
    statistics: InputArtifact[ExampleStatistics],
    schema: InputArtifact[Schema],
    drift: OutputArtifact[DriftReport],
    code: Parameter[str],
):
    """Writes `drift.json` (rows of drift.Drift) and TFDV's drift anomalies."""
    rows, anomalies = find_drift(
        stats_artifact_utils.load_statistics(statistics, "train").proto(),
        stats_artifact_utils.load_statistics(statistics, "eval").proto(),
        tfdv.load_schema_text(os.path.join(schema.uri, "schema.pbtxt")),
    )
    folder = Path(drift.uri)
    write_json(folder / "drift.json", [asdict(row) for row in rows])
    (folder / "Split-eval").mkdir(parents=True, exist_ok=True)
    (folder / "Split-eval" / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
