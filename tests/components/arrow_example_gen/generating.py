"""Runs the executor of ArrowExampleGen like TFX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.arrow_example_gen.component import ArrowExampleGen
from components.arrow_example_gen.source import Source

IMAGE = "--sdk_container_image=none"
"""Without an image TFX builds a wheel of itself for the workers at every execution."""
HERE = ("--runner=FnApiRunner", IMAGE)


def generate(described: Source, output: Path, beam: Sequence[str] = HERE, **settings: object) -> Any:
    """Runs the component; returns the Examples artifact with its files in `output`. `settings` are its parameters."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types.standard_artifacts import Examples

    examples = Examples()
    examples.uri = str(output)
    executor_class = ArrowExampleGen.EXECUTOR_SPEC.executor_class
    context = BaseBeamExecutor.Context(beam_pipeline_args=list(beam), tmp_dir=str(output), unique_id="1")
    properties = {"source": described.to_json(), "code": "", "span": -1, "fingerprint": ""} | settings
    executor_class(context).Do({}, {"examples": [examples]}, properties)
    return examples
