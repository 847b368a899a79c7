"""Executions and artifacts of ML Metadata as a graph to walk: what a run did, and what an artifact came from.

ML Metadata's own lineage query needs ZetaSQL, which its wheels lack; so the walk goes from events to executions and
back, one level of the graph a query. Uses ML Metadata alone, no TFX: looking back must not take TensorFlow's import
time.
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
"""ML Metadata's word -> the summary's. A run that was killed leaves its last execution `running`."""

REBUILT = "plumbline.RebuiltRun"
"""Type of the one execution that stands for a run whose records were lost, see pipeline/doctor/restore.py."""


@dataclass(frozen=True)
class Execution:
    """One execution. `inputs` and `outputs` are artifact ids by key; `seconds` is from its record to its result."""

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
        """Whether it stands for a whole run, of which only the summary was left."""
        return self.node == REBUILT.rpartition(".")[2]

    @property
    def succeeded(self) -> bool:
        """Whether its outputs may be served from the cache."""
        return self.state in ("executed", "cached")

    def artifact_ids(self) -> set[int]:
        """Everything that went in or came out."""
        return {id_ for ids in (*self.inputs.values(), *self.outputs.values()) for id_ in ids}


def run_ids(store: "metadata_store.MetadataStore") -> list[str]:
    """All runs in the store, newest first."""
    contexts = store.get_contexts_by_type("pipeline_run")
    return [context.name for context in sorted(contexts, key=lambda context: context.id, reverse=True)]


def executions_of_run(store: "metadata_store.MetadataStore", run_id: str) -> list[Execution]:
    """What a run did, in the order in which it did it; UsageError if the store does not know the run."""
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    if run is None:
        raise UsageError(f"run {run_id} is not in this metadata store; `plumbline runs` lists those that are")
    return _described(store, store.get_executions_by_context(run.id))


def executions_by_id(store: "metadata_store.MetadataStore", ids: Iterable[int]) -> list[Execution]:
    """Executions in the order of their ids."""
    wanted = sorted(set(ids))
    return _described(store, store.get_executions_by_id(wanted)) if wanted else []


def makers(store: "metadata_store.MetadataStore", artifact_ids: Iterable[int]) -> list[Execution]:
    """The executions that made some artifacts. Those that took them from the cache list them as outputs too."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    wanted = sorted(set(artifact_ids))
    events = store.get_events_by_artifact_ids(wanted) if wanted else []
    ids = sorted({event.execution_id for event in events if event.type == mlmd.Event.OUTPUT})
    found = store.get_executions_by_id(ids) if ids else []
    return _described(store, [one for one in found if one.last_known_state != mlmd.Execution.CACHED])


def upstream(store: "metadata_store.MetadataStore", artifact_ids: Iterable[int]) -> list[Execution]:
    """Every execution that had to happen for some artifacts to be there, oldest first."""
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
    """Artifacts by id."""
    wanted = sorted(set(ids))
    return {one.id: one for one in store.get_artifacts_by_id(wanted)} if wanted else {}


def earlier_runs(store: "metadata_store.MetadataStore", run_id: str, most: int = 50) -> Iterator[list[Execution]]:
    """What the runs before one did, the nearest first."""
    names = run_ids(store)
    start = names.index(run_id) + 1
    for name in names[start : start + most]:
        yield executions_of_run(store, name)


def text_property(message: Any, name: str) -> str:
    """A custom property of an artifact or execution as text; "" if it has none."""
    # Asked first: reading a property that is not there puts an empty one into the message, and writing that aborts.
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
                    if not name.startswith("__")  # TFX's own bookkeeping
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
