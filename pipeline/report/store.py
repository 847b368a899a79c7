"""Reads one run from ML Metadata: steps with inputs, outputs and parameters."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.custom_module import KEY as OWN
from pipeline.report.facts import ReportFile, ReportStep


@dataclass(frozen=True)
class RunRecord:
    """Metadata of one run.

    Attributes:
      steps: In the order of execution, with states and seconds from the summary.
      outputs: "Component.output" -> folder.
      settings: Component -> parameter -> value; JSON is parsed, code fingerprints are omitted.
      files: Input files.
    """

    steps: tuple[ReportStep, ...] = ()
    outputs: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: tuple[ReportFile, ...] = ()


def read_record(summary: Mapping[str, Any], store: Any) -> RunRecord:
    """Reads the metadata of a run; edges, outputs and settings are empty if the store does not contain it.

    Args:
      summary: The run's summary.
      store: An open MetadataStore, or None.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    told = [ReportStep(row["id"], row["state"], row["seconds"]) for row in summary["components"]]
    if store is None:
        return RunRecord(tuple(told))
    run = store.get_context_by_type_and_name("pipeline_run", summary["run_id"])
    if run is None:
        return RunRecord(tuple(told))
    executions = store.get_executions_by_context(run.id)
    kinds = {kind.id: kind.name.rsplit(".", 1)[-1] for kind in store.get_execution_types()}
    ids = {execution.id: kinds[execution.type_id] for execution in executions}
    events = store.get_events_by_execution_ids(sorted(ids))
    made = {event.artifact_id: ids[event.execution_id] for event in events if event.type == mlmd.Event.OUTPUT}
    artifacts = {artifact.id: artifact for artifact in store.get_artifacts_by_id(sorted(made))}
    inputs: dict[str, set[str]] = {}
    outputs: dict[str, Path] = {}
    for event in events:
        component = ids[event.execution_id]
        if event.type == mlmd.Event.OUTPUT:
            outputs[f"{component}.{event.path.steps[0].key}"] = Path(artifacts[event.artifact_id].uri)
        elif event.artifact_id in made:
            inputs.setdefault(component, set()).add(made[event.artifact_id])
    examples = [artifact for id_, artifact in artifacts.items() if made[id_] == "ArrowExampleGen"]
    return RunRecord(
        tuple(
            ReportStep(
                step.id,
                step.state,
                step.seconds,
                tuple(sorted(inputs.get(step.id, ()))),
                tuple(sorted(key.split(".", 1)[1] for key in outputs if key.startswith(f"{step.id}."))),
            )
            for step in told
        ),
        outputs,
        {
            ids[execution.id]: _parameters(execution)
            for execution in sorted(executions, key=lambda found: int(found.id))
        },
        _files(examples),
    )


def _parameters(execution: Any) -> dict[str, Any]:
    found = {}
    for name, value in sorted(execution.custom_properties.items()):
        kind = value.WhichOneof("value")
        if name != "code" and kind is not None:
            found[name] = _without_code(_parsed(getattr(value, kind)))
    return found


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _without_code(value: Any) -> Any:
    """Removes code fingerprints and the source text of a custom module; the module's digests stay."""
    if not isinstance(value, dict):
        return value
    found = {key: inner for key, inner in value.items() if key != "code"}
    if isinstance(own := found.get(OWN), dict):
        found[OWN] = {key: inner for key, inner in own.items() if key != "source"}
    return found


def _files(examples: list[Any]) -> tuple[ReportFile, ...]:
    if not examples:
        return ()
    rows = json.loads(examples[0].custom_properties["files"].string_value or "[]")
    return tuple(
        ReportFile(**{name: row[name] for name in ReportFile.__dataclass_fields__ if name in row}) for row in rows
    )
