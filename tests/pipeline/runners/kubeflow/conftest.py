"""The flights' pipeline, compiled once."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.config import load_config
from tests.pipeline.runners.kubeflow.steps import PROJECT


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """PipelineSpec of the flights on s3://bucket/runs, reading the committed sample."""
    import yaml

    from pipeline.runners.kubeflow.runner import compile_pipeline

    output = tmp_path_factory.mktemp("compiled") / "flights.yaml"
    compile_pipeline(
        load_config(PROJECT / "schemas" / "flights" / "pipeline.toml"),
        data=str(PROJECT / "data" / "sample" / "flights"),
        root="s3://bucket/runs",
        image="plumbline:test",
        output=output,
    )
    documents = list(yaml.safe_load_all(Path(output).read_text()))
    return documents[0]
