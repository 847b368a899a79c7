"""The TFX shell around slices.py."""

import json
from dataclasses import asdict
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ModelEvaluation

from components.artifacts import ErrorReport
from components.error_analysis.slices import weakest_slices
from components.files import write_json


@component
def ErrorAnalysis(
    evaluation: InputArtifact[ModelEvaluation],
    errors: OutputArtifact[ErrorReport],
    metric: Parameter[str],
    lower_is_better: Parameter[int],
    min_rows: Parameter[int],
    code: Parameter[str],
):
    """Writes `errors.json`: rows of slices.WeakSlice, costliest first."""
    verdict = json.loads((Path(evaluation.uri) / "verdict.json").read_text(encoding="utf-8"))
    weak = weakest_slices(verdict["slices"], verdict["metrics"], metric, bool(lower_is_better), min_rows)
    write_json(Path(errors.uri) / "errors.json", [asdict(slice_) for slice_ in weak])
