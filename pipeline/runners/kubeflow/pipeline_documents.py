"""From TFX's PipelineSpec to the documents that Kubeflow Pipelines, or Vertex AI, is given."""

import json
from pathlib import Path
from typing import Any

from components.shared.files import write_text
from pipeline.fingerprints import code_fingerprint
from pipeline.runners.kubeflow.beam_workers import check_workers, sharing
from pipeline.runners.kubeflow.compatibility import check_runnable
from pipeline.runners.kubeflow.plan import CompilePlan
from pipeline.runners.kubeflow.platform import platform_spec
from pipeline.runners.kubeflow.preflight_task import add_preflight, components_digest, schema_digest
from pipeline.runners.kubeflow.steps import equip
from pipeline.settings.config import Config


def complete(spec: dict[str, Any], config: Config, plan: CompilePlan, target: str) -> list[dict[str, Any]]:
    """What TFX's PipelineSpec lacks: root, defaults of the parameters, the first step, resources, retries, secrets.

    Args:
      spec: PipelineSpec as JSON, schema version 2.1.0; it is changed.
      config: Settings of the dataset.
      plan: Where the pipeline reads and writes.
      target: "kubeflow" or "vertex".

    Returns:
      The PipelineSpec; for Kubeflow, then the platform spec, if there is anything in it.

    Raises:
      ConfigError: The spec holds something that open-source KFP cannot run, settings name an unknown component, or
        Beam's workers could not read the artifacts.
    """
    check_runnable(spec)
    check_workers(config, plan, target)
    shared = sharing(spec, config, plan)
    schema = schema_digest(config.schema_path)
    spec["defaultPipelineRoot"] = plan.artifacts
    _pin_schema(spec, schema)
    add_preflight(spec, plan, code_fingerprint=code_fingerprint(config), components=components_digest(), schema=schema)
    spec["root"]["inputDefinitions"] = {
        "parameters": {
            "span": {
                "parameterType": "NUMBER_INTEGER",
                "defaultValue": -1,
                "isOptional": True,
                "description": "Span to evaluate on; -1 is the newest.",
            },
            "window": {
                "parameterType": "NUMBER_INTEGER",
                "defaultValue": config.data.window,
                "isOptional": True,
                "description": "Number of spans before it to train on.",
            },
        }
    }
    equip(spec, config, plan, target, shared)
    if target == "vertex":
        return [spec]
    places = (plan.source.directory, plan.artifacts, plan.registry)
    object_store = any(place.startswith(("s3://", "minio://")) for place in places)
    platform = platform_spec(config, list(spec["root"]["dag"]["tasks"]), object_store, shared)
    return [spec, platform] if platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"] else [spec]


def _pin_schema(spec: dict[str, Any], digest: str) -> None:
    """ImportSchemaGen's only parameter is a path. Its command is part of KFP's cache key, so the content goes there."""
    for executor in spec["deploymentSpec"]["executors"].values():
        arguments = executor["container"]["args"]
        if any("import_schema_gen" in argument for argument in arguments):
            arguments.insert(0, f"--schema_sha256={digest}")


def write(documents: list[dict[str, Any]], plan: CompilePlan, output: Path) -> None:
    """Writes a compiled pipeline: keys sorted, the same bytes for the same pipeline; whole or not at all.

    A .json file is a PipelineJob, which is what Vertex AI's API takes; anything else is YAML.
    """
    import yaml

    spec = documents[0]
    if output.suffix == ".json":
        job = {
            "displayName": spec["pipelineInfo"]["name"],
            "pipelineSpec": spec,
            "runtimeConfig": {"gcsOutputDirectory": plan.artifacts},
        }
        write_text(output, json.dumps(job, indent=2, sort_keys=True) + "\n")
        return
    head = f"# Pipeline {spec['pipelineInfo']['name']}, compiled by Plumbline. Do not edit: compile again.\n"
    write_text(output, head + yaml.safe_dump_all(documents, sort_keys=True, width=120, allow_unicode=True))
