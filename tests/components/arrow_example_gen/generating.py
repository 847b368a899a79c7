"""The component's executor, run as TFX runs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.arrow_example_gen.component import ArrowExampleGen
from components.arrow_example_gen.source import Source

IMAGE = "--sdk_container_image=none"
"""Without one TFX builds a package of itself for workers, at every run of the component."""
HERE = ("--runner=FnApiRunner", IMAGE)


def generate(described: Source, output: Path, beam: Sequence[str] = HERE, **settings: object) -> Any:
    """The artifact, whose files are in the folder `output`; `settings` are parameters of the component."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types.standard_artifacts import Examples

    examples = Examples()
    examples.uri = str(output)
    executor_class = ArrowExampleGen.EXECUTOR_SPEC.executor_class
    context = BaseBeamExecutor.Context(beam_pipeline_args=list(beam), tmp_dir=str(output), unique_id="1")
    properties = {"source": described.to_json(), "code": "", "span": -1, "fingerprint": ""} | settings
    executor_class(context).Do({}, {"examples": [examples]}, properties)
    return examples
