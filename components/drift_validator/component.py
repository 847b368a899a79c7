"""The TFX component DriftValidator; see drift_detection.py for the comparison."""

import os
from dataclasses import asdict
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import ExampleAnomalies, Examples, Schema
from tfx.utils import io_utils

from components.drift_validator.anomalies import to_anomalies
from components.drift_validator.drift_detection import DriftConfig, find_drift
from components.shared.artifacts.artifact_types import DriftReport
from components.shared.examples.example_reading import example_batches
from components.shared.examples.reading_progress import with_progress
from components.shared.files import write_bytes, write_json


@component
def DriftValidator(
    examples: InputArtifact[Examples],
    schema: InputArtifact[Schema],
    drift: OutputArtifact[DriftReport],
    anomalies: OutputArtifact[ExampleAnomalies],
    plan: Parameter[str],
    code: Parameter[str],
):
    """Compares eval with train and writes `drift.json` and an ExampleAnomalies.

    Args:
      examples: Examples with the splits `train` (baseline data) and `eval` (current data).
      schema: Schema; its drift comparators are the thresholds of features for which the plan has none.
      drift: Receives `drift.json`, a list of the fields of `significance.DriftFinding`.
      anomalies: Receives the drift as anomalies of the split `eval`, for the tools of TFX and TFDV.
      plan: A `drift_detection.DriftConfig` as JSON.
      code: Fingerprint of this component's code, part of the cache key.
    """
    curated = io_utils.parse_pbtxt_file(os.path.join(schema.uri, "schema.pbtxt"), schema_pb2.Schema())
    train, current = (os.path.join(examples.uri, f"Split-{split}") for split in ("train", "eval"))
    found = find_drift(
        with_progress(example_batches(train), train, "train"),
        with_progress(example_batches(current), current, "eval"),
        DriftConfig.from_json(plan).with_schema(curated),
    )
    write_json(Path(drift.uri) / "drift.json", [asdict(row) for row in found.rows])
    anomalies.split_names = encode_split_names(["eval"])
    write_bytes(
        Path(anomalies.uri) / "Split-eval" / "SchemaDiff.pb", to_anomalies(found.rows, curated).SerializeToString()
    )
