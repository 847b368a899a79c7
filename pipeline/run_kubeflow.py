"""The same DAG as a Kubeflow pipeline: compiled to YAML, run elsewhere."""

from dataclasses import replace
from pathlib import Path

from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from pipeline.config import Config
from pipeline.dag import Inputs, Paths, create_pipeline
from pipeline.preflight import source_of

SCHEMAS_IN_IMAGE = "/app/schemas"
"""Where the image keeps schemas/."""


def compile_pipeline(config: Config, *, data: str, root: str, image: str, output: Path) -> None:
    """Writes the pipeline as YAML.

    What is known only when a run starts (newest span, its fingerprint, the champion) is left to the components.

    Args:
      config: Settings of the dataset.
      data: Folder or URL of the spans, as the cluster sees it.
      root: Folder or URL for artifacts and registry.
      image: Container image in which every component runs.
      output: File to write, .yaml.
    """
    name = config.dataset.name
    home = f"{root.rstrip('/')}/{name}"
    source = source_of(config, data)
    if source.corrections and Path(source.corrections) == config.path.with_name("corrections.csv"):
        source = replace(source, corrections=f"{SCHEMAS_IN_IMAGE}/{name}/corrections.csv")
    pipeline = create_pipeline(
        config,
        source,
        Paths(
            schema=f"{SCHEMAS_IN_IMAGE}/{name}/schema.pbtxt",
            artifacts=f"{home}/artifacts",
            registry=config.registry.directory or f"{home}/registry",
        ),
        Inputs(),
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    settings = KubeflowV2DagRunnerConfig(default_image=image, display_name=name)
    KubeflowV2DagRunner(settings, output_dir=str(output.parent), output_filename=output.name).run(pipeline)
