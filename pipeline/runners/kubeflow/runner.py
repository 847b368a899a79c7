"""Compiles the DAG to YAML for Kubeflow Pipelines, or to JSON for Vertex AI."""

from pathlib import Path

from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from components.shared.errors import ConfigError, UsageError
from pipeline.dag import create_pipeline
from pipeline.inputs import Inputs, Paths
from pipeline.process.light_imports import complete_components
from pipeline.runners.kubeflow.pipeline_documents import complete, write
from pipeline.runners.kubeflow.plan import resolve_plan
from pipeline.settings.config import Config

ENTRYPOINT = ["python", "-m", "pipeline.runners.kubeflow.entrypoint"]


def compile_pipeline(
    config: Config,
    *,
    output: Path,
    data: str | None = None,
    root: str | None = None,
    image: str | None = None,
    target: str = "kubeflow",
) -> None:
    """Compiles the pipeline to a file.

    Values that are known only when a run starts (the newest span, its fingerprint, the champion) come from the
    preflight step, see pipeline.runners.kubeflow.preflight_task.

    Args:
      config: Settings of the dataset.
      output: Output file: YAML, or a PipelineJob for Vertex AI if it ends in .json.
      data: Folder or URL of the spans on the cluster; None is the settings' value.
      root: Folder or URL of artifacts and registry; None is the settings' value.
      image: Container image of the components; None is the settings' value.
      target: "kubeflow" or "vertex".

    Raises:
      ConfigError: A value is missing, or the cluster could not run the pipeline.
      UsageError: The file cannot be written.
    """
    if target == "kubeflow" and output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{output}: Kubeflow Pipelines takes YAML; name the file something.yaml")
    plan = resolve_plan(config, data=data, root=root, image=image, target=target)
    pipeline = create_pipeline(
        config,
        plan.source,
        Paths(schema=plan.schema, artifacts=plan.artifacts, registry=plan.registry),
        Inputs(
            span=RuntimeParameter("span", int),
            window=RuntimeParameter("window", int),
            data_fingerprint=RuntimeParameter("data_fingerprint", str),
            champion=RuntimeParameter("champion", int),
            registry_id=RuntimeParameter("registry_id", str),
        ),
    )
    settings = KubeflowV2DagRunnerConfig(
        default_image=plan.image, default_commands=ENTRYPOINT, use_pipeline_spec_2_1=True
    )
    try:
        complete_components()
        job = KubeflowV2DagRunner(settings).run(pipeline, write_out=False)
    except (NotImplementedError, ValueError) as exc:
        raise ConfigError(f"{config.path}: the pipeline cannot be compiled for {target} ({exc})") from exc
    documents = complete(job["pipelineSpec"], config, plan, target)
    try:
        write(documents, plan, output)
    except OSError as exc:
        raise UsageError(f"{output}: cannot be written ({exc.strerror})") from exc
