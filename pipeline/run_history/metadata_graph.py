"""Traverses executions and artifacts of ML Metadata as a graph.

ML Metadata's lineage query needs ZetaSQL, which its wheels lack, so the traversal reads events and executions, one
query per level of the graph. It imports ML Metadata without TFX, which would import TensorFlow.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

STATES = {"COMPLETE": "executed", "CACHED": "cached", "FAILED": "failed", "RUNNING": "running", "CANCELED": "canceled"}
"""ML Metadata's state -> state in the summary. The last execution of a killed run stays `running`."""

REBUILT = "plumbline.RebuiltRun"
"""Type of the single execution that represents a run with lost records, see pipeline/doctor/restore.py."""


@dataclass(frozen=True)
class Execution:
    """One execution. `inputs` and `outputs` map keys to artifact ids; `seconds` is its duration."""

    id: int
    pipeline: str
    node: str
    run_id: str
    state: str
    began: str
    seconds: float
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    parameters: dict[str, Any]

    @property
    def is_rebuilt(self) -> bool:
        """Whether it represents a whole run whose records were lost."""
        return self.node == REBUILT.rpartition(".")[2]

    @property
    def succeeded(self) -> bool:
        """Whether the cache may serve its outputs."""
        return self.state in ("executed", "cached")

    def artifact_ids(self) -> set[int]:
        """Ids of all inputs and outputs."""
        return {id_ for ids in (*self.inputs.values(), *self.outputs.values()) for id_ in ids}


def run_ids(store: "metadata_store.MetadataStore") -> list[str]:
    """Returns the ids of all runs in the store, newest first."""
    contexts = store.get_contexts_by_type("pipeline_run")
    return [context.name for context in sorted(contexts, key=lambda context: context.id, reverse=True)]


def executions_of_run(store: "metadata_store.MetadataStore", run_id: str) -> list[Execution]:
    """Returns the executions of a run in their order; UsageError if the store does not contain the run."""
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    if run is None:
        raise UsageError(f"run {run_id} is not in this metadata store; `plumbline runs` lists its runs")
    return _described(store, store.get_executions_by_context(run.id))


def executions_by_id(store: "metadata_store.MetadataStore", ids: Iterable[int]) -> list[Execution]:
    """Returns executions in the order of their ids."""
    wanted = sorted(set(ids))
    return _described(store, store.get_executions_by_id(wanted)) if wanted else []


def makers(store: "metadata_store.MetadataStore", artifact_ids: Iterable[int]) -> list[Execution]:
    """Returns the executions with some artifacts as outputs, including cached executions."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    wanted = sorted(set(artifact_ids))
    events = store.get_events_by_artifact_ids(wanted) if wanted else []
    ids = sorted({event.execution_id for event in events if event.type == mlmd.Event.OUTPUT})
    found = store.get_executions_by_id(ids) if ids else []
    return _described(store, [one for one in found if one.last_known_state != mlmd.Execution.CACHED])


def upstream(store: "metadata_store.MetadataStore", artifact_ids: Iterable[int]) -> list[Execution]:
    """Returns all executions upstream of some artifacts, oldest first."""
    found: dict[int, Execution] = {}
    seen: set[int] = set()
    waiting = set(artifact_ids)
    while waiting:
        seen |= waiting
        new = [made for made in makers(store, waiting) if made.id not in found]
        found.update({made.id: made for made in new})
        waiting = {id_ for made in new for ids in made.inputs.values() for id_ in ids} - seen
    return [found[id_] for id_ in sorted(found)]


def artifacts_by_id(store: "metadata_store.MetadataStore", ids: Iterable[int]) -> dict[int, "mlmd.Artifact"]:
    """Returns id -> artifact."""
    wanted = sorted(set(ids))
    return {one.id: one for one in store.get_artifacts_by_id(wanted)} if wanted else {}


def earlier_runs(store: "metadata_store.MetadataStore", run_id: str, most: int = 50) -> Iterator[list[Execution]]:
    """Yields the executions of the runs before `run_id`, latest run first, at most `most` runs."""
    names = run_ids(store)
    start = names.index(run_id) + 1
    for name in names[start : start + most]:
        yield executions_of_run(store, name)


def text_property(message: Any, name: str) -> str:
    """Returns a custom property of an artifact or execution as text; "" if it is missing."""
    # Reading a missing key would add an empty property to the message, and writing that message aborts.
    return str(message.custom_properties[name].string_value) if name in message.custom_properties else ""


def _described(store: "metadata_store.MetadataStore", found: list["mlmd.Execution"]) -> list[Execution]:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    found = sorted(found, key=lambda one: one.id)
    events: dict[int, list[Any]] = {one.id: [] for one in found}
    for event in store.get_events_by_execution_ids(list(events)) if found else []:
        events[event.execution_id].append(event)
    described = []
    for one in found:
        contexts = {context.type: context.name for context in store.get_contexts_by_execution(one.id)}
        state = mlmd.Execution.State.Name(one.last_known_state)
        began, ended = one.create_time_since_epoch, one.last_update_time_since_epoch
        described.append(
            Execution(
                id=one.id,
                pipeline=contexts.get("pipeline", ""),
                # "<pipeline>.<node>"; a node's id has no dot.
                node=contexts.get("node", one.type).rpartition(".")[2],
                run_id=contexts.get("pipeline_run", ""),
                state=STATES.get(state, state.lower()),
                began=datetime.fromtimestamp(began / 1000, timezone.utc).isoformat(timespec="seconds"),
                seconds=round((ended - began) / 1000, 3),
                inputs=_by_key(events[one.id], (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT)),
                outputs=_by_key(events[one.id], (mlmd.Event.OUTPUT, mlmd.Event.PENDING_OUTPUT)),
                parameters={
                    name: getattr(value, value.WhichOneof("value") or "string_value")
                    for name, value in sorted(one.custom_properties.items())
                    if not name.startswith("__")  # TFX's internal properties
                },
            )
        )
    return described


def _by_key(events: Iterable[Any], kinds: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for event in events:
        if event.type in kinds:
            found.setdefault(event.path.steps[0].key if event.path.steps else "", []).append(event.artifact_id)
    return {key: tuple(sorted(ids)) for key, ids in sorted(found.items())}
