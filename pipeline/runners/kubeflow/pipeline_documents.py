"""Completes TFX's PipelineSpec and writes the YAML or JSON documents for Kubeflow Pipelines or Vertex AI."""

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
    """Adds to TFX's PipelineSpec: root, parameter defaults, the preflight step, resources, retries and secrets.

    Args:
      spec: PipelineSpec as JSON, schema version 2.1.0; changed in place.
      config: Settings of the dataset.
      plan: Locations of the compiled pipeline.
      target: "kubeflow" or "vertex".

    Returns:
      The PipelineSpec; for Kubeflow also the platform spec, unless it is empty.

    Raises:
      ConfigError: Open-source KFP cannot run the spec, settings name an unknown component, or Beam workers could not
        read the artifacts.
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
    """Adds the schema's digest to ImportSchemaGen's command, so that KFP's cache key depends on the content."""
    for executor in spec["deploymentSpec"]["executors"].values():
        arguments = executor["container"]["args"]
        if any("import_schema_gen" in argument for argument in arguments):
            arguments.insert(0, f"--schema_sha256={digest}")


def write(documents: list[dict[str, Any]], plan: CompilePlan, output: Path) -> None:
    """Writes a compiled pipeline atomically, with sorted keys: the same pipeline gives the same bytes.

    Args:
      documents: PipelineSpec and platform spec, from `complete`.
      plan: Locations of the compiled pipeline.
      output: The file: a PipelineJob for Vertex AI's API if it ends in .json, else YAML.
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
